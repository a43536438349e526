"""lucid.queue_*: what waits for the run at work."""

import bpy
from bpy.props import EnumProperty, IntProperty

from ..client.prompt_queue import prompt_queue
from ..core.errors import LucidError
from . import attending, running
from .generate import sidebar_request


class LUCID_OT_queue_add(bpy.types.Operator):
    bl_idname = "lucid.queue_add"
    bl_label = "Add to Queue"
    bl_description = "Put the prompt with its settings, as they are now, at the end of the queue"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if context.scene.lucid.prompt.strip():
            return True
        cls.poll_message_set("Enter a prompt first, for example: a red mushroom")
        return False

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            prompt_queue.add(sidebar_request(context))
        except LucidError as error:
            return running.report(self, error)
        attending.show_lists()
        return {"FINISHED"}


class _OfTheQueue:
    """Operators on what waits."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return bool(prompt_queue.entries)


class _OfAnEntry(_OfTheQueue):
    """Operators on one entry of the queue."""

    index: IntProperty(name="Index", description="Place in the queue; -1: the active one", default=-1, min=-1)

    def execute(self, context: bpy.types.Context) -> set[str]:
        index = context.window_manager.lucid.queue_index if self.index < 0 else self.index
        if index >= len(prompt_queue.entries):
            self.report({"WARNING"}, "There is no such entry in the queue")
            return {"CANCELLED"}
        self.change(index)
        attending.show_lists()
        return {"FINISHED"}


class LUCID_OT_queue_move(_OfAnEntry, bpy.types.Operator):
    bl_idname = "lucid.queue_move"
    bl_label = "Move in Queue"
    bl_description = "Let the entry start earlier or later"
    bl_options = {"REGISTER"}

    direction: EnumProperty(name="Direction", items=[("UP", "Up", "Earlier"), ("DOWN", "Down", "Later")])

    def change(self, index: int) -> None:
        prompt_queue.move(index, -1 if self.direction == "UP" else 1)


class LUCID_OT_queue_remove(_OfAnEntry, bpy.types.Operator):
    bl_idname = "lucid.queue_remove"
    bl_label = "Remove from Queue"
    bl_description = "Take the entry out of the queue"
    bl_options = {"REGISTER"}

    def change(self, index: int) -> None:
        prompt_queue.remove(prompt_queue.entries[index])


class LUCID_OT_queue_clear(_OfTheQueue, bpy.types.Operator):
    bl_idname = "lucid.queue_clear"
    bl_label = "Clear Queue"
    bl_description = "Take everything out of the queue; the run at work goes on"
    bl_options = {"REGISTER"}

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_confirm(self, event)

    def execute(self, context: bpy.types.Context) -> set[str]:
        prompt_queue.clear()
        attending.show_lists()
        return {"FINISHED"}


class LUCID_OT_queue_start(_OfTheQueue, bpy.types.Operator):
    bl_idname = "lucid.queue_start"
    bl_label = "Start Queue"
    bl_description = "Work through the queue, one entry after the other"
    bl_options = {"REGISTER"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        prompt_queue.release()
        try:
            if bpy.app.background:
                attending.run_all()
            else:
                attending.start_next()
        except LucidError as error:
            return running.report(self, error)
        return {"FINISHED"}


class LUCID_OT_queue_hold(bpy.types.Operator):
    bl_idname = "lucid.queue_hold"
    bl_label = "Hold Queue"
    bl_description = "Let the run at work end and start nothing after it"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return bool(prompt_queue.entries) and not prompt_queue.held

    def execute(self, context: bpy.types.Context) -> set[str]:
        prompt_queue.hold()
        return {"FINISHED"}


CLASSES = (
    LUCID_OT_queue_add,
    LUCID_OT_queue_move,
    LUCID_OT_queue_remove,
    LUCID_OT_queue_clear,
    LUCID_OT_queue_start,
    LUCID_OT_queue_hold,
)
