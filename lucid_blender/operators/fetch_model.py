"""lucid.look_up_model and lucid.download_model: ask the hub about the chosen model, and have it in the cache."""

from collections.abc import Callable

import bpy

from ..client.job_state import state
from ..core.errors import LucidError
from ..core.messages import FetchModel, Finished, Snapshot
from ..core.models import kind_of, known
from ..core.options import DiffusionModel
from ..generations import revision_of, source_of
from . import running


class ModelFetch:
    """A FetchModel request, which changes no scene."""

    def __init__(self, request: FetchModel) -> None:
        self.request = request
        model = known(request.model.source)
        self.title = model.name if model else request.model.source

    def show(self, snapshot: Snapshot) -> None:
        pass

    def deliver(self, finished: Finished) -> None:
        pass

    def undone(self) -> None:
        pass


class _Fetch:
    """What both operators do; they differ in ``download``."""

    bl_options = {"REGISTER"}
    download = True

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if state.busy:
            cls.poll_message_set("Lucid Dreamer is already at work")
            return False
        if not bpy.app.online_access:
            cls.poll_message_set("Blender is offline: Preferences > System > Network > Allow Online Access")
            return False
        if kind_of(source_of(context.scene.lucid)) != "hub":
            cls.poll_message_set("The model is none of the hub's: those have ids such as owner/name")
            return False
        return True

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return self._do(context, running.start_or_run)

    def execute(self, context: bpy.types.Context) -> set[str]:
        return self._do(context, running.run)

    def _do(self, context: bpy.types.Context, action: Callable[[ModelFetch], None]) -> set[str]:
        settings = context.scene.lucid
        model = DiffusionModel(source=source_of(settings), revision=revision_of(settings))
        try:
            action(ModelFetch(FetchModel(model=model, download=self.download)))
        except LucidError as error:
            return running.report(self, error)
        return {"FINISHED"}


class LUCID_OT_look_up_model(_Fetch, bpy.types.Operator):
    bl_idname = "lucid.look_up_model"
    bl_label = "Look Up"
    bl_description = "Ask the hub for the model's size and licence; nothing is downloaded"
    download = False


class LUCID_OT_download_model(_Fetch, bpy.types.Operator):
    bl_idname = "lucid.download_model"
    bl_label = "Download"
    bl_description = "Download the model to the models folder; a download that was stopped goes on where it was"
