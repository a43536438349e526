"""Camera and the axis conventions, with the one conversion between them.

World axes are Blender's: right-handed, Z up; the front of a prop faces -Y.
Camera axes are OpenCV's: x right, y down, z forward. Blender's own camera looks along its -Z with Y up.
Azimuth 0 is the front (a camera on -Y), +90 is a camera on +X, 180 the back; elevation is measured up from the horizon.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .errors import InvalidInput

Matrix = npt.NDArray[np.float64]

OPENCV_FROM_BLENDER_CAMERA = np.diag([1.0, -1.0, -1.0, 1.0])


@dataclass(frozen=True, kw_only=True, eq=False)
class Camera:
    """A pinhole camera.

    viewmat        [4, 4] float64, world (Blender axes) to camera (OpenCV axes)
    fx, fy, cx, cy pixels; cx = width / 2 puts the optical axis between the middle pixels
    width, height  pixels
    """

    viewmat: Matrix
    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int

    def __post_init__(self) -> None:
        viewmat = np.ascontiguousarray(self.viewmat, dtype=np.float64)
        if viewmat.shape != (4, 4) or not np.isfinite(viewmat).all():
            raise InvalidInput(f"viewmat must be a finite 4 x 4 matrix, found shape {viewmat.shape}")
        if min(self.width, self.height) < 1 or min(self.fx, self.fy) <= 0:
            raise InvalidInput(f"a camera of {self.width} x {self.height} pixels, fx {self.fx}, fy {self.fy}")
        object.__setattr__(self, "viewmat", viewmat)

    @property
    def position(self) -> Matrix:
        """[3] world, metres."""
        rotation, translation = self.viewmat[:3, :3], self.viewmat[:3, 3]
        return np.asarray(-np.linalg.solve(rotation, translation))

    @property
    def blender_matrix_world(self) -> Matrix:
        """[4, 4] matrix_world of the same camera as a Blender object."""
        return np.asarray(np.linalg.inv(self.viewmat) @ OPENCV_FROM_BLENDER_CAMERA)


def viewmat_from_blender(matrix_world: Matrix) -> Matrix:
    """[4, 4] world to OpenCV camera, from a Blender camera's matrix_world without scale."""
    return np.asarray(OPENCV_FROM_BLENDER_CAMERA @ np.linalg.inv(matrix_world))


def orbit_position(*, radius: float, azimuth: float, elevation: float) -> Matrix:
    """[3] world position on a sphere about the origin; radius in metres, angles in degrees."""
    a, e = math.radians(azimuth), math.radians(elevation)
    return radius * np.array([math.cos(e) * math.sin(a), -math.cos(e) * math.cos(a), math.sin(e)])


def look_at(position: Matrix, target: Matrix, up: Matrix) -> Matrix:
    """[4, 4] viewmat of a camera at ``position`` that looks at ``target`` with ``up`` on top."""
    forward = _unit(target - position)
    right = _unit(np.cross(forward, up))
    down = np.cross(forward, right)
    viewmat = np.eye(4)
    viewmat[:3, :3] = np.stack([right, down, forward])
    viewmat[:3, 3] = -viewmat[:3, :3] @ position
    return viewmat


def camera_at(viewmat: Matrix, *, fov_y: float, width: int, height: int) -> Camera:
    """A centred camera with square pixels; fov_y in radians."""
    focal = 0.5 * height / math.tan(0.5 * fov_y)
    return Camera(viewmat=viewmat, fx=focal, fy=focal, cx=width / 2, cy=height / 2, width=width, height=height)


def orbit(*, radius: float, azimuth: float, elevation: float, fov_y: float, width: int, height: int) -> Camera:
    """A camera on a sphere that looks at the origin; metres, degrees, fov_y in radians."""
    position = orbit_position(radius=radius, azimuth=azimuth, elevation=elevation)
    viewmat = look_at(position, np.zeros(3), np.array([0.0, 0.0, 1.0]))
    return camera_at(viewmat, fov_y=fov_y, width=width, height=height)


def turntable(count: int, *, radius: float, elevation: float, fov_y: float, size: int) -> list[Camera]:
    """``count`` square views around the prop, the first from the front."""
    return [
        orbit(radius=radius, azimuth=360 * k / count, elevation=elevation, fov_y=fov_y, width=size, height=size)
        for k in range(count)
    ]


def _unit(vector: Matrix) -> Matrix:
    length = np.linalg.norm(vector)
    if length < 1e-12:
        raise InvalidInput("the camera's direction is undefined: position, target and up lie on one line")
    return np.asarray(vector / length)
