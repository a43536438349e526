"""The installation at work: one installer, and one timer that brings its progress to the screen.

As with `running`, `start` returns at once in a window, and waits in background.
"""

import bpy

from .. import preferences
from ..client.installation import Plan
from ..client.installer import Installer, state
from ..client.job_state import state as job
from ..core.errors import BackendError
from . import running

_installer: Installer | None = None


def start(plan: Plan) -> None:
    """Begin it. Raises BackendError when it cannot begin or, in background, when it has failed."""
    global _installer
    if state.busy:
        raise BackendError(f"{state.title}: at work.", advice="Wait until it has finished, or cancel it.")
    _installer = Installer(plan, state, log_file=preferences.installation_log())
    _installer.start()
    if not bpy.app.background:
        bpy.app.timers.register(tick, first_interval=running.SECONDS_BETWEEN_TICKS, persistent=True)
        return
    _installer.wait()
    if state.phase == "failed":
        raise BackendError(state.message, advice=state.advice)


def tick() -> float | None:
    """Show how far it is; None, which ends the timer, at its end."""
    running.redraw()
    return running.SECONDS_BETWEEN_TICKS if state.busy else None


def cancel() -> None:
    if _installer is not None and state.busy:
        _installer.cancel()


def stop() -> None:
    """End it and its timer. Safe to call at any time."""
    global _installer
    installer, _installer = _installer, None
    if installer is not None and state.busy:
        installer.kill()
    if bpy.app.timers.is_registered(tick):
        bpy.app.timers.unregister(tick)


def require_no_run() -> None:
    """An environment that a run works with is not changed."""
    if job.busy:
        raise BackendError("Lucid Dreamer is at work.", advice="Wait until it has finished, or cancel it.")
