"""lucid.edit_splats: the active object's splats after another prompt, the whole of them or a part."""

from collections.abc import Callable

import bpy
from bpy.props import StringProperty

from .. import preferences
from ..core.errors import LucidError
from ..core.inputs import Inputs
from ..core.messages import Generate
from ..generations import to_generation
from ..scene.editing import splats_to_edit
from ..scene.placement import numbers_of
from . import running
from .chosen import active_is_splats, is_idle, object_named
from .prop import Prop


class LUCID_OT_edit_splats(bpy.types.Operator):
    bl_idname = "lucid.edit_splats"
    bl_label = "Edit Splats with Prompt"
    bl_description = "Change the splats of the active object after a prompt; the original is hidden, not removed"
    bl_options = {"REGISTER"}

    prompt: StringProperty(name="Prompt", description="What the whole prop should become: a blue mushroom")
    inside: StringProperty(
        name="Only Inside",
        description="Name of a closed mesh, or of an empty shown as cube or sphere: what is outside stays as it is",
    )
    attribute: StringProperty(
        name="Only Where", description="Name of a point attribute: splats where it is 0 stay as they are"
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return is_idle(cls) and active_is_splats(cls, context)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if bpy.app.background:
            return self.execute(context)
        self.prompt = self.prompt or context.active_object.get("prompt", "")
        return context.window_manager.invoke_props_dialog(self, width=360, confirm_text="Edit")

    def draw(self, context: bpy.types.Context) -> None:
        self.layout.use_property_split = True
        self.layout.prop(self, "prompt", placeholder="a blue mushroom")
        self.layout.prop_search(self, "inside", context.scene, "objects")
        self.layout.prop_search(self, "attribute", context.active_object.data, "attributes")

    def execute(self, context: bpy.types.Context) -> set[str]:
        # The dialog of a window calls execute, too: there nothing may block.
        return self._do(context, running.start_or_run)

    def _do(self, context: bpy.types.Context, action: Callable[[Prop], None]) -> set[str]:
        try:
            action(self._prop(context))
        except LucidError as error:
            return running.report(self, error)
        return {"FINISHED"}

    def _prop(self, context: bpy.types.Context) -> Prop:
        initial = splats_to_edit(
            context.active_object,
            attribute=self.attribute,
            inside=object_named(self.inside) if self.inside else None,
            depsgraph=context.evaluated_depsgraph_get(),
        )
        generation = to_generation(context.scene.lucid, prompt=self.prompt, edits=True)
        folder = str(preferences.new_job_folder(self.prompt))
        inputs = Inputs(splats=initial, placement=numbers_of(context.active_object.matrix_world))
        request = Generate(generation=generation, job_folder=folder, inputs=inputs)
        return Prop(request, replaces=context.active_object)
