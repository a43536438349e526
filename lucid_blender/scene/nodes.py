"""The point nodes that turn splat attributes into what the splat material reads (Blender before 5.3).

For each splat: lucid_row_i = (R e_i) / scale_i, the rows of the map from the object to the unit Gaussian;
lucid_color = linear colour of the DC term, and opacity; radius = the sphere outside which alpha < 1/255.
"""

import bpy

from ..core.splats import SH_DC
from .tree import Socket, Tree

GROUP = "Lucid Splats"
VERSION = 1  # raise it when the nodes change; older groups in a file are then left alone and a new one is made


def splat_nodes() -> bpy.types.GeometryNodeTree:
    """The file's node group for splats; made on first use."""
    for group in bpy.data.node_groups:
        if group.get("lucid_version") == VERSION and group.name.startswith(GROUP):
            return group
    group = bpy.data.node_groups.new(GROUP, "GeometryNodeTree")
    group["lucid_version"] = VERSION
    group.is_modifier = True
    group.interface.new_socket("Geometry", in_out="INPUT", socket_type="NodeSocketGeometry")
    group.interface.new_socket("Geometry", in_out="OUTPUT", socket_type="NodeSocketGeometry")
    _build(Tree(group))
    return group


def _build(tree: Tree) -> None:
    geometry = tree.add("NodeGroupInput").outputs[0]
    scale = _attribute(tree, "scale", "FLOAT_VECTOR")
    rotation = _attribute(tree, "rotation", "QUATERNION")
    base = tree.add("FunctionNodeSeparateColor", inputs={"Color": _attribute(tree, "radiance:base", "FLOAT_COLOR")})
    opacity = base.outputs["Alpha"]
    sides = tree.add("ShaderNodeSeparateXYZ", inputs={0: scale}).outputs
    for axis in range(3):
        unit = tuple(float(k == axis) for k in range(3))
        turned = tree.add("FunctionNodeRotateVector", inputs={"Vector": unit, "Rotation": rotation}).outputs[0]
        row = tree.scaled(turned, tree.math("DIVIDE", 1.0, sides[axis]))
        geometry = _store(tree, geometry, f"lucid_row_{axis}", "FLOAT_VECTOR", row)
    display = [tree.math("MULTIPLY_ADD", base.outputs[k], SH_DC, 0.5) for k in range(3)]
    linear = [_linear(tree, channel) for channel in display]
    color = tree.add("FunctionNodeCombineColor", inputs={k: s for k, s in enumerate([*linear, opacity])}).outputs[0]
    geometry = _store(tree, geometry, "lucid_color", "FLOAT_COLOR", color)
    reach = tree.math(
        "MULTIPLY", _reach(tree, opacity), tree.math("MAXIMUM", tree.math("MAXIMUM", *sides[:2]), sides[2])
    )
    points = tree.add("GeometryNodeSetPointRadius", inputs={"Points": geometry, "Radius": reach}).outputs[0]
    tree.link(points, tree.add("NodeGroupOutput").inputs[0])


def _reach(tree: Tree, opacity: Socket) -> Socket:
    """Standard deviations at which opacity exp(-d^2 / 2) falls to 1/255; at most 3."""
    log = tree.math("LOGARITHM", tree.math("MAXIMUM", tree.math("MULTIPLY", opacity, 255.0), 1.0), 2.718281828)
    return tree.math("MINIMUM", tree.math("SQRT", tree.math("MULTIPLY", log, 2.0)), 3.0)


def _linear(tree: Tree, display: Socket) -> Socket:
    """sRGB to linear (IEC 61966-2-1), negative values to 0."""
    low = tree.math("MULTIPLY", tree.math("MAXIMUM", display, 0.0), 1 / 12.92)
    shifted = tree.math("MAXIMUM", tree.math("MULTIPLY_ADD", display, 1 / 1.055, 0.055 / 1.055), 0.0)
    high = tree.math("POWER", shifted, 2.4)
    bright = tree.math("GREATER_THAN", display, 0.04045)
    return tree.math("MULTIPLY_ADD", tree.math("SUBTRACT", high, low), bright, low)


def _attribute(tree: Tree, name: str, kind: str) -> Socket:
    node = tree.add("GeometryNodeInputNamedAttribute", inputs={"Name": name}, data_type=kind)
    return next(socket for socket in node.outputs if socket.enabled)


def _store(tree: Tree, geometry: Socket, name: str, kind: str, value: Socket) -> Socket:
    node = tree.add(
        "GeometryNodeStoreNamedAttribute",
        inputs={"Geometry": geometry, "Name": name},
        data_type=kind,
        domain="POINT",
    )
    tree.link(value, next(socket for socket in node.inputs if socket.enabled and socket.name == "Value"))
    return node.outputs[0]
