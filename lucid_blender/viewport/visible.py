"""Which splats a viewport shows, where, and what is behind them."""

from collections.abc import Iterator

import bpy
import numpy as np
from mathutils import Matrix

from ..scene.display import display_of
from ..scene.pointcloud import is_splats
from .shaders import GAMMA

NESTING = 8  # collections instanced within collections


def drawn_splats(
    layer: bpy.types.ViewLayer, space: bpy.types.SpaceView3D
) -> Iterator[tuple[bpy.types.PointCloud, np.ndarray]]:
    """Data and matrix_world [4, 4] of the splats to draw: of objects that the viewport shows (eyes, collections, local
    view, kinds of objects), and of collections that such objects are instances of."""
    for found in layer.objects:
        if found.type == "POINTCLOUD":
            if is_drawn(found) and found.visible_get(view_layer=layer, viewport=space):
                yield found.data, np.array(found.matrix_world)
        elif found.type == "EMPTY" and found.instance_type == "COLLECTION":
            if found.instance_collection is not None and found.visible_get(view_layer=layer, viewport=space):
                yield from _instanced(found, found.matrix_world, NESTING)


def is_drawn(found: bpy.types.Object) -> bool:
    return display_of(found) == "SPLATS" and is_splats(found)


def background(context: bpy.types.Context) -> tuple[float, float, float]:
    """The display colour of the viewport where nothing is, as far as it is one colour."""
    shading = context.space_data.shading
    if shading.type in ("SOLID", "WIREFRAME") and shading.background_type != "THEME":
        world = context.scene.world
        color = world.color if shading.background_type == "WORLD" and world else shading.background_color
        return tuple(max(channel, 0.0) ** (1 / GAMMA) for channel in color)
    colors = context.preferences.themes[0].view_3d.space.gradients
    if colors.background_type == "SINGLE_COLOR":
        return tuple(colors.high_gradient)
    return tuple((a + b) / 2 for a, b in zip(colors.high_gradient, colors.gradient, strict=True))


def _instanced(
    instancer: bpy.types.Object, world: Matrix, nesting: int
) -> Iterator[tuple[bpy.types.PointCloud, np.ndarray]]:
    collection = instancer.instance_collection
    to_world = world @ Matrix.Translation(-collection.instance_offset)
    for found in collection.all_objects:
        if found.hide_viewport:
            continue
        if found.type == "POINTCLOUD" and is_drawn(found):
            yield found.data, np.array(to_world @ found.matrix_world)
        elif nesting and found.type == "EMPTY" and found.instance_type == "COLLECTION" and found.instance_collection:
            yield from _instanced(found, to_world @ found.matrix_world, nesting - 1)
