"""One life of a backend, as a session holds on to it: its process, its socket, and the threads that serve them."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Protocol

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from ..core import messages, wire

SECONDS_TO_CONNECT = 10.0
SECONDS_TO_CLOSE = 5.0


class Process(Protocol):
    """What a session needs of a process; tests give it another one."""

    port: int
    token: str

    @property
    def alive(self) -> bool: ...
    @property
    def log_tail(self) -> list[str]: ...
    def how_it_ended(self, *, wait: float = ...) -> str: ...
    def stop(self, *, grace: float = ...) -> None: ...
    def kill(self) -> None: ...


class Connection(Protocol):
    """What a session needs of a socket."""

    def send(self, frame: str | bytes, /) -> None: ...
    def recv(self) -> str | bytes: ...


class Link:
    """One life of a backend and the threads that serve it. What is sent before the connection stands waits."""

    def __init__(self, serve: Callable[[Link], None]) -> None:
        self.process: Process | None = None
        self.outgoing: queue.SimpleQueue[str | bytes | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=serve, args=(self,), name="lucid session", daemon=True)
        self._thread.start()

    @contextlib.contextmanager
    def writing_to(self, connection: Connection) -> Iterator[None]:
        """Send what waits and what is added, from a thread of its own: a socket may keep its writer waiting."""
        threading.Thread(target=self._write, args=(connection,), name="lucid session writer", daemon=True).start()
        try:
            yield
        finally:
            self.outgoing.put(None)

    def _write(self, connection: Connection) -> None:
        with contextlib.suppress(ConnectionClosed, OSError):  # which the reading thread reports
            while (frame := self.outgoing.get()) is not None:
                connection.send(frame)

    def shut_down(self) -> None:
        """Ask the backend to go; what has not been sent is not sent any more."""
        with contextlib.suppress(queue.Empty):
            while True:
                self.outgoing.get_nowait()
        self.outgoing.put(wire.encode(messages.Shutdown()))
        self.outgoing.put(None)

    def end(self) -> None:
        """Wait until the backend has gone; kill it when that takes too long."""
        self._thread.join(SECONDS_TO_CLOSE)
        if self._thread.is_alive():
            self.kill()
            self._thread.join(1.0)

    def kill(self) -> None:
        """End the process now; the thread notices and cleans up."""
        if self.process:
            self.process.kill()


def connected(process: Process) -> AbstractContextManager[ClientConnection]:
    return connect(
        f"ws://127.0.0.1:{process.port}/",
        additional_headers={"Authorization": f"Bearer {process.token}"},
        compression=None,
        proxy=None,
        open_timeout=SECONDS_TO_CONNECT,
        ping_interval=None,  # the process's end closes the socket; a busy step must not
        close_timeout=1,
        max_size=wire.MAX_FRAME_BYTES,
    )
