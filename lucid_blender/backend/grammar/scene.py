"""Scenes of one prop, and the pictures of them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...core import cameras
from ...core.meshes import TriangleMesh
from . import animals, buildings, food, household, nature, settings, tools, vehicles
from .parts import ACCENT, COLOR, MAIN, SLOT, Array, Parts
from .shading import shade
from .surface import zero_level
from .tracer import LAYERS, distances, lowest, surface_layers, trace
from .variation import Variation
from .vocabulary import SIZES, Description

RECIPES: dict[str, Callable[[Parts, Variation], None]] = {
    "mushroom": nature.mushroom, "rocket": vehicles.rocket, "car": vehicles.car, "chair": household.chair,
    "mug": household.mug, "ice cream": nature.ice_cream, "cone": household.cone, "house": vehicles.house,
    "tree": nature.tree, "table": household.table, "lamp": household.lamp, "ball": nature.ball,
    "cube": household.cube, "robot": vehicles.robot, "sword": household.sword, "teapot": household.teapot,
    "boat": vehicles.boat, "snowman": nature.snowman, "duck": nature.duck, "cactus": nature.cactus,
    "airplane": vehicles.airplane, "train": vehicles.train, "truck": vehicles.truck, "helicopter": vehicles.helicopter,
    "lighthouse": buildings.lighthouse, "castle": buildings.castle, "windmill": buildings.windmill,
    "guitar": tools.guitar, "hammer": tools.hammer, "axe": tools.axe, "crown": tools.crown, "key": tools.key,
    "lantern": tools.lantern, "bottle": food.bottle, "bucket": food.bucket, "barrel": buildings.barrel,
    "chest": buildings.chest, "bed": household.bed, "sofa": household.sofa, "umbrella": tools.umbrella,
    "bell": tools.bell, "fish": animals.fish, "penguin": animals.penguin, "rabbit": animals.rabbit,
    "snail": animals.snail, "turtle": animals.turtle, "apple": food.apple, "carrot": food.carrot,
    "cupcake": food.cupcake, "flower": food.flower,
}  # fmt: skip
BOUND = 0.98  # metres: no prop reaches further from the origin

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Scene(Description):
    """One prop at the origin: Blender's axes, metres, front facing -Y. Without a seed it has the canonical shape."""

    seed: int | None = None

    def rows(self) -> Array:
        """The primitives, packed for the tracer: the prop's, then those of what it stands on."""
        parts = Parts()
        generator = None if self.seed is None else np.random.default_rng(self.seed)
        RECIPES[self.class_name](parts, Variation(self.color, generator, self.second_color))
        if self.size:
            parts.place(SIZES[self.size], (0.0, 0.0, 0.0))
        if self.setting is None:
            return parts.rows()
        parts.shrink(settings.SHARE)
        parts.place((1.0, 1.0, 1.0), (0.0, 0.0, settings.TOP - lowest(parts.rows(), BOUND)))
        support = Parts()
        settings.RECIPES[self.setting](support)
        return np.concatenate([parts.rows(), support.rows()])

    def paints(self) -> tuple[Array, Array]:
        """Linear colours [3] of the main and the accent paint; a prop without one of them has the other twice."""
        rows = self.rows()
        main, accent = (rows[rows[:, SLOT] == slot, COLOR : COLOR + 3][:1] for slot in (MAIN, ACCENT))
        return (main if len(main) else accent)[0], (accent if len(accent) else main)[0]

    def distance(self, points: Array) -> Array:
        """[N] signed distance in metres from points [N, 3], negative inside; away from the surface a lower bound."""
        found = np.empty(len(points))
        distances(self.rows(), np.ascontiguousarray(points, np.float64), found)
        return found

    def mesh(self, resolution: int = 160) -> TriangleMesh:
        """The surface by marching cubes, `resolution` samples from -BOUND to BOUND, in colours without light."""
        step = 2 * BOUND / (resolution - 1)
        vertices, triangles = zero_level(self.distance, BOUND + step, resolution)
        layers = np.zeros((len(vertices), LAYERS))
        surface_layers(self.rows(), vertices, step, layers)
        return TriangleMesh(
            vertices=vertices.astype(np.float32),
            triangles=triangles.astype(np.int32),
            colors=shade(layers.astype(np.float32), *self.paints(), self.material),
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
    """Layers [H, W, LAYERS] as the tracer has them, alpha [H, W] and depth [H, W]."""
    layers = np.zeros((height, width, LAYERS), np.float32)
    alpha, depth = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)
    trace(scene.rows(), BOUND, np.ascontiguousarray(viewmat, np.float64), fx, fy, cx, cy, layers, alpha, depth)
    return layers, alpha, depth


def render(
    scene: Scene,
    viewmat: Array,  # [4, 4] world to camera, OpenCV axes (x right, y down, z forward)
    fx: float, fy: float, cx: float, cy: float,  # pixels; the centre of the first pixel is 0.5
    width: int, height: int,
    background: tuple[float, float, float],  # sRGB
) -> Picture:  # fmt: skip
    """The scene's picture over a plain background, edges covered in proportion."""
    layers, alpha, depth = trace_scene(scene, viewmat, fx, fy, cx, cy, width, height)
    rgb = shade(layers.reshape(-1, LAYERS), *scene.paints(), scene.material).reshape(height, width, 3)
    over = rgb * alpha[..., None] + np.asarray(background, np.float32) * (1.0 - alpha[..., None])
    return Picture(over.astype(np.float32), alpha, depth)
