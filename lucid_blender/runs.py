"""Runs as scripts see them: what comes of one, how to wait for it, and how to follow it."""

import logging
import time
from collections.abc import Callable, Coroutine, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy

from .client.job_state import state
from .client.session import error_from
from .core.errors import BackendError, InvalidInput, LucidError
from .core.messages import Event, Failed, Finished, Progress, Snapshot
from .operators import running
from .operators.prop import Prop

OnEvent = Callable[[Event], None]
OnProgress = Callable[[Progress], None]
OnSnapshot = Callable[[Snapshot], None]
SECONDS_BETWEEN_JOBS = 0.2
SECONDS_BETWEEN_LOOKS = 0.02

_log = logging.getLogger(__name__)


@dataclass
class Result:
    """A prop, or a picture. ``splats``, ``mesh`` and ``image`` are looked up in the file at every use: None when they
    are not there."""

    prompt: str
    job_folder: Path
    done: bool = False
    error: LucidError | None = None
    seconds: float = 0.0
    network_evaluations: int = 0
    control_evaluations: int = 0  # of ControlNets, beside those of the network
    artefacts: tuple[str, ...] = ()
    _prop: Prop | None = None

    @property
    def splats(self) -> bpy.types.Object | None:
        return self._prop.splats if self._prop else None

    @property
    def mesh(self) -> bpy.types.Object | None:
        return self._prop.mesh if self._prop else None

    @property
    def image(self) -> bpy.types.Image | None:
        return self._prop.image if self._prop else None


class Run:
    """A run that goes on beside the script. It can be awaited in a coroutine that ``api.run`` drives."""

    def __init__(self, result: Result) -> None:
        self._result = result

    @property
    def done(self) -> bool:
        """Whether it has ended, well or not."""
        return self._result.done

    @property
    def error(self) -> LucidError | None:
        """What it ended with, if that was an error; Cancelled when it was stopped."""
        return self._result.error

    @property
    def result(self) -> Result:
        """Its result as far as it has come: the splats grow while it runs. Raises what the run ended with."""
        if self._result.error is not None:
            raise self._result.error
        return self._result

    def cancel(self) -> None:
        """Ask it to stop; what has grown stays in the scene."""
        if not self.done:
            running.cancel()

    def wait(self, seconds: float | None = None) -> Result:
        """Block until it has ended. Raises what it ended with, and TimeoutError after so many seconds."""
        deadline = time.monotonic() + seconds if seconds is not None else None
        while not self.done:
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutError(f"{self._result.prompt!r} is still running")
            self._pump()
        return self.result

    def __await__(self) -> Generator[None, None, Result]:
        while not self.done:
            if bpy.app.background:  # where timers do not fire
                self._pump()
            elif not state.busy:
                self._lost()
            yield
        return self.result

    def _pump(self) -> None:
        if running.tick() is None:
            self._lost()
        else:
            time.sleep(SECONDS_BETWEEN_LOOKS)

    def _lost(self) -> None:
        if not self.done:
            self._result.done = True
            self._result.error = BackendError("The run was ended from elsewhere.", advice="Resume it from its folder.")


def run_prop(prop: Prop, on_event: OnEvent | None, wait: bool) -> Result:
    """Run it to its end and raise what it ended with, or start it; the result is ``done`` later then."""
    result = Result(prompt=prop.title, job_folder=Path(prop.request.job_folder), _prop=prop)

    def note(event: Event) -> None:
        _note(result, event)
        if on_event is not None:
            on_event(event)

    (running.run if wait else running.start)(prop, note)
    return result


def listener(
    on_event: OnEvent | None, on_progress: OnProgress | None = None, on_snapshot: OnSnapshot | None = None
) -> OnEvent | None:
    """One function that calls those which an event is for."""
    if on_progress is None and on_snapshot is None:
        return on_event

    def hear(event: Event) -> None:
        if on_event is not None:
            on_event(event)
        if on_progress is not None and isinstance(event, Progress):
            on_progress(event)
        if on_snapshot is not None and isinstance(event, Snapshot):
            on_snapshot(event)

    return hear


def drive(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that awaits runs: in a window by a timer, beside the user; without one to its end."""
    if bpy.app.background:
        while True:
            try:
                coroutine.send(None)
            except StopIteration as end:
                return end.value

    def step() -> float | None:
        try:
            coroutine.send(None)
        except StopIteration:
            return None
        except Exception as error:  # the timer would die without a word
            _log.exception("the coroutine has ended with an error")
            state.message = f"A script has ended with an error: {error}"
            return None
        return running.SECONDS_BETWEEN_TICKS

    bpy.app.timers.register(step, persistent=True)
    return None


def one_after_another(
    jobs: Sequence[tuple[Result, Callable[[], Prop | None]]],
    *,
    on_event: OnEvent | None,
    wait: bool,
    after_each: Callable[[], None] = lambda: None,
) -> None:
    """Prepare and run each; what is prepared as None is done already. One that fails keeps its error in its result."""
    steps = _steps(jobs, on_event, wait, after_each)
    if wait:
        for _ in steps:
            pass
    else:
        require_window()
        bpy.app.timers.register(lambda: next(steps, None), persistent=True)


def require_window() -> None:
    if bpy.app.background:
        raise InvalidInput(
            "wait=False needs a window: without one nothing runs beside a script", advice="Leave it out."
        )


def _steps(
    jobs: Sequence[tuple[Result, Callable[[], Prop | None]]],
    on_event: OnEvent | None,
    wait: bool,
    after_each: Callable[[], None],
) -> Iterator[float]:
    for result, prepare in jobs:
        while state.busy:
            yield SECONDS_BETWEEN_JOBS
        try:
            prop = prepare()
            if prop is not None:
                result.job_folder = Path(prop.request.job_folder)
                made = run_prop(prop, on_event, wait)
                while not made.done:
                    yield SECONDS_BETWEEN_JOBS
                vars(result).update(vars(made))
        except LucidError as error:
            result.done, result.error = True, error
        after_each()


def _note(result: Result, event: Event) -> None:
    match event:
        case Finished():
            result.done = True
            result.seconds, result.network_evaluations = event.seconds, event.network_evaluations
            result.control_evaluations = event.control_evaluations
            result.artefacts = event.artefacts
        case Failed():
            result.done, result.error = True, error_from(event)
