"""Node trees written as expressions."""

from typing import Any

import bpy

Socket = bpy.types.NodeSocket
Value = Socket | float | tuple[float, ...] | str


class Tree:
    """Adds nodes to a node tree and connects them; columns from left to right in the order of creation."""

    def __init__(self, tree: bpy.types.NodeTree) -> None:
        self.tree = tree

    def add(self, kind: str, *, inputs: dict[int | str, Value] | None = None, **settings: Any) -> bpy.types.Node:
        """A node of a type; ``settings`` are its properties, ``inputs`` sockets to connect or values to set."""
        node = self.tree.nodes.new(kind)
        count = len(self.tree.nodes)
        node.location = (180 * (count // 4), -200 * (count % 4))
        for name, value in settings.items():
            setattr(node, name, value)
        for key, value in (inputs or {}).items():
            self.give(node.inputs[key], value)
        return node

    def give(self, socket: Socket, value: Value) -> None:
        """Connect a socket, or set its value."""
        if isinstance(value, bpy.types.NodeSocket):
            self.link(value, socket)
        else:
            socket.default_value = value

    def link(self, source: Socket, target: Socket) -> None:
        self.tree.links.new(source, target)

    def math(self, operation: str, *values: Value) -> Socket:
        """A Math node."""
        return self.add("ShaderNodeMath", inputs=dict(enumerate(values)), operation=operation).outputs[0]

    def vector(self, operation: str, *values: Value) -> Socket:
        """A Vector Math node whose answer is a vector."""
        return self.add("ShaderNodeVectorMath", inputs=dict(enumerate(values)), operation=operation).outputs["Vector"]

    def dot(self, a: Value, b: Value) -> Socket:
        node = self.add("ShaderNodeVectorMath", inputs={0: a, 1: b}, operation="DOT_PRODUCT")
        return node.outputs["Value"]

    def scaled(self, vector: Value, factor: Value) -> Socket:
        node = self.add("ShaderNodeVectorMath", inputs={0: vector, "Scale": factor}, operation="SCALE")
        return node.outputs["Vector"]

    def combined(self, x: Value, y: Value, z: Value) -> Socket:
        return self.add("ShaderNodeCombineXYZ", inputs={0: x, 1: y, 2: z}).outputs[0]
