"""The backend's process: started by path from its own environment, watched, and stopped."""

from __future__ import annotations

import atexit
import contextlib
import json
import logging
import os
import queue
import secrets
import subprocess
import sys
import threading
import weakref
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from ..core.errors import BackendError
from ..core.model_files import own_login

BACKEND = Path(__file__).resolve().parent.parent / "backend"
LOG_LINES = 200
SECONDS_TO_START = 60.0
SECONDS_TO_TERMINATE = 5.0

_INSTALL = "Install the backend's environment, or set its Python in the add-on's preferences."
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Launch:
    """How to start a backend."""

    python: Path  # the interpreter of the backend's environment
    cache_folder: Path  # compiled kernels go here
    log_file: Path | None = None  # everything the backend logs; replaced at each start
    allow_downloads: bool = False
    models_folder: Path | None = None  # the hub's cache; None: where every program has it
    hub_token: str = field(default="", repr=False)  # access token of the hub, for where none is set up otherwise
    program: Path = BACKEND  # a folder with __main__.py, or a script

    @property
    def command(self) -> list[str]:
        # -I: isolated from PYTHON* variables, the user's site-packages and the current folder.
        return [str(self.python), "-I", "-X", "utf8", str(self.program), "serve"]

    def environment(self, inherited: Mapping[str, str]) -> dict[str, str]:
        """The variables of the backend's process. Blender's own Python settings stay out."""
        added = {
            "PYTHONNOUSERSITE": "1",
            "OMP_WAIT_POLICY": "passive",  # threads that wait leave the processor to Blender
            "NUMBA_CACHE_DIR": str(self.cache_folder / "numba"),
        }
        if not self.allow_downloads:
            added["HF_HUB_OFFLINE"] = "1"
        if self.models_folder is not None:
            added["HF_HUB_CACHE"] = str(self.models_folder)
        if self.hub_token and not own_login(inherited):
            added["HF_TOKEN"] = self.hub_token
        return without_python(inherited) | added


class BackendProcess:
    """A running backend. ``port`` and ``token`` open its socket."""

    def __init__(self, launch: Launch, *, timeout: float = SECONDS_TO_START) -> None:
        """Start it and wait until it listens. Raises BackendError, with the end of its log, when it does not."""
        self.token = secrets.token_urlsafe(32)
        self._tail: deque[str] = deque(maxlen=LOG_LINES)
        self._ready: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._popen = _spawn(launch)
        _running.add(self)
        log_file = _open_log(launch.log_file)
        streams = ((self._popen.stdout, self._read_stdout), (self._popen.stderr, self._read_stderr))
        self._readers = [
            threading.Thread(target=read, args=(stream, log_file), name="backend log", daemon=True)
            for stream, read in streams
        ]
        for reader in self._readers:
            reader.start()
        try:
            self._send_token()
            self.port = self._wait_until_ready(timeout)
        except BaseException:
            self.stop(grace=0)
            raise

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def alive(self) -> bool:
        return self._popen.poll() is None

    @property
    def log_tail(self) -> list[str]:
        """The last lines of the log."""
        return list(self._tail)

    def how_it_ended(self, *, wait: float = 1.0) -> str:
        """ "exit code 1", "signal 9", or "still running" after ``wait`` seconds."""
        try:
            code = self._popen.wait(wait)
        except subprocess.TimeoutExpired:
            return "still running"
        return f"signal {-code}" if code < 0 else f"exit code {code}"

    def stop(self, *, grace: float = SECONDS_TO_TERMINATE) -> None:
        """Close its stdin, which asks it to end; after ``grace`` seconds terminate it, then kill. Twice is fine."""
        _running.discard(self)
        with contextlib.suppress(OSError):  # a pipe whose reader is gone
            self._stdin.close()
        if not _ended(self._popen, grace):
            self._popen.terminate()
            if not _ended(self._popen, min(grace, 1.0)):
                self.kill()
        for reader in self._readers:
            reader.join(1.0)

    def kill(self) -> None:
        """End it at once."""
        _log.warning("killing the backend (process %s)", self._popen.pid)
        self._popen.kill()
        _ended(self._popen, SECONDS_TO_TERMINATE)

    @property
    def _stdin(self) -> IO[bytes]:
        assert self._popen.stdin is not None
        return self._popen.stdin

    def _send_token(self) -> None:
        # Stdin stays open: its end tells the backend that this process is gone. A dead reader shows as no ready line.
        with contextlib.suppress(OSError):
            self._stdin.write(self.token.encode("ascii") + b"\n")
            self._stdin.flush()

    def _wait_until_ready(self, timeout: float) -> int:
        try:
            line = self._ready.get(timeout=timeout)
        except queue.Empty:
            message = f"The backend did not answer within {timeout:.0f} s."
            raise BackendError(message, advice=self._with_log("Try again.")) from None
        try:
            port = json.loads(line)["port"]
        except (ValueError, KeyError, TypeError):
            raise self._failed_to_start(line) from None
        if type(port) is not int:
            raise self._failed_to_start(line)
        return port

    def _failed_to_start(self, line: str) -> BackendError:
        if line:
            return BackendError(
                f"The backend answered {line[:80]!r}; wanted its port.", advice=self._with_log(_INSTALL)
            )
        self._readers[1].join(1.0)  # the rest of the log
        missing = next((text for text in reversed(self._tail) if "ModuleNotFoundError" in text), "")
        message = f"The backend did not start ({self.how_it_ended()})."
        if missing:
            module = missing.partition("No module named ")[2].strip() or "a package"
            message = f"The backend did not start: its Python has no {module}."
        return BackendError(message, advice=self._with_log(_INSTALL if missing else "See the log."))

    def _with_log(self, advice: str) -> str:
        lines = [line for line in self._tail if line.strip()][-3:]
        return "\n".join([advice, *lines])

    def _read_stdout(self, stream: IO[bytes], log_file: IO[str] | None) -> None:
        with stream:
            self._ready.put(stream.readline(4096).decode("utf-8", "replace").strip())
            for line in stream:  # nothing more is expected, but a full pipe would stop the backend
                self._tail.append(line.decode("utf-8", "replace").rstrip())

    def _read_stderr(self, stream: IO[bytes], log_file: IO[str] | None) -> None:
        with stream, log_file or contextlib.nullcontext():
            for line in stream:
                text = line.decode("utf-8", "replace").rstrip()
                self._tail.append(text)
                if log_file:
                    with contextlib.suppress(OSError):  # a full disk must not stop the backend
                        log_file.write(text + "\n")
                        log_file.flush()


_running: weakref.WeakSet[BackendProcess] = weakref.WeakSet()


@atexit.register
def stop_all() -> None:
    """No backend outlives this process, even where a pipe was inherited by another child."""
    for process in list(_running):
        process.stop(grace=2.0)


def _spawn(launch: Launch) -> subprocess.Popen[bytes]:
    if not launch.python.is_file():
        raise BackendError(f"There is no Python at {launch.python}.", advice=_INSTALL)
    try:
        return subprocess.Popen(
            launch.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=launch.environment(os.environ),
            start_new_session=sys.platform != "win32",  # Ctrl+C in a terminal is for the parent, which then cancels
            creationflags=windows_flags(),
        )
    except OSError as error:
        raise BackendError(f"{launch.python} cannot be started: {error.strerror}", advice=_INSTALL) from error


def without_python(inherited: Mapping[str, str]) -> dict[str, str]:
    """The variables without the settings of Blender's own Python."""
    return {
        name: value
        for name, value in inherited.items()
        if not name.upper().startswith("PYTHON") and name != "__PYVENV_LAUNCHER__"
    }


def windows_flags() -> int:
    """Without a window of its own, in a group of its own."""
    if sys.platform == "win32":
        return subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
    return 0


def _open_log(path: Path | None) -> IO[str] | None:
    if path is None:
        return None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("w", encoding="utf-8")
    except OSError as error:
        _log.warning("no log file: %s", error)
        return None


def _ended(popen: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        popen.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True
