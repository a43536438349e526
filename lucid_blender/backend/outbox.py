"""Events that wait for the socket."""

from __future__ import annotations

import threading
from collections import deque

from ..core import messages


class Outbox:
    """Events on their way to the client. Holds at most one snapshot and one progress report, always the newest.

    A snapshot is given out only when the client has acknowledged the one before: a slow viewport drops pictures.
    """

    def __init__(self) -> None:
        self._ready = threading.Condition()
        self._events: deque[messages.Event] = deque()
        self._snapshot: messages.Snapshot | None = None
        self._in_flight = False
        self._closed = False

    def put(self, event: messages.Event) -> None:
        with self._ready:
            match event:
                case messages.Snapshot():
                    self._snapshot = event
                case messages.Progress() if self._events and isinstance(self._events[-1], messages.Progress):
                    self._events[-1] = event
                case messages.Finished() | messages.Failed():
                    self._snapshot, self._in_flight = None, False  # the end of a run makes it stale
                    self._events.append(event)
                case _:
                    self._events.append(event)
            self._ready.notify_all()

    def acknowledge(self) -> None:
        with self._ready:
            self._in_flight = False
            self._ready.notify_all()

    def close(self) -> None:
        """No more is given out once what waits is gone."""
        with self._ready:
            self._closed = True
            self._ready.notify_all()

    def take(self) -> messages.Event | None:
        """The next event; waits for one. None when closed."""
        with self._ready:
            while True:
                if self._events:
                    return self._events.popleft()
                if self._snapshot and not self._in_flight:
                    event, self._snapshot, self._in_flight = self._snapshot, None, True
                    return event
                if self._closed:
                    return None
                self._ready.wait()
