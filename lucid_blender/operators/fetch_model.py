"""lucid.look_up_model and lucid.download_model: ask the hub about a model, a LoRA, a ControlNet or Shap-E; get it."""

from collections.abc import Callable

import bpy
from bpy.props import EnumProperty, StringProperty

from ..core.errors import InvalidInput, LucidError
from ..core.messages import FetchModel, Finished, Snapshot
from ..core.models import known
from ..core.wanted import NAMES, PARTS, Wanted, is_of_the_hub
from ..generations import wanted_model
from . import running
from .chosen import is_idle


class ModelFetch:
    """A FetchModel request, which changes no scene."""

    def __init__(self, request: FetchModel) -> None:
        self.request = request
        model = known(request.wanted.source)
        self.title = model.name if model else request.wanted.source

    def prepare(self) -> None:
        pass

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

    source: StringProperty(name="Source", description="Hub id such as owner/name. Empty: the model that is chosen")
    revision: StringProperty(name="Revision", description="Branch, tag or commit. Empty: the newest")
    part: EnumProperty(
        name="Part",
        description="What is at the source",
        items=[(part.upper(), NAMES[part].title() if part == "model" else NAMES[part], "") for part in PARTS],
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not is_idle(cls):
            return False
        if not bpy.app.online_access:
            cls.poll_message_set("Blender is offline: Preferences > System > Network > Allow Online Access")
            return False
        return True

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return self._do(context, running.start_or_run)

    def execute(self, context: bpy.types.Context) -> set[str]:
        return self._do(context, running.run)

    def _do(self, context: bpy.types.Context, action: Callable[[ModelFetch], None]) -> set[str]:
        try:
            wanted = self._wanted(context)
            if not is_of_the_hub(wanted.source, wanted.part):
                raise InvalidInput(
                    f"{wanted.source or 'The model'} is none of the hub's.", advice="Those have ids such as owner/name."
                )
            action(ModelFetch(FetchModel(wanted=wanted, download=self.download)))
        except LucidError as error:
            return running.report(self, error)
        return {"FINISHED"}

    def _wanted(self, context: bpy.types.Context) -> Wanted:
        if not self.source:
            return wanted_model(context.scene.lucid)
        part = next(part for part in PARTS if part.upper() == self.part)
        return Wanted(source=self.source.strip(), revision=self.revision.strip(), part=part)


class LUCID_OT_look_up_model(_Fetch, bpy.types.Operator):
    bl_idname = "lucid.look_up_model"
    bl_label = "Look Up"
    bl_description = "Ask the hub for size and licence; nothing is downloaded"
    download = False


class LUCID_OT_download_model(_Fetch, bpy.types.Operator):
    bl_idname = "lucid.download_model"
    bl_label = "Download"
    bl_description = "Download it to the models folder; a download that was stopped goes on where it was"
