"""The backend's side of the socket: one client, one run at a time, events out.

The parent gives a one-time bearer token as a line on stdin and keeps stdin open; the server answers with one line of
JSON on stdout, {"port": ..., "version": ...}. When the connection or stdin closes, the run is stopped and the process
ends.

Threads: the main one waits for the end; one reads the socket; one writes it (Outbox); one runs the request (Run).
"""

from __future__ import annotations

import contextlib
import errno
import hmac
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from typing import NoReturn, cast

from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request as HttpRequest
from websockets.http11 import Response
from websockets.sync.server import ServerConnection
from websockets.sync.server import serve as serve_websocket

from ..core import messages, wire
from ..core.errors import BackendError, Cancelled, InvalidInput, LucidError
from ..core.jobs import resumable_folder
from .outbox import Outbox

Work = messages.Generate | messages.ExtractMesh | messages.FetchModel
RunWork = Callable[[Work], Iterator[messages.Event]]

VERSION = wire.VERSION
MAX_TOKEN_BYTES = 1024
SECONDS_TO_CONNECT = 120.0  # without a client after this, the process ends
SECONDS_TO_STOP = 6.0  # a run that takes longer to reach its next event is abandoned

_DISK_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}  # Windows has no EDQUOT

_log = logging.getLogger(__name__)


def serve(*, run: RunWork) -> NoReturn:
    """Serve one client until it leaves, then end the process.

    ``run`` turns a request into events, and is closed when it is cancelled.
    """
    logging.getLogger("websockets").setLevel(logging.WARNING)  # the end of the log is shown to users
    server = Server(run, _read_token())
    signal.signal(signal.SIGTERM, lambda *_: server.stopping.set())
    with serve_websocket(
        server.handle,
        "127.0.0.1",
        0,
        process_request=server.admit,
        compression=None,
        max_size=wire.MAX_FRAME_BYTES,
        ping_interval=None,
        close_timeout=1,
    ) as listener:
        threading.Thread(target=listener.serve_forever, name="accept", daemon=True).start()
        threading.Thread(target=_wait_for_parent, args=(server.stopping,), name="parent", daemon=True).start()
        _announce(listener.socket.getsockname()[1])
        server.wait()
        force = threading.Timer(SECONDS_TO_STOP, _end_by_force)
        force.daemon = True
        force.start()
        server.stop()
    _end_process(0)


def _end_by_force() -> None:
    _log.error("the run did not stop within %.0f s; ending the process", SECONDS_TO_STOP)
    _end_process(1)


def _end_process(code: int) -> NoReturn:
    """All that matters is on disk; taking torch and its libraries down in order would keep the parent for seconds."""
    logging.shutdown()
    with contextlib.suppress(OSError):  # the parent, who reads it, may be gone
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def _read_token() -> bytes:
    """The first line of stdin. Unbuffered: a thread reads the rest, and must not hold a lock when Python ends."""
    token = b""
    while not token.endswith(b"\n") and len(token) < MAX_TOKEN_BYTES:
        byte = os.read(0, 1)
        if not byte:
            break
        token += byte
    if len(token.strip()) < 16:
        raise InvalidInput("no token on stdin", advice="The add-on starts this; see `generate` for the command line.")
    return token.strip()


def _announce(port: int) -> None:
    """The one line on stdout. Whatever else is printed in this process goes to the log."""
    ready = json.dumps({"port": port, "version": VERSION}) + "\n"
    os.write(1, ready.encode("ascii"))
    os.dup2(2, 1)


def _wait_for_parent(stopping: threading.Event) -> None:
    """Stdin ends when the parent does, however it ended."""
    try:
        while os.read(0, 1024):
            pass
    except OSError:
        pass
    _log.info("stdin is closed; stopping")
    stopping.set()


class Server:
    """Admits one client and carries messages between it and one run."""

    def __init__(self, run: RunWork, token: bytes) -> None:
        self.stopping = threading.Event()
        self._run_work = run
        self._token = token
        self._lock = threading.Lock()
        self._admitted = False
        self._outbox = Outbox()
        self._run: Run | None = None

    def admit(self, connection: ServerConnection, request: HttpRequest) -> Response | None:
        """None lets the client in; the token works once, and never for a web page."""
        with self._lock:
            if not self._admitted and is_authorised(request.headers, self._token):
                self._admitted = True
                return None
        _log.warning("refused a connection")
        return connection.respond(401, "Unauthorized\n")

    def wait(self) -> None:
        """Until the client or the parent has left, or no client came."""
        if not self.stopping.wait(SECONDS_TO_CONNECT) and not self._admitted:
            _log.error("nobody connected within %.0f s", SECONDS_TO_CONNECT)
            return
        self.stopping.wait()

    def handle(self, connection: ServerConnection) -> None:
        """Read the client's messages until it leaves."""
        writer = threading.Thread(target=self._write, args=(connection,), name="writer", daemon=True)
        writer.start()
        try:
            for frame in connection:
                self.receive(frame)
                if self.stopping.is_set():
                    break
        except ConnectionClosed:
            pass
        finally:
            _log.info("the client has left")
            self.stopping.set()

    def receive(self, frame: str | bytes) -> None:
        """Act on one frame. A frame that cannot be read never disturbs a run."""
        try:
            message = wire.decode(frame)
        except InvalidInput as error:
            _log.warning("unreadable frame: %s", error)
            busy = self._run is not None and self._run.active
            notice = messages.Notice(message=f"A message to the backend could not be read: {error.message}")
            self._outbox.put(notice if busy else failed_by(error, None))
            return
        match message:
            case messages.Generate() | messages.ExtractMesh() | messages.FetchModel():
                self._start(message)
            case messages.Acknowledge():
                self._outbox.acknowledge()
            case messages.Cancel() if self._run:
                self._run.cancel()
            case messages.Pause() if self._run:
                self._run.pause()
            case messages.Unpause() if self._run:
                self._run.unpause()
            case messages.StopAndKeep() if self._run:
                self._run.stop_and_keep()
            case messages.Shutdown():
                self.stopping.set()
            case _:
                _log.warning("nothing to do for %s", type(message).__name__)

    def stop(self) -> None:
        """End the run at its next event."""
        if self._run:
            self._run.stop()
        self._outbox.close()

    def _start(self, work: Work) -> None:
        if self._run and self._run.active:
            advice = "Wait until it has finished, or cancel it."
            self._outbox.put(messages.Failed(kind="Busy", message="Another request is running.", advice=advice))
            return
        self._run = Run(self._run_work, work, self._outbox.put)

    def _write(self, connection: ServerConnection) -> None:
        try:
            while (event := self._outbox.take()) is not None:
                connection.send(_encoded(event))
        except ConnectionClosed:
            pass


def is_authorised(headers: Headers, token: bytes) -> bool:
    """True for exactly one bearer token and no Origin, which only browsers send."""
    given = headers.get_all("Authorization")
    if len(given) != 1 or "Origin" in headers:
        return False
    return hmac.compare_digest(given[0].encode("utf-8", "replace"), b"Bearer " + token)


def _encoded(event: messages.Event) -> str | bytes:
    """The event's frame; one that cannot be sent becomes one that says so."""
    try:
        return wire.encode(event)
    except InvalidInput as error:
        _log.exception("%s cannot be sent", type(event).__name__)
        if isinstance(event, (messages.Finished, messages.Failed)):
            return wire.encode(failed_by(error, None))
        return wire.encode(messages.Notice(message=f"A {type(event).__name__} could not be sent: {error.message}"))


class Run:
    """One request in its own thread. ``send`` gets its events, the last of which is Finished or Failed."""

    def __init__(self, run: RunWork, work: Work, send: Callable[[messages.Event], None]) -> None:
        self._work = work
        self._send = send
        self._cancelled = False
        self._enough = False
        self._begun = False  # a generator can be told nothing before its first event
        self._go_on = threading.Event()
        self._go_on.set()
        self._done = False
        self._thread = threading.Thread(target=self._execute, args=(run,), name="run", daemon=True)
        self._thread.start()

    @property
    def active(self) -> bool:
        return not self._done

    def cancel(self) -> None:
        self._cancelled = True
        self._go_on.set()

    def pause(self) -> None:
        if not self._cancelled:
            self._go_on.clear()

    def unpause(self) -> None:
        self._go_on.set()

    def stop_and_keep(self) -> None:
        """Tell the run, at its next event, to deliver what it has."""
        self._enough = True
        self._go_on.set()

    def stop(self) -> None:
        """Cancel and wait until the run has closed."""
        self.cancel()
        self._thread.join()

    def _execute(self, run: RunWork) -> None:
        end: messages.Event = messages.Failed(kind="BackendError", message="The run ended without a result.")
        try:
            end = self._events(run)
        except LucidError as error:
            end = failed_by(error, self._work)
        except Exception as error:  # the top of the process's loop
            _log.exception("the run failed")
            end = failed_by(_translated(error), self._work, kind=type(error).__name__)
        finally:
            self._done = True
            self._send(end)

    def _events(self, run: RunWork) -> messages.Event:
        """Pass events on until the last, which is returned. Closing the run lets it write a checkpoint."""
        events = run(self._work)
        try:
            while (event := self._next(events)) is not None:
                if isinstance(event, (messages.Finished, messages.Failed)):
                    return event
                self._send(event)
                self._go_on.wait()
                if self._cancelled:
                    raise Cancelled("The run was stopped.", advice=_resume_advice(self._work))
        finally:
            if isinstance(events, Generator):
                events.close()
        raise BackendError("The run ended without a result.", advice="This is a fault of the program: see the log.")

    def _next(self, events: Iterator[messages.Event]) -> messages.Event | None:
        """The run's next event, None at its end. A run that cannot stop early ignores what it is told."""
        if not self._enough or not self._begun or not isinstance(events, Generator):
            self._begun = True
            return next(events, None)
        try:
            return cast(messages.Event, events.send(messages.StopAndKeep()))
        except StopIteration:
            return None


def failed_by(error: LucidError, work: Work | None, *, kind: str = "") -> messages.Failed:
    folder = resumable_folder(work)
    return messages.Failed(
        kind=kind or type(error).__name__, message=error.message, advice=error.advice, job_folder=folder
    )


def _resume_advice(work: Work) -> str:
    return "Resume continues where it stopped." if resumable_folder(work) else ""


def _translated(error: Exception) -> LucidError:
    """What a foreign exception means to the user."""
    text = f"{type(error).__name__}: {error}"
    smaller = "Use fewer splats, fewer views or a smaller resolution, or close other programs."
    if type(error).__name__ == "OutOfMemoryError":
        return LucidError("The graphics card's memory is full.", advice=f"{smaller} Or choose the CPU.")
    if isinstance(error, MemoryError) or "DefaultCPUAllocator: can't allocate memory" in text:
        return LucidError("The computer's memory is full.", advice=smaller)
    if isinstance(error, OSError) and error.errno in _DISK_FULL:
        return LucidError("The disk is full.", advice="Free some space, then resume.")
    if isinstance(error, OSError):
        return LucidError(f"A file or the network failed: {error}", advice="Check it and try again; see the log.")
    return LucidError(f"The backend failed: {text}", advice="This is a fault of the program: see the log.")
