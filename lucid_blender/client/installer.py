"""Running a plan's steps in the background: their output by the line, cancelling, and how it ended."""

from __future__ import annotations

import atexit
import contextlib
import errno
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Literal

from ..core.errors import BackendError
from .installation import Plan, Step, check_disk, note_begun, note_done
from .job_state import duration
from .process import windows_flags, without_python

LINES_KEPT = 60  # for the panel; the log has all
LINES_IN_MESSAGE = 3
SECONDS_TO_TERMINATE = 3.0
ACTIVATED = ("VIRTUAL_ENV", "CONDA_PREFIX")  # by an environment that Blender was started in
_log = logging.getLogger(__name__)

# What the installers say, and what to do about it; the first that fits.
ADVICE = (
    (
        r"no space left|os error 28|disk is full|os error 112",
        "The disk is full. Free some space, then install again: it goes on where it stopped.",
    ),
    (
        r"invalid peer certificate|certificate verify failed|unknownissuer",
        "This network has certificates of its own: add --system-certs to Extra Arguments.",
    ),
    (
        r"no interpreter found|no download found|python.*not found",
        "Set Make It From to a Python 3.11 or newer of yours.",
    ),
    (
        r"error sending request|failed to fetch|failed to download|dns error|name resolution|timed out"
        r"|could not connect|offline",
        "Check the network, then install again: it goes on where it stopped. Without a network, give Extra Arguments "
        "such as --no-index --find-links FOLDER.",
    ),
    (
        r"no solution found|no matching distribution|not found in the package registry",
        "The packages do not fit together where they were looked for: check Extra Arguments, or set Backend's Python "
        "to an environment of your own.",
    ),
    (
        r"permission denied|access is denied|os error 13",
        "A file is in use or protected: close other Blenders and install again.",
    ),
)
DEFAULT_ADVICE = "Copy the log for the details. Installing again goes on where it stopped."


Phase = Literal["idle", "running", "stopping", "finished", "cancelled", "failed"]


@dataclass
class InstallState:
    """What is shown of the installation at work, or of the last one. The installer's thread writes it."""

    phase: Phase = "idle"
    title: str = ""
    stage: str = ""
    step: int = 0
    steps: int = 0
    began: float = 0.0
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=LINES_KEPT))  # of the step at work
    message: str = ""  # how it ended
    advice: str = ""

    @property
    def busy(self) -> bool:
        return self.phase in ("running", "stopping")

    @property
    def factor(self) -> float:
        """Share of the steps that is done."""
        return min(self.step / self.steps, 1.0) if self.steps else 0.0

    @property
    def line(self) -> str:
        """The step at work, in a few words."""
        if self.phase == "stopping":
            return "Stopping"
        where = f"{self.stage}, step {min(self.step + 1, self.steps)}/{self.steps}"
        return f"{where}, {duration(time.monotonic() - self.began)}"

    @property
    def last(self) -> str:
        """What the step has said last."""
        return self.lines[-1] if self.lines else ""


class Installer:
    """One run of a plan in a thread of its own. ``state`` follows it."""

    def __init__(self, plan: Plan, state: InstallState, *, log_file: Path | None = None) -> None:
        """Raises BackendError when the disk has no room for it."""
        check_disk(plan)
        self.state = state
        self._plan, self._log_file = plan, log_file
        self._cancelled = threading.Event()
        self._guard = threading.Lock()  # between starting a process and cancelling it
        self._process: subprocess.Popen[bytes] | None = None
        vars(state).update(vars(InstallState(phase="running", title=plan.title, began=time.monotonic())))
        self._thread = threading.Thread(target=self._run, name="installer", daemon=True)

    def start(self) -> None:
        _running.append(self)
        self._thread.start()

    def cancel(self) -> None:
        """Stop it: the step's process with all that it has started. What is complete stays."""
        with self._guard:
            self._cancelled.set()
            if self.state.phase == "running":
                self.state.phase = "stopping"
            if self._process is not None:
                _kill_group(self._process, signal.SIGTERM)
        timer = threading.Timer(SECONDS_TO_TERMINATE, self._insist)  # what ignores the request
        timer.daemon = True
        timer.start()

    def _insist(self) -> None:
        with self._guard:
            if self._process is not None:
                _kill_group(self._process, _KILL)

    def wait(self, timeout: float | None = None) -> bool:
        """Until it has ended; False where that takes longer."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def kill(self) -> None:
        """End it at once, because this process ends."""
        self.cancel()
        self.wait(2 * SECONDS_TO_TERMINATE)

    def _run(self) -> None:
        state = self.state
        try:
            with self._opened_log() as log:
                self._run_steps(log)
            state.phase, state.message = "finished", f"Finished in {duration(time.monotonic() - state.began)}."
        except _Cancelled:
            state.message = "Stopped. Installing again goes on where it stopped." if self._plan.folder else "Stopped."
            state.phase = "cancelled"
        except BackendError as error:
            state.message, state.advice, state.phase = error.message, error.advice, "failed"
        except OSError as error:
            full = error.errno == errno.ENOSPC
            state.message = f"{self._plan.title} failed: {error.strerror or error}."
            state.advice, state.phase = ADVICE[0][1] if full else DEFAULT_ADVICE, "failed"
        finally:
            _running.remove(self)

    def _run_steps(self, log: IO[str] | None) -> None:
        plan, left = self._plan, self._plan.left
        self.state.steps = len(plan.steps)
        self.state.step = len(plan.steps) - len(left)
        for number, step in enumerate(left):
            if plan.folder:
                note_begun(plan.folder, left[number:])
            self.state.stage = step.title
            self.state.lines.clear()
            code = self._run_step(step, log)
            if self._cancelled.is_set():
                raise _Cancelled
            if code:
                raise _failed(step, code, list(self.state.lines))
            if plan.folder:
                note_done(plan.folder, step)
            self.state.step += 1

    def _run_step(self, step: Step, log: IO[str] | None) -> int:
        _write(log, f"\n$ {subprocess.list2cmdline(step.command)}")
        with self._guard:
            if self._cancelled.is_set():
                raise _Cancelled
            self._process = _spawn(step, self._plan)
        assert self._process.stdout is not None
        with self._process.stdout as output:
            for raw in output:
                line = raw.decode("utf-8", "replace").rstrip()
                _write(log, line)
                if line.strip():
                    self.state.lines.append(line)
        code = self._process.wait()
        with self._guard:
            self._process = None
        _write(log, f"exit code {code}")
        return code

    @contextlib.contextmanager
    def _opened_log(self) -> Iterator[IO[str] | None]:
        if self._log_file is None:
            yield None
            return
        self._log_file.parent.mkdir(parents=True, exist_ok=True)
        with self._log_file.open("w", encoding="utf-8") as log:
            yield log


class _Cancelled(Exception):
    """The user stopped it."""


state = InstallState()
_running: list[Installer] = []
_KILL = signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL


@atexit.register
def stop_all() -> None:
    """No installation outlives this process."""
    for installer in list(_running):
        installer.kill()


def advice_for(lines: list[str]) -> str:
    """What to do about the end of an installer's output."""
    text = "\n".join(lines).lower()
    return next((advice for pattern, advice in ADVICE if re.search(pattern, text)), DEFAULT_ADVICE)


def _failed(step: Step, code: int, lines: list[str]) -> BackendError:
    end = [line for line in lines if "MISSING" in line] or lines[-LINES_IN_MESSAGE:]  # the doctor's finding
    message = "\n".join([f"{step.title} failed (exit code {code}).", *end])
    return BackendError(message, advice=advice_for(lines))


def _spawn(step: Step, plan: Plan) -> subprocess.Popen[bytes]:
    kept = {name: value for name, value in without_python(os.environ).items() if name not in ACTIVATED}
    try:
        return subprocess.Popen(
            step.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=kept | dict(plan.variables),
            start_new_session=sys.platform != "win32",  # a group of its own, which is ended as a whole
            creationflags=windows_flags(),
        )
    except OSError as error:
        message = f"{step.command[0]} cannot be started: {error.strerror}."
        raise BackendError(message, advice="Check the paths in the add-on's preferences.") from error


def _kill_group(process: subprocess.Popen[bytes], number: int) -> None:
    if sys.platform == "win32":
        command = ["taskkill", "/T", "/F", "/PID", str(process.pid)]
        subprocess.run(command, capture_output=True, creationflags=subprocess.CREATE_NO_WINDOW)
    else:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)


def _write(log: IO[str] | None, line: str) -> None:
    if log is not None:
        log.write(line + "\n")
        log.flush()
