"""The material that draws each splat exactly: the Gaussian's maximum along the ray, in one shading of its sphere.

With M = rows (R e_i) / s_i of the splat, P any point of the ray, I its direction and C the splat's centre:
o = M (P - C), d = M I / |M I|, d2 = o.o - (o.d)^2, alpha = opacity exp(-d2 / 2).
No sorting and no camera: it works for shadows, reflections and any number of cameras.
Colours are those of the constant SH term: higher coefficients stay in the attributes, unseen before Blender 5.3.
"""

from collections.abc import Sequence

import bpy

from .tree import Socket, Tree

MATERIAL = "Lucid Splats"
VERSION = 1  # as in nodes.py


def splat_material() -> bpy.types.Material:
    """The file's material for splats; made on first use."""
    for material in bpy.data.materials:
        if material.get("lucid_version") == VERSION and material.name.startswith(MATERIAL):
            return material
    material = bpy.data.materials.new(MATERIAL)
    material["lucid_version"] = VERSION
    if bpy.app.version < (5, 0, 0):  # always on from 5.0, and deprecated
        material.use_nodes = True
    material.surface_render_method = "DITHERED"  # EEVEE: independent of the order of the points
    material.node_tree.nodes.clear()
    _build(Tree(material.node_tree))
    return material


def mesh_material(color: Sequence[float]) -> bpy.types.Material:
    """A new material that shows a mesh's colour attribute; viewports in Solid show the one linear ``color`` [3]."""
    material = bpy.data.materials.new("Lucid Mesh")
    material.diffuse_color = (*color, 1.0)
    if bpy.app.version < (5, 0, 0):
        material.use_nodes = True
    tree = Tree(material.node_tree)
    shader = next(node for node in tree.tree.nodes if node.type == "BSDF_PRINCIPLED")
    shader.inputs["Roughness"].default_value = 0.8
    attribute = tree.add("ShaderNodeVertexColor", layer_name="Color")
    attribute.location = (-300, 200)
    tree.link(attribute.outputs["Color"], shader.inputs["Base Color"])
    return material


def _build(tree: Tree) -> None:
    geometry = tree.add("ShaderNodeNewGeometry").outputs
    centre = tree.add("ShaderNodePointInfo").outputs["Position"]
    offset = _to_object(tree, tree.vector("SUBTRACT", geometry["Position"], centre))
    incoming = _to_object(tree, geometry["Incoming"])
    rows = [tree.add("ShaderNodeAttribute", attribute_name=f"lucid_row_{k}").outputs["Vector"] for k in range(3)]
    origin = tree.combined(*(tree.dot(row, offset) for row in rows))
    direction = tree.vector("NORMALIZE", tree.combined(*(tree.dot(row, incoming) for row in rows)))
    along = tree.dot(origin, direction)
    squared = tree.math("SUBTRACT", tree.dot(origin, origin), tree.math("MULTIPLY", along, along))
    color = tree.add("ShaderNodeAttribute", attribute_name="lucid_color").outputs
    gaussian = tree.math("EXPONENT", tree.math("MULTIPLY", squared, -0.5))
    alpha = tree.math("MULTIPLY", color["Alpha"], gaussian)
    inside = tree.math("MULTIPLY", alpha, tree.math("LESS_THAN", squared, 9.0))
    front = tree.math("MULTIPLY", inside, tree.math("SUBTRACT", 1.0, geometry["Backfacing"]))
    light = tree.add("ShaderNodeEmission", inputs={"Color": color["Color"]}).outputs[0]
    clear = tree.add("ShaderNodeBsdfTransparent").outputs[0]
    mixed = tree.add("ShaderNodeMixShader", inputs={0: front, 1: clear, 2: light}).outputs[0]
    tree.add("ShaderNodeOutputMaterial", inputs={"Surface": mixed})


def _to_object(tree: Tree, vector: Socket) -> Socket:
    node = tree.add(
        "ShaderNodeVectorTransform",
        inputs={0: vector},
        vector_type="VECTOR",
        convert_from="WORLD",
        convert_to="OBJECT",
    )
    return node.outputs[0]
