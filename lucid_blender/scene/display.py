"""What viewports show of a splat object: drawn splats, its points, or its bounds. Renders always have the splats.

The points are the object's own geometry. For the others a modifier, first in the stack and off in renders, puts the
corners or the edges of their box in their place; the drawer of ``viewport`` draws the splats of objects that have the
corners. So what is shown is saved, copied and undone with the object, and can be seen in its modifiers.
"""

from collections.abc import Callable, Iterable
from functools import partial

import bpy

from .material import splat_material
from .nodes import splat_nodes
from .pointcloud import NATIVE_SPLATS, is_splats
from .tree import Tree

MODIFIER = "Lucid Viewport"
DISPLAYS = ("SPLATS", "POINTS", "BOUNDS")
VERSION = 1  # as in nodes.py
_GROUPS = {"SPLATS": ("Lucid Drawn Splats", "EDGE_FACE"), "BOUNDS": ("Lucid Splat Bounds", "ONLY_FACE")}


def display_of(splats: bpy.types.Object) -> str:
    """One of DISPLAYS."""
    modifier = splats.modifiers.get(MODIFIER)
    group = modifier.node_group if modifier is not None and modifier.type == "NODES" else None
    return group.get("lucid_display", "POINTS") if group is not None else "POINTS"


def set_display(splats: bpy.types.Object, display: str) -> None:
    """Show the object so from now on. From Blender 5.3 on, which draws splats itself, nothing is to be done."""
    if NATIVE_SPLATS or display == display_of(splats):
        return
    modifier = splats.modifiers.get(MODIFIER)
    if display == "POINTS":
        splats.modifiers.remove(modifier)
        return
    if modifier is None:
        modifier = splats.modifiers.new(MODIFIER, "NODES")
        modifier.show_render = False
        modifier.show_expanded = False
        splats.modifiers.move(len(splats.modifiers) - 1, 0)
    modifier.node_group = _group(display)


def makers(display: str) -> list[Callable[[], object]]:
    """What makes, in a moment each, the data-blocks that splat objects so shown share, unless the file has them."""
    if NATIVE_SPLATS:
        return []
    groups = [partial(_group, display)] if display in _GROUPS else []
    return [splat_material, splat_nodes, *groups]


def splat_objects(objects: Iterable[bpy.types.Object]) -> list[bpy.types.Object]:
    return [found for found in objects if is_splats(found)]


def give_back(objects: Iterable[bpy.types.Object], *, drawn: bool) -> None:
    """Let the points stand in where nobody draws the splats, or take their place again."""
    for found in objects:
        if found.type == "POINTCLOUD" and display_of(found) == "SPLATS":
            found.modifiers[MODIFIER].show_viewport = drawn


def _group(display: str) -> bpy.types.GeometryNodeTree:
    for group in bpy.data.node_groups:
        if group.get("lucid_display") == display and group.get("lucid_version") == VERSION:
            return group
    name, deleted = _GROUPS[display]
    group = bpy.data.node_groups.new(name, "GeometryNodeTree")
    group["lucid_display"], group["lucid_version"] = display, VERSION
    group.is_modifier = True
    group.interface.new_socket("Geometry", in_out="INPUT", socket_type="NodeSocketGeometry")
    group.interface.new_socket("Geometry", in_out="OUTPUT", socket_type="NodeSocketGeometry")
    tree = Tree(group)
    points = tree.add("NodeGroupInput").outputs[0]
    box = tree.add("GeometryNodeBoundBox", inputs={0: points}).outputs["Bounding Box"]
    left = tree.add("GeometryNodeDeleteGeometry", inputs={0: box}, domain="FACE", mode=deleted).outputs[0]
    tree.link(left, tree.add("NodeGroupOutput").inputs[0])
    return group
