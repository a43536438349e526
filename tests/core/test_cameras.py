from __future__ import annotations

import numpy as np
import pytest

from lucid_blender.core.cameras import (
    OPENCV_FROM_BLENDER_CAMERA,
    Camera,
    look_at,
    orbit,
    orbit_position,
    turntable,
    viewmat_from_blender,
)
from lucid_blender.core.errors import InvalidInput

FRONT = {"radius": 4.0, "elevation": 0.0, "fov_y": 0.5, "width": 64, "height": 64}


def project(camera: Camera, point: tuple[float, float, float]) -> tuple[float, float]:
    x, y, z, _ = camera.viewmat @ [*point, 1]
    return camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy


@pytest.mark.parametrize(
    ("azimuth", "elevation", "wanted"),
    [(0, 0, (0, -1, 0)), (90, 0, (1, 0, 0)), (180, 0, (0, 1, 0)), (0, 90, (0, 0, 1)), (-90, 0, (-1, 0, 0))],
)
def test_the_orbit_starts_in_front_and_turns_to_plus_x(
    azimuth: float, elevation: float, wanted: tuple[float, ...]
) -> None:
    position = orbit_position(radius=2.0, azimuth=azimuth, elevation=elevation)
    np.testing.assert_allclose(position, 2 * np.array(wanted), atol=1e-12)


def test_the_front_view_has_plus_x_on_the_right_and_plus_z_on_top() -> None:
    camera = orbit(azimuth=0.0, **FRONT)  # type: ignore[arg-type]
    np.testing.assert_allclose(project(camera, (0, 0, 0)), (32, 32))
    assert project(camera, (0.1, 0, 0))[0] > 32
    assert project(camera, (0, 0, 0.1))[1] < 32


def test_depth_is_the_distance_along_the_optical_axis() -> None:
    camera = orbit(azimuth=30.0, **FRONT)  # type: ignore[arg-type]
    assert (camera.viewmat @ [0, 0, 0, 1])[2] == pytest.approx(4)
    np.testing.assert_allclose(camera.position, orbit_position(radius=4, azimuth=30, elevation=0), atol=1e-12)


def test_blenders_matrix_there_and_back() -> None:
    camera = orbit(azimuth=77.0, **FRONT)  # type: ignore[arg-type]
    np.testing.assert_allclose(viewmat_from_blender(camera.blender_matrix_world), camera.viewmat, atol=1e-12)


def test_blenders_camera_looks_along_its_minus_z() -> None:
    np.testing.assert_array_equal(OPENCV_FROM_BLENDER_CAMERA @ [0, 0, -1, 1], [0, 0, 1, 1])
    np.testing.assert_array_equal(viewmat_from_blender(np.eye(4)) @ [0, 1, 0, 1], [0, -1, 0, 1])


def test_a_turntable_goes_once_around() -> None:
    views = turntable(8, radius=3, elevation=10, fov_y=0.5, size=32)
    assert len(views) == 8
    np.testing.assert_allclose(sum(view.position[:2] for view in views), 0, atol=1e-9)


def test_a_camera_without_direction_or_size_is_refused() -> None:
    with pytest.raises(InvalidInput, match="direction is undefined"):
        look_at(np.array([0, 0, 2.0]), np.zeros(3), np.array([0, 0, 1.0]))
    with pytest.raises(InvalidInput, match="0 x 4 pixels"):
        Camera(viewmat=np.eye(4), fx=1, fy=1, cx=0, cy=0, width=0, height=4)
    with pytest.raises(InvalidInput, match="4 x 4"):
        Camera(viewmat=np.eye(3), fx=1, fy=1, cx=0, cy=0, width=4, height=4)
