"""Triangle meshes as PLY files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import trimesh

from ...core.meshes import TriangleMesh


def write_mesh(path: Path, mesh: TriangleMesh) -> None:
    """Write vertices, triangles and sRGB vertex colours as PLY."""
    colors = np.round(mesh.colors.clip(0, 1) * 255).astype(np.uint8)
    trimesh.Trimesh(mesh.vertices, mesh.triangles, vertex_colors=colors, process=False).export(path, file_type="ply")
