"""What goes on beside the runs: the queue's next entry starts when nothing is at work, and the lists are kept right.

In a window `attend` is called by a timer, also across file loads; without one, scripts and operators start things.
"""

import logging
import math
import threading
import time
from dataclasses import replace
from pathlib import Path

import bpy
from bpy.props import CollectionProperty, IntProperty, StringProperty

from .. import preferences
from ..client import trash
from ..client.file_stamp import stamp_of
from ..client.history import Entry, history
from ..client.job_state import state
from ..client.prompt_queue import prompt_queue
from ..core.errors import JobError, LucidError
from ..core.messages import Generate
from . import running
from .prop import Prop

SECONDS_BETWEEN_LOOKS = 0.5
SECONDS_BETWEEN_EXPIRIES = 86400.0  # of what is in the trash
SECONDS_BETWEEN_SCANS = 30.0  # of job folders in which only another program may have changed something

_log = logging.getLogger(__name__)
_seen: tuple[object, ...] = ()  # what the history was last read for
_shown: tuple[Entry, ...] = ()
_expired = -math.inf  # when what is old in the trash was last deleted


class LucidRow(bpy.types.PropertyGroup):
    """A line of a list: its ``name`` is what the list's search looks for."""

    key: StringProperty(description="The job's folder, or the key of what waits")


class LucidLists(bpy.types.PropertyGroup):
    """What the lists of the sidebar show, one line for each entry."""

    # Not saved: every .blend would tell of every prompt.
    history: CollectionProperty(type=LucidRow, options={"SKIP_SAVE"})
    history_index: IntProperty(name="Job", description="The job that the buttons below are about")
    trash: CollectionProperty(type=LucidRow, options={"SKIP_SAVE"})
    trash_index: IntProperty(name="Deleted Job", description="The job that Restore is about")
    queue: CollectionProperty(type=LucidRow, options={"SKIP_SAVE"})
    queue_index: IntProperty(name="Waiting", description="The entry that the buttons beside the list are about")


def start() -> None:
    """Take over the queue that was saved, and begin to attend."""
    global _seen
    _seen = ()
    prompt_queue.open(preferences.user_folder("queue"))
    if not bpy.app.background:
        bpy.app.timers.register(attend, first_interval=SECONDS_BETWEEN_LOOKS, persistent=True)


def stop() -> None:
    if bpy.app.timers.is_registered(attend):
        bpy.app.timers.unregister(attend)


def attend() -> float:
    """One look, from the timer."""
    try:
        look()
        _expire()
    except Exception:  # the timer would die without a word
        _log.exception("the lists could not be brought up to date")
    return SECONDS_BETWEEN_LOOKS


def look() -> None:
    """Start what waits, read the history again where it may have changed, bring the lists up to date."""
    prompt_queue.refresh()
    start_next()
    if _signs() != _seen or not (history.complete and trash.deleted.complete):
        read_history()
    show_lists()


def show_lists() -> None:
    """Make the sidebar's lists what they are about."""
    global _shown
    lists = bpy.context.window_manager.lucid
    changed = _sync(lists, "history", [(entry.title, str(entry.folder)) for entry in history.entries])
    deleted = sorted(trash.deleted.entries, key=lambda entry: entry.folder.name, reverse=True)
    changed |= _sync(lists, "trash", [(entry.title, str(entry.folder)) for entry in deleted])
    changed |= _sync(lists, "queue", [(entry.title, entry.key) for entry in prompt_queue.entries])
    if changed or history.entries is not _shown:
        _shown = history.entries
        running.redraw()


def start_next() -> None:
    """Start the first that waits, when nothing is at work. What cannot start stays, and holds the queue."""
    if state.busy or prompt_queue.held or not prompt_queue.entries:
        return
    entry = prompt_queue.entries[0]
    try:
        running.start(Prop(in_new_folder(entry.request), mesh_beside=True))
    except LucidError as error:
        _log.warning("the queue is held: %s", error)
        prompt_queue.hold(f"{error.message} {error.advice}".strip())
        return
    prompt_queue.remove(entry)


def run_all() -> None:
    """Work through the queue and wait. What fails is reported by its job; raises what keeps a run from starting."""
    prompt_queue.release()
    while prompt_queue.entries:
        entry = prompt_queue.entries[0]
        preferences.launch()  # raises before the entry is taken out
        prompt_queue.remove(entry)
        try:
            running.run(Prop(in_new_folder(entry.request)))
        except LucidError as error:
            _log.warning("%s: %s", entry.title, error)


def begin_or_queue(operator: bpy.types.Operator, request: Generate) -> None:
    """Start a request, or put it at the end of the queue while another is at work."""
    if state.busy:
        prompt_queue.add(request)
        operator.report({"INFO"}, f"{request.generation.prompt!r} waits in the queue")
    else:
        running.start_or_run(Prop(in_new_folder(request), mesh_beside=not bpy.app.background))


def in_new_folder(request: Generate) -> Generate:
    """The request as a job of its own."""
    folder = preferences.new_job_folder(request.generation.prompt)
    return replace(request, job_folder=str(folder))


def read_history() -> None:
    """Read the job folders now."""
    global _seen
    _seen = _signs()
    jobs = preferences.jobs_folder()
    history.scan(jobs, at_work=running.folder_at_work())
    trash.deleted.scan(trash.folder_of(jobs))


def _expire() -> None:
    """Delete what has been in the trash for long, once a day; large jobs take a while, so beside Blender."""
    global _expired
    if time.monotonic() - _expired < SECONDS_BETWEEN_EXPIRIES:
        return
    _expired = time.monotonic()
    threading.Thread(target=_delete_old, args=(preferences.jobs_folder(),), name="lucid trash", daemon=True).start()


def _delete_old(jobs: Path) -> None:
    try:
        gone = trash.empty(jobs, older_than_days=trash.DAYS_KEPT)
    except JobError as error:
        _log.warning("the trash: %s", error)
    else:
        if gone:
            _log.info("%d jobs were in the trash for %d days and are deleted", gone, trash.DAYS_KEPT)


def _signs() -> tuple[object, ...]:
    """What changes when a job comes, ends or goes: cheap enough to be looked at all the time."""
    folder = preferences.jobs_folder()
    begun = state.busy, state.began, state.step > 0  # with the first step the folder is surely there
    return folder, stamp_of(folder), begun, time.monotonic() // SECONDS_BETWEEN_SCANS


def _sync(lists: bpy.types.PropertyGroup, name: str, wanted: list[tuple[str, str]]) -> bool:
    """Make a list's rows what is wanted, the same one active; whether they were anything else."""
    rows, index = getattr(lists, name), getattr(lists, f"{name}_index")
    shown = [(row.name, row.key) for row in rows]
    if shown == wanted:
        return False
    active = shown[index][1] if 0 <= index < len(shown) else ""
    rows.clear()
    for title, key in wanted:
        row = rows.add()
        row.name, row.key = title, key
    keys = [key for _, key in wanted]
    kept = keys.index(active) if active in keys else min(index, len(keys) - 1)
    setattr(lists, f"{name}_index", max(kept, 0))
    return True


CLASSES = (LucidRow, LucidLists)
