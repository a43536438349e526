"""Building blocks of a scene: a list of signed-distance primitives, packed as rows for the tracer."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Rgb = tuple[float, float, float]  # sRGB display values
Point = tuple[float, float, float]
Array = NDArray[np.float64]

ELLIPSOID, BOX, CYLINDER, FRUSTUM, TORUS, LIMB, DOME, WEDGE = range(8)
UNION, CUT, PAINT = range(3)

FIXED, MAIN, ACCENT = range(3)  # slots

# columns of a row
KIND, OPERATION, BLEND, COLOR, POSITION, ROTATION, PARAMETERS, BOUND = 0, 1, 2, 3, 6, 9, 18, 24
SLOT, OFFSET, SHRINKING, SMALLEST = 25, 26, 29, 32
COLUMNS = 33

IDENTITY: Array = np.eye(3)


@dataclass(frozen=True)
class Paint:
    """A colour that a caption can name: the main one, or that of the accent part."""

    rgb: Rgb
    slot: int


Color = Rgb | Paint


def to_linear(rgb: Sequence[float]) -> Array:
    """sRGB display values to linear light."""
    c = np.asarray(rgb, np.float64)
    linear: Array = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    return linear


def turn(axis: str, degrees: float) -> Array:
    """Rotation about a world axis, right-handed."""
    a = np.deg2rad(degrees)
    i, j = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    matrix = np.eye(3)
    matrix[i, i] = matrix[j, j] = np.cos(a)
    matrix[j, i], matrix[i, j] = np.sin(a), -np.sin(a)
    return matrix


def _aim(direction: Array) -> Array:
    """A rotation that takes +Z to the given direction."""
    z = direction / np.linalg.norm(direction)
    helper = np.array([1.0, 0.0, 0.0]) if abs(z[0]) < 0.9 else np.array([0.0, 1.0, 0.0])
    x = np.cross(helper, z)
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z], axis=1)


class Parts:
    """Collects primitives in order. Lengths are metres, colours sRGB, `pose` a local-to-world rotation.

    A colour is a fixed one, or a Paint, whose slot the tracer keeps apart so that it can be exchanged afterwards.
    `blend` rounds the seam with what is already there; `operation` CUT carves out of what is already there and
    PAINT only colours its surface.
    """

    def __init__(self) -> None:
        self._rows: list[Array] = []

    def rows(self) -> Array:
        return np.stack(self._rows)

    def place(self, factors: Point, offset: Point) -> None:
        """Stretch what is there so far by factors about the origin, then move it."""
        smallest = min(factors)
        for row in self._rows:
            row[OFFSET : OFFSET + 3] = row[OFFSET : OFFSET + 3] * factors + offset
            row[SHRINKING : SHRINKING + 3] /= factors
            row[SMALLEST] *= smallest
            row[BLEND] *= smallest

    def shrink(self, factor: float) -> None:
        """Make everything so far smaller about the origin."""
        self.place((factor, factor, factor), (0.0, 0.0, 0.0))

    def _add(
        self, kind: int, color: Color, at: Point, parameters: Sequence[float], reach: float,
        pose: Array, blend: float, operation: int,
    ) -> None:  # fmt: skip
        row = np.zeros(COLUMNS)
        row[KIND], row[OPERATION], row[BLEND] = kind, operation, blend
        row[COLOR : COLOR + 3] = to_linear(color.rgb if isinstance(color, Paint) else color)
        row[SLOT] = color.slot if isinstance(color, Paint) else FIXED
        row[SHRINKING : SMALLEST + 1] = 1.0
        row[POSITION : POSITION + 3] = at
        row[ROTATION : ROTATION + 9] = pose.T.ravel()
        row[PARAMETERS : PARAMETERS + len(parameters)] = parameters
        row[BOUND] = reach
        self._rows.append(row)

    def ellipsoid(
        self,
        color: Color,
        at: Point,
        radii: Point,
        *,
        pose: Array = IDENTITY,
        blend: float = 0.0,
        operation: int = UNION,
    ) -> None:
        self._add(ELLIPSOID, color, at, radii, max(radii), pose, blend, operation)

    def sphere(self, color: Color, at: Point, radius: float, *, blend: float = 0.0, operation: int = UNION) -> None:
        self.ellipsoid(color, at, (radius, radius, radius), blend=blend, operation=operation)

    def box(
        self, color: Color, at: Point, half: Point, *, rounding: float = 0.02, pose: Array = IDENTITY,
        blend: float = 0.0, operation: int = UNION,
    ) -> None:  # fmt: skip
        """`half` is half the outer size, rounding included."""
        self._add(BOX, color, at, (*half, rounding), float(np.linalg.norm(half)), pose, blend, operation)

    def cylinder(
        self, color: Color, at: Point, radius: float, half_height: float, *, rounding: float = 0.01,
        pose: Array = IDENTITY, blend: float = 0.0, operation: int = UNION,
    ) -> None:  # fmt: skip
        reach = float(np.hypot(radius, half_height))
        self._add(CYLINDER, color, at, (radius, half_height, rounding), reach, pose, blend, operation)

    def frustum(
        self, color: Color, at: Point, bottom: float, top: float, half_height: float, *, rounding: float = 0.01,
        pose: Array = IDENTITY, blend: float = 0.0, operation: int = UNION,
    ) -> None:  # fmt: skip
        """A cone cut flat at both ends; radii `bottom` and `top`."""
        reach = float(np.hypot(max(bottom, top), half_height)) + rounding
        self._add(FRUSTUM, color, at, (bottom, top, half_height, rounding), reach, pose, blend, operation)

    def torus(
        self, color: Color, at: Point, ring: float, tube: float, *, pose: Array = IDENTITY, blend: float = 0.0,
        operation: int = UNION,
    ) -> None:  # fmt: skip
        """The ring lies in the local XY plane."""
        self._add(TORUS, color, at, (ring, tube), ring + tube, pose, blend, operation)

    def limb(
        self, color: Color, start: Point, end: Point, radius: float, end_radius: float | None = None, *,
        blend: float = 0.0, operation: int = UNION,
    ) -> None:  # fmt: skip
        """A capsule whose radius changes from start to end."""
        a, b = np.asarray(start, np.float64), np.asarray(end, np.float64)
        last = radius if end_radius is None else end_radius
        length = float(np.linalg.norm(b - a))
        self._add(LIMB, color, start, (radius, last, length), length + max(radius, last), _aim(b - a), blend, operation)

    def dome(
        self,
        color: Color,
        at: Point,
        radii: Point,
        *,
        pose: Array = IDENTITY,
        blend: float = 0.0,
        operation: int = UNION,
    ) -> None:
        """The upper half of an ellipsoid."""
        self._add(DOME, color, at, radii, max(radii), pose, blend, operation)

    def wedge(
        self, color: Color, at: Point, left: float, right: float, apex: float, height: float, half_depth: float, *,
        pose: Array = IDENTITY, operation: int = UNION,
    ) -> None:  # fmt: skip
        """A triangle in the local XZ plane, base from left to right at z = 0, tip at (apex, height), extruded in Y."""
        reach = float(np.hypot(np.hypot(max(abs(left), abs(right), abs(apex)), height), half_depth))
        self._add(WEDGE, color, at, (left, right, apex, height, half_depth), reach, pose, 0.0, operation)
