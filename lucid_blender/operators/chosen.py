"""Which splat objects a verb is about."""

import bpy

from ..client.job_state import state
from ..core.errors import InvalidInput
from ..scene.pointcloud import is_splats


def chosen_splats(context: bpy.types.Context) -> list[bpy.types.Object]:
    """The selected splat objects, the active one last; or the active one where none is selected, as after a run."""
    active = context.active_object
    selected = [found for found in context.selected_objects if is_splats(found)]
    if not selected:
        return [active] if is_splats(active) else []
    return sorted(selected, key=lambda found: found == active)


def is_idle(cls: type[bpy.types.Operator]) -> bool:
    """A poll: no run is at work."""
    if state.busy:
        cls.poll_message_set("Lucid Dreamer is already at work")
    return not state.busy


def active_is_splats(cls: type[bpy.types.Operator], context: bpy.types.Context) -> bool:
    """A poll."""
    found = is_splats(context.active_object)
    if not found:
        cls.poll_message_set("The active object holds no splats")
    return found


def can_change(cls: type[bpy.types.Operator], context: bpy.types.Context) -> bool:
    """The poll of verbs that change the chosen splats."""
    if context.mode != "OBJECT":
        cls.poll_message_set("Only in Object Mode")
        return False
    found = chosen_splats(context)
    if not found:
        cls.poll_message_set("Select an object that holds splats")
    elif any(splats.library or splats.data.library for splats in found):
        cls.poll_message_set("The splats are linked from another file")
    else:
        return True
    return False


def object_named(name: str) -> bpy.types.Object:
    """Raises InvalidInput when there is none."""
    found = bpy.data.objects.get(name)
    if found is None:
        raise InvalidInput(
            f"There is no object {name!r}." if name else "No object is chosen.",
            advice="Choose one that encloses the part.",
        )
    return found
