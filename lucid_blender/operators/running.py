"""The run at work: one session, one timer that drains its events, and what they do to the scene.

In a window `start` returns at once and `tick` runs from a timer, also across a file load. In background and in scripts
`run` does the same and waits.
"""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import bpy

from .. import preferences
from ..client.job_state import state
from ..client.session import Session
from ..core.errors import BackendError, LucidError
from ..core.messages import Event, ExtractMesh, Failed, FetchModel, Finished, Generate, Snapshot
from ..core.pictures import Picture
from ..viewport import inset

SECONDS_BETWEEN_TICKS = 0.1
OnEvent = Callable[[Event], None]

_log = logging.getLogger(__name__)
_session: Session | None = None
_work: "Work | None" = None
_on_event: OnEvent | None = None


class Work(Protocol):
    """A request and what becomes of its answers."""

    request: Generate | ExtractMesh | FetchModel
    title: str

    def prepare(self) -> None:
        """Nothing has arrived: make a part of what an answer will need, so that its tick is short."""

    def show(self, snapshot: Snapshot) -> None:
        """Bring the scene up to date."""

    def deliver(self, finished: Finished) -> None:
        """Put the result into the scene."""

    def undone(self) -> None:
        """The user has undone something; objects may have gone that nobody removed."""


def run(work: Work, on_event: OnEvent | None = None) -> None:
    """Do the work and wait for it. Raises the LucidError that it ends with."""
    _require_idle()
    session = Session(preferences.launch())
    _begin(session, work, on_event)
    try:
        session.run_blocking(work.request, on_event=_take)
    except LucidError as error:
        if state.busy:  # it never reached the backend
            state.fail(Failed(kind=type(error).__name__, message=error.message, advice=error.advice))
        raise
    except BaseException:
        if state.busy:
            state.fail(Failed(kind="BackendError", message="The run was stopped by an error in Blender."))
        raise
    finally:
        stop()


def start(work: Work, on_event: OnEvent | None = None) -> None:
    """Begin the work and return; a timer does the rest. Raises LucidError when it cannot begin."""
    _require_idle()
    session = Session(preferences.launch())
    _begin(session, work, on_event)
    try:
        session.submit(work.request)
    except BaseException:
        state.phase = "idle"
        stop()
        raise
    bpy.app.timers.register(tick, first_interval=SECONDS_BETWEEN_TICKS, persistent=True)
    bpy.app.handlers.undo_post.append(_on_undo)


def start_or_run(work: Work) -> None:
    """Begin the work in a window; without one, do it and wait."""
    (run if bpy.app.background else start)(work)


def tick() -> float | None:
    """Take what has arrived; None, which ends the timer, when the work is done."""
    if _session is None:
        return None
    events = _session.events()
    if not events and _work is not None:
        _work.prepare()
    for event in events:
        try:
            _take(event)
        except Exception as error:  # the timer would die without a word
            _log.exception("an event could not be shown")
            state.fail(_failed_by(error))
        if isinstance(event, Snapshot) and _session is not None:
            _session.acknowledge()
    redraw()
    if not state.busy:
        stop(wait=False)
        return None
    return SECONDS_BETWEEN_TICKS


def cancel() -> None:
    """Ask the backend to stop; what is there so far stays."""
    if _session is not None and state.busy:
        if state.phase == "paused":
            _session.unpause()
        state.phase, state.stage = "stopping", "Stopping"
        _session.cancel()


def stop_and_keep() -> None:
    """End the run with what is there."""
    if _session is not None and state.busy:
        if state.phase == "paused":
            _session.unpause()
            state.phase = "running"
        state.keeping = True
        _session.stop_and_keep()


def pause() -> None:
    """Hold the run, or let it go on."""
    if _session is None:
        return
    if state.phase == "paused":
        _session.unpause()
        state.phase = "running"
    elif state.phase == "running":
        _session.pause()
        state.phase = "paused"


def stop(*, wait: bool = True) -> None:
    """End the session, the timer and the status text; ``wait`` until the backend is gone. Safe to call at any time."""
    global _session, _work, _on_event
    session, _session, _work, _on_event = _session, None, None, None
    if session is not None:
        session.close(wait=wait)
        for event in session.events() if state.busy else ():  # the extension goes in the middle of a run
            if isinstance(event, Failed):
                state.note(event)
    if bpy.app.timers.is_registered(tick):
        bpy.app.timers.unregister(tick)
    if _on_undo in bpy.app.handlers.undo_post:
        bpy.app.handlers.undo_post.remove(_on_undo)
    redraw()
    inset.redraw()


def seen() -> Picture | None:
    """What viewports show of what the model saw: nothing between the runs."""
    return state.seen if state.busy and preferences.show_inset() else None


def folder_at_work() -> Path | None:
    """The folder of the job that this Blender runs."""
    request = _work.request if _work is not None and state.busy else None
    return Path(request.job_folder) if isinstance(request, Generate) else None


def redraw() -> None:
    """Bring panels and status bars up to date."""
    manager = bpy.context.window_manager
    for window in manager.windows if manager and not bpy.app.background else ():
        if not window.modal_operators:  # whose text it would take away
            with bpy.context.temp_override(window=window):  # 5.2 crashes without one, just after a file is loaded
                window.workspace.status_text_set(None)  # the one way to have the status bar drawn again
        for area in window.screen.areas:
            if area.type in ("IMAGE_EDITOR", "PREFERENCES"):  # a picture may have grown; how far the backend is
                area.tag_redraw()
    inset.redraw("UI")  # the sidebars


def undo_step(message: str) -> None:
    """One step to undo all that a run has put into the scene; a moment later, as it takes a while in large files."""

    def push() -> None:
        windows = bpy.context.window_manager.windows
        if windows:
            with bpy.context.temp_override(window=bpy.context.window or windows[0]):
                bpy.ops.ed.undo_push(message=message)

    if not bpy.app.background:
        bpy.app.timers.register(push, first_interval=SECONDS_BETWEEN_TICKS)


def report(operator: bpy.types.Operator, error: LucidError) -> set[str]:
    """Tell the user, and let the operator end."""
    operator.report({"ERROR"}, f"{error.message} {error.advice}".strip())
    return {"CANCELLED"}


def _begin(session: Session, work: Work, on_event: OnEvent | None) -> None:
    global _session, _work, _on_event
    _session, _work, _on_event = session, work, on_event
    state.begin(work.title)


def _take(event: Event) -> None:
    on_event = _on_event
    match event:
        case Snapshot():
            state.note(event)
            if _work is not None:
                _work.show(event)
            inset.redraw()
        case Finished():
            if _work is not None:
                _work.deliver(event)
            state.note(event)
        case Failed():
            state.note(event)
            if _work is not None and not isinstance(_work.request, FetchModel):  # which changes no scene
                undo_step(f"Lucid Dreamer: {state.title} (stopped)")
        case _:
            state.note(event)
    if on_event is not None:
        on_event(event)


def _require_idle() -> None:
    if state.busy:
        raise BackendError("Lucid Dreamer is already at work.", advice="Wait until it has finished, or cancel it.")


def _failed_by(error: Exception) -> Failed:
    if isinstance(error, LucidError):
        return Failed(kind=type(error).__name__, message=error.message, advice=error.advice)
    return Failed(kind="BackendError", message=f"The result could not be put into the scene: {error}")


@bpy.app.handlers.persistent
def _on_undo(*_: object) -> None:
    if _work is not None:
        _work.undone()
