"""Session: requests in, events out. It starts the backend when it is needed and says so when the backend dies.

One thread a backend starts it, connects and reads the socket, a second writes to it; they never touch bpy. The caller's
thread submits, and drains events() from a timer, without waiting for either; background mode, scripts and tests use
run_blocking(). Every request ends in one Finished or Failed.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from websockets.exceptions import ConnectionClosed, InvalidHandshake

from ..core import errors, messages, wire
from ..core.jobs import resumable_folder
from .link import Connection, Link, Process, connected
from .process import BackendProcess, Launch

Work = messages.Generate | messages.ExtractMesh | messages.FetchModel

SECONDS_TO_CANCEL = 5.0
_POLL_SECONDS = 0.05
_RESUME = "Resume continues from the last checkpoint."

_log = logging.getLogger(__name__)


class Session:
    """A backend and the request it is working on; both can follow one another as often as wanted."""

    def __init__(
        self,
        launch: Launch,
        *,
        start_process: Callable[[Launch], Process] = BackendProcess,
        open_connection: Callable[[Process], AbstractContextManager[Connection]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._launch = launch
        self._start_process = start_process
        self._open_connection = open_connection or connected
        self._clock = clock
        self._lock = threading.RLock()
        self._events: queue.SimpleQueue[messages.Event] = queue.SimpleQueue()
        self._link: Link | None = None
        self._request: Work | None = None
        self._cancelled_at: float | None = None
        self._end: messages.Finished | messages.Failed | None = None  # of the last request

    # ------------------------------------------------------------ state

    @property
    def alive(self) -> bool:
        """A backend runs or is starting."""
        return self._link is not None

    @property
    def busy(self) -> bool:
        """A request has not yet ended in events()."""
        return self._request is not None

    @property
    def log_tail(self) -> list[str]:
        """The last lines of the backend's log."""
        link = self._link
        return link.process.log_tail if link and link.process else []

    # ------------------------------------------------------------ the caller's thread

    def start(self) -> None:
        """Start a backend unless one runs; returns at once. A failure arrives as the Failed of the request."""
        with self._lock:
            self._link = self._link or Link(self._serve)

    def submit(self, request: Work) -> None:
        """Send a request, starting a backend if none runs.

        Raises BackendError while another request is at work, InvalidInput when this one cannot be sent.
        """
        frame = wire.encode(request)
        with self._lock:
            if self._request is not None:
                raise errors.BackendError("Another request is running.", advice="Wait for it, or cancel it.")
            self._request = request
            self._cancelled_at = None
            self.start()
            self._send(frame)

    def events(self) -> list[messages.Event]:
        """What has arrived since the last call; never blocks. Kills a backend that left a cancel unanswered."""
        self._enforce_cancel()
        return [self._events.get_nowait() for _ in range(self._events.qsize())]  # nobody else takes any

    def acknowledge(self) -> None:
        """The last snapshot has been shown; the next may come."""
        self._send(wire.encode(messages.Acknowledge()))

    def cancel(self) -> None:
        """Stop the request; it ends with Failed of kind "Cancelled", within 5 s."""
        with self._lock:
            if self._request is None or self._cancelled_at is not None:
                return
            self._cancelled_at = self._clock()
            self._send(wire.encode(messages.Cancel()))

    def pause(self) -> None:
        self._send(wire.encode(messages.Pause()))

    def unpause(self) -> None:
        self._send(wire.encode(messages.Unpause()))

    def stop_and_keep(self) -> None:
        """End the run with what it has; it ends with Finished, like one that has come to its end."""
        self._send(wire.encode(messages.StopAndKeep()))

    def close(self, *, wait: bool = True) -> None:
        """Stop the backend; its request ends "Cancelled". ``wait`` until the process is gone, 7 s at most."""
        with self._lock:
            link, self._link = self._link, None
            self._finish(self._failed("Cancelled", "The run was stopped with its backend.", ""))
        if link is None:
            return
        link.shut_down()
        if wait:
            link.end()
        else:
            threading.Thread(target=link.end, name="lucid session end", daemon=True).start()

    def run_blocking(
        self, request: Work, on_event: Callable[[messages.Event], None] | None = None
    ) -> messages.Finished:
        """Submit and wait. Raises the LucidError that the Failed stands for; Ctrl+C cancels and raises Cancelled."""
        self.submit(request)
        interrupted = False
        try:
            while self.busy or not self._events.empty():
                try:
                    self._pump(on_event)
                except KeyboardInterrupt:
                    if interrupted:
                        raise
                    interrupted = True
                    self.cancel()
        finally:
            if self.busy:  # on_event raised, or Ctrl+C twice
                self.close()
            self.events()
        if isinstance(self._end, messages.Failed):
            raise error_from(self._end)
        assert self._end is not None
        return self._end

    def _pump(self, on_event: Callable[[messages.Event], None] | None) -> None:
        """Hand out the next event, or wait a little for it."""
        self._enforce_cancel()
        try:
            event = self._events.get(timeout=_POLL_SECONDS)
        except queue.Empty:
            return
        if on_event:
            on_event(event)
        if isinstance(event, messages.Snapshot):
            self.acknowledge()

    # ------------------------------------------------------------ both threads

    def _send(self, frame: str | bytes) -> None:
        """Send soon, or once connected."""
        with self._lock:
            if self._link is not None:
                self._link.outgoing.put(frame)

    def _finish(self, event: messages.Finished | messages.Failed) -> None:
        """End the request with this event; nothing when it has ended already."""
        with self._lock:
            if self._request is not None:
                self._end = event
                self._events.put(event)
                self._request = None  # after the event is there: who sees no request can rely on finding it
                self._cancelled_at = None

    def _failed(self, kind: str, message: str, advice: str) -> messages.Failed:
        folder = resumable_folder(self._request)
        return messages.Failed(kind=kind, message=message, advice=advice, job_folder=folder)

    def _enforce_cancel(self) -> None:
        with self._lock:
            link, since = self._link, self._cancelled_at
            if link is None or since is None or self._clock() - since < SECONDS_TO_CANCEL:
                return
            self._link = None
            message = f"The run was stopped. The backend did not answer within {SECONDS_TO_CANCEL:.0f} s and was ended."
            self._finish(self._failed("Cancelled", message, _RESUME if resumable_folder(self._request) else ""))
        link.kill()

    # ------------------------------------------------------------ the reading thread

    def _serve(self, link: Link) -> None:
        """A backend's life: start, connect, read until it ends."""
        try:
            link.process = self._start_process(self._launch)
            with self._open_connection(link.process) as connection, link.writing_to(connection):
                while True:
                    self._receive(link, connection.recv())
        except errors.LucidError as error:
            self._lost(link, self._failed(type(error).__name__, error.message, error.advice))
        except (ConnectionClosed, InvalidHandshake, OSError) as error:
            _log.info("the connection ended: %s", error)
            self._lost(link, self._died(link))
        finally:
            if self._link is link:  # only when a fault of this module ended the thread
                self._lost(link, self._died(link))
            if link.process:
                link.process.stop()

    def _receive(self, link: Link, frame: str | bytes) -> None:
        event = wire.decode(frame)
        with self._lock:
            if self._link is not link:
                return  # the last words of a backend that was given up
            match event:
                case messages.Failed(kind="Busy"):
                    _log.error("the backend is busy with another request")
                case messages.Finished() | messages.Failed():
                    self._finish(event)
                case (
                    messages.Progress()
                    | messages.Notice()
                    | messages.ModelFound()
                    | messages.Machinery()
                    | messages.Snapshot()
                ):
                    self._events.put(event)
                case _:
                    _log.warning("the backend sent a %s", type(event).__name__)

    def _lost(self, link: Link, failed: messages.Failed) -> None:
        with self._lock:
            if self._link is link:
                self._link = None
                self._finish(failed)

    def _died(self, link: Link) -> messages.Failed:
        process = link.process
        how = process.how_it_ended(wait=1.0) if process else "not started"
        log = [line for line in (process.log_tail if process else []) if line.strip()][-3:]
        advice = [_RESUME] if resumable_folder(self._request) else []
        if how == "signal 9":
            advice.append("The system may have ended it because memory ran out.")
        return self._failed("BackendError", f"The backend stopped unexpectedly ({how}).", "\n".join(advice + log))


def error_from(failed: messages.Failed) -> errors.LucidError:
    """The exception that a Failed stands for; BackendError for kinds from outside our tree."""
    pending: list[type[errors.LucidError]] = [errors.LucidError]
    while pending:
        cls = pending.pop()
        if cls.__name__ == failed.kind:
            return cls(failed.message, advice=failed.advice)
        pending += cls.__subclasses__()
    return errors.BackendError(failed.message, advice=failed.advice)
