"""What a viewport looks through, and which part of its pixels a cloud can touch. Numbers only."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

MARGIN = 3  # pixels around the bounds: the low-pass that every splat gets reaches two


@dataclass(frozen=True, kw_only=True)
class Rectangle:
    """Pixels of a region, from its lower left corner."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, kw_only=True, eq=False)
class View:
    """A camera as OpenGL has it: it looks along -Z, and what is seen lies between -1 and 1.

    from_world  [4, 4] world to camera
    projection  [4, 4] camera to clip space, perspective or orthographic, centred or not
    """

    from_world: np.ndarray
    projection: np.ndarray
    width: int
    height: int

    @property
    def perspective(self) -> bool:
        return self.projection[3, 3] == 0

    def to_clip(self, world: np.ndarray) -> np.ndarray:
        """[4, 4] from an object's coordinates to clip space; ``world`` is its matrix_world."""
        return np.asarray(self.projection @ self.from_world @ world)

    def forward(self, world: np.ndarray) -> np.ndarray:
        """[4] such that the depth of a point p of an object is forward[:3] . p + forward[3]."""
        return np.asarray(-(self.from_world @ world)[2])

    def eye(self, world: np.ndarray) -> np.ndarray:
        """[4] in an object's coordinates: where the camera is, and 1; orthographic: where it looks, and 0.

        An object squeezed flat has no such place; then it is the object's origin.
        """
        to_camera = self.from_world @ world
        if abs(np.linalg.det(to_camera[:3, :3])) < 1e-30:
            return np.zeros(4)
        if self.perspective:
            return np.append(np.linalg.solve(to_camera[:3, :3], -to_camera[:3, 3]), 1.0)
        along = np.linalg.solve(to_camera[:3, :3], np.array([0.0, 0.0, -1.0]))
        return np.append(along / np.linalg.norm(along), 0.0)

    def rectangle(self, clouds: Iterable[tuple[np.ndarray, np.ndarray]]) -> Rectangle | None:
        """The pixels that boxes, as ([8, 3] corners, matrix_world), can touch; None when there are none."""
        low, high = np.full(2, np.inf), np.full(2, -np.inf)
        for corners, world in clouds:
            clip = np.append(corners, np.ones((8, 1)), axis=1) @ self.to_clip(world).T
            if (clip[:, 3] <= 0).all():
                continue
            if (clip[:, 3] <= 0).any() or not np.isfinite(clip).all():
                low, high = np.full(2, -1.0), np.full(2, 1.0)
                break
            places = clip[:, :2] / clip[:, 3:]
            low, high = np.minimum(low, places.min(axis=0)), np.maximum(high, places.max(axis=0))
        size = np.array([self.width, self.height])
        if not (low <= high).all():
            return None
        first = np.clip(np.floor((low + 1) / 2 * size) - MARGIN, 0, size).astype(int)
        end = np.clip(np.ceil((high + 1) / 2 * size) + MARGIN, 0, size).astype(int)
        if (first >= end).any():
            return None
        return Rectangle(x=int(first[0]), y=int(first[1]), width=int(end[0] - first[0]), height=int(end[1] - first[1]))

    def crop(self, part: Rectangle) -> np.ndarray:
        """[4] (sx, sy, tx, ty): a place p between -1 and 1 of the region is s p + t of the part."""
        scale = np.array([self.width / part.width, self.height / part.height])
        middle = np.array([2 * part.x + part.width, 2 * part.y + part.height]) / (self.width, self.height) - 1
        return np.append(scale, -scale * middle)
