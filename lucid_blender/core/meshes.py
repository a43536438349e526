"""TriangleMesh: what crosses between Blender's meshes, the initialiser and the mesh extractor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .errors import InvalidInput


@dataclass(frozen=True, kw_only=True, eq=False)
class TriangleMesh:
    """V vertices and T triangles.

    vertices   [V, 3] float32, metres
    triangles  [T, 3] int32, counter-clockwise seen from outside
    colors     [V, 3] float32, sRGB in [0, 1]

    Raises InvalidInput when a shape, a value or an index is wrong.
    """

    vertices: npt.NDArray[np.float32]
    triangles: npt.NDArray[np.int32]
    colors: npt.NDArray[np.float32]

    def __post_init__(self) -> None:
        for name, dtype in (("vertices", np.float32), ("triangles", np.int32), ("colors", np.float32)):
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), dtype=dtype))
        for name in ("vertices", "triangles", "colors"):
            array = getattr(self, name)
            if array.ndim != 2 or array.shape[1] != 3:
                raise InvalidInput(f"mesh {name} has shape {array.shape}; wanted [*, 3]")
            if not np.isfinite(array).all():
                raise InvalidInput(f"mesh {name} has values that are NaN or infinite")
        if len(self.colors) != len(self.vertices):
            raise InvalidInput(f"mesh has {len(self.colors)} colours for {len(self.vertices)} vertices")
        if self.triangles.size and not 0 <= self.triangles.min() <= self.triangles.max() < len(self.vertices):
            raise InvalidInput(f"mesh triangles name vertices outside 0..{len(self.vertices) - 1}")
