from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lucid_blender.core.errors import InvalidInput
from lucid_blender.core.meshes import TriangleMesh
from lucid_blender.core.splats import SplatCloud

from .samples import MESH, splats


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("positions", np.zeros((3, 2)), "positions has shape"),
        ("positions", np.full((3, 3), np.inf), "9 values that are NaN or infinite"),
        ("scales", np.zeros((3, 3)), "scales must be > 0"),
        ("rotations", np.zeros((3, 4)), "3 quaternions of length 0"),
        ("opacities", np.array([0, 1, 1.5]), "opacities must lie in"),
        ("sh", np.zeros((3, 2, 3)), "sh has shape"),
        ("sh", np.zeros(3), "sh has shape"),
    ],
)
def test_a_wrong_array_is_named(name: str, value: np.ndarray, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        replace(splats(3), **{name: value})


def test_rotations_become_unit_quaternions_even_when_huge() -> None:
    cloud = replace(splats(2), rotations=np.array([[3e38, 0, 0, 0], [0, 1e-10, 1e-10, 0]], np.float32))
    np.testing.assert_allclose(np.linalg.norm(cloud.rotations, axis=1), 1, rtol=1e-6)


def test_building_a_cloud_again_changes_no_bit() -> None:
    cloud = splats(1000)
    assert replace(cloud).equals(cloud)


def test_base_colors_are_the_colours_a_cloud_was_made_from() -> None:
    colors = np.random.default_rng(0).random((5, 3)).astype(np.float32)
    one = splats(5)
    cloud = SplatCloud.from_colors(
        positions=one.positions, scales=one.scales, rotations=one.rotations, opacities=one.opacities, colors=colors
    )
    np.testing.assert_allclose(cloud.base_colors, colors, atol=1e-6)
    assert cloud.sh_degree == 0


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("triangles", np.array([[0, 1, 4]]), r"outside 0\.\.3"),
        ("triangles", np.array([[0, -1, 2]]), r"outside 0\.\.3"),
        ("colors", np.zeros((3, 3)), "3 colours for 4 vertices"),
        ("vertices", np.zeros(4), "vertices has shape"),
        ("vertices", np.full((4, 3), np.nan), "NaN"),
    ],
)
def test_a_wrong_mesh_is_refused(name: str, value: np.ndarray, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        replace(MESH, **{name: value})


def test_a_mesh_keeps_its_arrays() -> None:
    assert isinstance(replace(MESH), TriangleMesh)
    assert MESH.triangles.dtype == np.int32
