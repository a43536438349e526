"""lucid.crop_splats: only the splats inside of a box, or outside of it."""

import bpy
from bpy.props import EnumProperty, StringProperty

from ..core.errors import LucidError
from ..scene.pointcloud import is_splats
from ..scene.splat_objects import crop
from . import running
from .chosen import can_change, chosen_splats, object_named


class LUCID_OT_crop_splats(bpy.types.Operator):
    bl_idname = "lucid.crop_splats"
    bl_label = "Crop Splats"
    bl_description = (
        "Remove splats of the selected objects that are outside or inside of another object. Select it, too, or choose "
        "it in the dialog"
    )
    bl_options = {"REGISTER", "UNDO"}

    box: StringProperty(name="Object", description="Name of the object around the part", options={"SKIP_SAVE"})
    shape: EnumProperty(
        name="Shape",
        items=[
            ("BOX", "Bounding Box", "The object's bounding box, turned as the object is; an empty's cube or sphere"),
            ("SURFACE", "Surface", "The closed surface of the object"),
        ],
    )
    keep: EnumProperty(
        name="Keep",
        items=[
            ("INSIDE", "Inside", "Keep the splats whose centre is inside"),
            ("OUTSIDE", "Outside", "Keep the splats whose centre is outside"),
        ],
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return can_change(cls, context)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        self.box = self.box or selected_box(context)
        if self.box:
            return self.execute(context)
        return context.window_manager.invoke_props_dialog(self, confirm_text="Crop")

    def draw(self, context: bpy.types.Context) -> None:
        self.layout.use_property_split = True
        self.layout.prop_search(self, "box", context.scene, "objects")
        self.layout.prop(self, "shape")
        self.layout.row().prop(self, "keep", expand=True)

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            box = object_named(self.box or selected_box(context))
            how = {"surface": self.shape == "SURFACE", "keep_inside": self.keep == "INSIDE"}
            cropped = [splats for splats in chosen_splats(context) if splats != box]
            removed = sum(crop(splats, box, depsgraph=context.evaluated_depsgraph_get(), **how) for splats in cropped)
        except LucidError as error:
            return running.report(self, error)
        self.report({"INFO"}, f"{removed} splats removed")
        return {"FINISHED"}


def selected_box(context: bpy.types.Context) -> str:
    """The name of the one selected object that holds no splats; "" when there is none or more than one."""
    others = [found for found in context.selected_objects if not is_splats(found)]
    return others[0].name if len(others) == 1 else ""
