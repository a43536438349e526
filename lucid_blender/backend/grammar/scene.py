"""Scenes of one prop, and the pictures of them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...core import cameras
from ...core.meshes import TriangleMesh
from . import household, nature, vehicles
from .parts import Array, Parts
from .surface import to_srgb, zero_level
from .tracer import colors, distances, trace
from .variation import Variation
from .vocabulary import CLASSES, COLORS

RECIPES: dict[str, Callable[[Parts, Variation], None]] = {
    "mushroom": nature.mushroom, "rocket": vehicles.rocket, "car": vehicles.car, "chair": household.chair,
    "mug": household.mug, "ice cream": nature.ice_cream, "cone": household.cone, "house": vehicles.house,
    "tree": nature.tree, "table": household.table, "lamp": household.lamp, "ball": nature.ball,
    "cube": household.cube, "robot": vehicles.robot, "sword": household.sword, "teapot": household.teapot,
    "boat": vehicles.boat, "snowman": nature.snowman, "duck": nature.duck, "cactus": nature.cactus,
}  # fmt: skip
BOUND = 0.98  # metres: no prop reaches further from the origin

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Scene:
    """One prop at the origin: Blender's axes, metres, front facing -Y. Without a seed it has the canonical shape."""

    class_name: str
    color: str
    seed: int | None = None

    def __post_init__(self) -> None:
        if self.class_name not in CLASSES:
            raise ValueError(f"no class {self.class_name!r}; there are {', '.join(CLASSES)}")
        if self.color not in COLORS:
            raise ValueError(f"no color {self.color!r}; there are {', '.join(COLORS)}")

    def rows(self) -> Array:
        """The primitives, packed for the tracer."""
        parts = Parts()
        generator = None if self.seed is None else np.random.default_rng(self.seed)
        RECIPES[self.class_name](parts, Variation(self.color, generator))
        return parts.rows()

    def distance(self, points: Array) -> Array:
        """[N] signed distance in metres from points [N, 3], negative inside; away from the surface a lower bound."""
        found = np.empty(len(points))
        distances(self.rows(), np.ascontiguousarray(points, np.float64), found)
        return found

    def mesh(self, resolution: int = 160) -> TriangleMesh:
        """The surface by marching cubes, `resolution` samples from -BOUND to BOUND, in colours without light."""
        step = 2 * BOUND / (resolution - 1)
        vertices, triangles = zero_level(self.distance, BOUND + step, resolution)
        linear = np.empty_like(vertices)
        colors(self.rows(), vertices, step, linear)
        return TriangleMesh(
            vertices=vertices.astype(np.float32), triangles=triangles.astype(np.int32), colors=to_srgb(linear)
        )


@dataclass(frozen=True)
class Picture:
    """What a camera sees: `rgb` [H, W, 3] sRGB over the background, `alpha` [H, W], `depth` [H, W] metres or 0."""

    rgb: Floats
    alpha: Floats
    depth: Floats


def look_at(azimuth_deg: float, elevation_deg: float, radius: float) -> Array:
    """World-to-camera matrix [4, 4] with OpenCV axes of a camera that looks at the origin.

    Azimuth 0 stands at -Y, +90 at +X; elevation counts up from the horizon.
    """
    eye = cameras.orbit_position(radius=radius, azimuth=azimuth_deg, elevation=elevation_deg)
    return cameras.look_at(eye, np.zeros(3), np.array([0.0, 0.0, 1.0]))


def focal_length(fov_y: float, height: int) -> float:
    """Pixels, from the vertical field of view in radians."""
    return float(0.5 * height / np.tan(0.5 * fov_y))


def trace_scene(
    scene: Scene, viewmat: Array, fx: float, fy: float, cx: float, cy: float, width: int, height: int
) -> tuple[Floats, Floats, Floats]:
    """Colour before compositing [H, W, 3], alpha [H, W] and depth [H, W]."""
    rgb = np.zeros((height, width, 3), np.float32)
    alpha, depth = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)
    trace(scene.rows(), BOUND, np.ascontiguousarray(viewmat, np.float64), fx, fy, cx, cy, rgb, alpha, depth)
    return rgb, alpha, depth


def render(
    scene: Scene,
    viewmat: Array,  # [4, 4] world to camera, OpenCV axes (x right, y down, z forward)
    fx: float, fy: float, cx: float, cy: float,  # pixels; the centre of the first pixel is 0.5
    width: int, height: int,
    background: tuple[float, float, float],  # sRGB
) -> Picture:  # fmt: skip
    """The scene's picture over a plain background, edges covered in proportion."""
    rgb, alpha, depth = trace_scene(scene, viewmat, fx, fy, cx, cy, width, height)
    over = rgb * alpha[..., None] + np.asarray(background, np.float32) * (1.0 - alpha[..., None])
    return Picture(over.astype(np.float32), alpha, depth)
