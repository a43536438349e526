"""Draws the splats of every viewport, and follows what changes them.

``start`` and ``stop`` are all that the add-on needs. Between two redraws nothing here refers to Blender's data: clouds
are known by their data's session_uid. Without a window there is nothing to draw, and nothing is registered.
"""

import logging

import bpy
import gpu
import numpy as np

from ..scene.display import give_back
from . import layer, shaders
from .clouds import Clouds
from .view import Rectangle, View
from .visible import background, drawn_splats

_log = logging.getLogger(__name__)
_clouds = Clouds()
_handle: object = None


def start() -> None:
    """Draw from now on. Safe to call again."""
    global _handle
    if bpy.app.background or _handle is not None:
        return
    _handle = bpy.types.SpaceView3D.draw_handler_add(_draw, (), "WINDOW", "POST_VIEW")
    for handlers, function in _handlers():
        handlers.append(function)
    bpy.app.timers.register(_take_over, first_interval=0)  # while an extension is enabled its data is out of reach


def stop() -> None:
    """Draw no more, and give everything back. Safe to call at any time."""
    global _handle
    if _handle is None:
        return
    bpy.types.SpaceView3D.draw_handler_remove(_handle, "WINDOW")
    _handle = None
    for handlers, function in _handlers():
        if function in handlers:
            handlers.remove(function)
    if bpy.app.timers.is_registered(_take_over):
        bpy.app.timers.unregister(_take_over)
    _clouds.clear()
    layer.forget()
    shaders.forget()
    give_back(bpy.data.objects, drawn=False)


def draw_into(context: bpy.types.Context, clouds: Clouds) -> None:
    """Draw what the context's viewport shows of the clouds over what is there."""
    clouds.keep({data.session_uid for data in bpy.data.pointclouds})
    view = view_of(context.region, context.region_data)
    placed = []
    for data, world in drawn_splats(context.view_layer, context.space_data):
        cloud = clouds.get(data)
        if len(cloud.packed) and view.rectangle([(cloud.packed.corners, world)]) is not None:
            placed.append(layer.Placed(cloud=cloud, world=world))
    part = view.rectangle((thing.cloud.packed.corners, thing.world) for thing in placed)
    if part is not None:
        picture = layer.draw_layer(placed, view, part, scene_depth(part))
        layer.lay_over(picture, view, part, background(context))


def view_of(region: bpy.types.Region, through: bpy.types.RegionView3D) -> View:
    """A viewport's view: perspective, orthographic or the camera's."""
    return View(
        from_world=np.array(through.view_matrix),
        projection=np.array(through.window_matrix),
        width=region.width,
        height=region.height,
    )


def scene_depth(part: Rectangle) -> gpu.types.Buffer | None:
    """Depths of what the viewport has drawn; None where it keeps none: EEVEE and Cycles with overlays switched off."""
    depth = gpu.state.active_framebuffer_get().read_depth(part.x, part.y, part.width, part.height)
    depth.dimensions = part.width * part.height
    return depth if np.asarray(depth)[::101].any() else None


def _draw() -> None:
    try:
        draw_into(bpy.context, _clouds)
    except Exception:  # in every redraw it would be the same
        _log.exception("splats cannot be drawn in this viewport; their points are shown instead")
        bpy.app.timers.register(stop, first_interval=0)  # data may not be changed while drawing


@bpy.app.handlers.persistent
def _on_update(scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
    for update in depsgraph.updates:
        if update.is_updated_geometry and isinstance(update.id, bpy.types.PointCloud):
            _clouds.changed(update.id.original.session_uid)


@bpy.app.handlers.persistent
def _on_undo(*_: object) -> None:
    _clouds.all_changed()


@bpy.app.handlers.persistent
def _on_load(*_: object) -> None:
    _clouds.clear()
    _take_over()


def _handlers() -> list[tuple[list, object]]:
    found = bpy.app.handlers
    return [
        (found.depsgraph_update_post, _on_update),
        (found.undo_post, _on_undo),
        (found.redo_post, _on_undo),
        (found.load_post, _on_load),
    ]


def _take_over() -> None:
    give_back(bpy.data.objects, drawn=True)
