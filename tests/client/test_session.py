"""The session's logic with a fake process, a fake socket and a clock of our own."""

from __future__ import annotations

import contextlib
import queue
import threading
import typing
from collections.abc import Callable, Iterator

import pytest
from websockets.exceptions import ConnectionClosedError

from lucid_blender.client.process import Launch
from lucid_blender.client.session import Session, error_from
from lucid_blender.core import errors, messages, wire
from lucid_blender.core.messages import Failed, Finished, Generate, Notice, Progress, Snapshot
from tests.core.samples import MESSAGES, splats

from .conftest import PATIENCE, drain_until, wait_for

Requests = Callable[[str], Generate]


class FakeBackend:
    """Process and connection in one: what the session sends is kept, what the test puts is received."""

    port, token = 1, "token"

    def __init__(self) -> None:
        self.sent: list[object] = []
        self.to_receive: queue.SimpleQueue[str | bytes | BaseException] = queue.SimpleQueue()
        self.alive = True
        self.how = "signal 11"
        self.killed = False
        self.log_tail = ["first", "", "last words"]
        self.takes = threading.Event()  # what is sent
        self.takes.set()

    def say(self, *said: wire.Message) -> None:
        for message in said:
            self.to_receive.put(wire.encode(message))

    def hang_up(self) -> None:
        self.alive = False
        self.to_receive.put(ConnectionClosedError(None, None))

    def send(self, frame: str | bytes) -> None:
        message = wire.decode(frame)
        self.takes.wait(PATIENCE)
        self.sent.append(message)
        if isinstance(message, messages.Shutdown):
            self.hang_up()

    def recv(self) -> str | bytes:
        frame = self.to_receive.get(timeout=PATIENCE)
        if isinstance(frame, BaseException):
            raise frame
        return frame

    def how_it_ended(self, *, wait: float = 0) -> str:
        return self.how

    def stop(self, *, grace: float = 0) -> None:
        self.alive = False

    def kill(self) -> None:
        self.killed = True
        self.hang_up()


class Bench:
    """A session on fakes."""

    def __init__(self, launch: Launch) -> None:
        self.now = 0.0
        self.backends: list[FakeBackend] = []
        self.start_error: Exception | None = None
        self.session = Session(launch, start_process=self._start, open_connection=self._open, clock=lambda: self.now)

    def _start(self, launch: Launch) -> FakeBackend:
        if self.start_error:
            raise self.start_error
        self.backends.append(FakeBackend())
        return self.backends[-1]

    def _open(self, process: object) -> contextlib.AbstractContextManager[FakeBackend]:
        assert isinstance(process, FakeBackend)
        return contextlib.nullcontext(process)

    def submit(self, request: Generate) -> FakeBackend:
        self.session.submit(request)
        wait_for(lambda: bool(self.backends) and bool(self.backends[-1].sent))
        return self.backends[-1]


@pytest.fixture
def bench(launch: Launch) -> Iterator[Bench]:
    bench = Bench(launch)
    yield bench
    bench.session.close()


def test_nothing_starts_before_it_is_needed(bench: Bench) -> None:
    assert not bench.session.alive and not bench.session.busy
    assert bench.session.events() == [] and bench.session.log_tail == []
    bench.session.cancel()
    bench.session.acknowledge()
    assert not bench.backends


def test_events_come_in_order_and_once(bench: Bench, request_for: Requests) -> None:
    backend = bench.submit(request_for("x"))
    backend.say(Progress(stage="a"), Notice(message="b"), Finished(seconds=2))
    assert drain_until(bench.session, Finished) == [Progress(stage="a"), Notice(message="b"), Finished(seconds=2)]
    assert bench.session.events() == [] and not bench.session.busy


def test_every_kind_of_event_arrives(bench: Bench, request_for: Requests) -> None:
    ends = (Finished, Failed)
    told = [one for one in MESSAGES if isinstance(one, typing.get_args(messages.Event)) and not isinstance(one, ends)]
    backend = bench.submit(request_for("x"))
    backend.say(*told, Finished())
    arrived = drain_until(bench.session, Finished)
    assert [type(event) for event in arrived] == [*map(type, told), Finished]


def test_what_is_sent_while_the_backend_starts_arrives_in_order(bench: Bench, request_for: Requests) -> None:
    bench.session.submit(request_for("x"))
    bench.session.pause()
    bench.session.cancel()
    wait_for(lambda: bool(bench.backends) and len(bench.backends[0].sent) == 3)
    assert bench.backends[0].sent == [request_for("x"), messages.Pause(), messages.Cancel()]


def test_a_second_request_is_refused_here(bench: Bench, request_for: Requests) -> None:
    bench.submit(request_for("x"))
    with pytest.raises(errors.BackendError, match="Another request is running"):
        bench.session.submit(request_for("y"))
    assert bench.session.busy and len(bench.backends[0].sent) == 1


def test_a_busy_answer_does_not_end_the_request(bench: Bench, request_for: Requests) -> None:
    backend = bench.submit(request_for("x"))
    backend.say(Failed(kind="Busy", message=""), Progress(stage="a"))
    assert drain_until(bench.session, Progress) == [Progress(stage="a")]
    assert bench.session.busy


def test_a_death_is_told_once_with_the_end_of_the_log(bench: Bench, request_for: Requests) -> None:
    request = request_for("x")
    backend = bench.submit(request)
    backend.hang_up()
    (failed,) = drain_until(bench.session, Failed)
    assert isinstance(failed, Failed)
    assert failed.message == "The backend stopped unexpectedly (signal 11)."
    assert failed.advice.splitlines() == ["Resume continues from the last checkpoint.", "first", "last words"]
    assert failed.job_folder == request.job_folder
    assert not bench.session.busy and not bench.session.alive and bench.session.events() == []


def test_a_death_without_a_request_is_no_event(bench: Bench, request_for: Requests) -> None:
    backend = bench.submit(request_for("x"))
    backend.say(Finished())
    drain_until(bench.session, Finished)
    backend.hang_up()
    wait_for(lambda: not bench.session.alive)
    assert bench.session.events() == []
    bench.session.submit(request_for("y"))
    wait_for(lambda: len(bench.backends) == 2)


def test_a_backend_that_does_not_start_fails_the_request(bench: Bench, request_for: Requests) -> None:
    bench.start_error = errors.BackendError("no torch", advice="install it")
    with pytest.raises(errors.BackendError, match="no torch") as caught:
        bench.session.run_blocking(request_for("x"))
    assert caught.value.advice == "install it"
    bench.start_error = None
    bench.submit(request_for("x"))


def test_a_refused_connection_fails_the_request(bench: Bench, request_for: Requests) -> None:
    bench.start_error = ConnectionRefusedError()
    bench.session.submit(request_for("x"))
    assert "not started" in drain_until(bench.session, Failed)[0].message  # type: ignore[union-attr]


def test_an_unreadable_answer_fails_the_request(bench: Bench, request_for: Requests) -> None:
    bench.submit(request_for("x")).to_receive.put("{}")
    assert drain_until(bench.session, Failed)[0].kind == "FormatError"  # type: ignore[union-attr]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_fault_of_the_thread_still_ends_the_request(bench: Bench, request_for: Requests) -> None:
    backend = bench.submit(request_for("x"))
    (thread,) = (thread for thread in threading.enumerate() if thread.name == "lucid session")
    backend.to_receive.put(ZeroDivisionError())
    assert drain_until(bench.session, Failed)[0].kind == "BackendError"  # type: ignore[union-attr]
    thread.join(PATIENCE)  # or pytest lays its exception on the next test


def test_a_slow_socket_keeps_nobody_waiting(bench: Bench, request_for: Requests) -> None:
    backend = bench.submit(request_for("x"))
    backend.takes.clear()
    bench.session.acknowledge()
    bench.session.pause()
    assert len(backend.sent) == 1  # the request
    backend.takes.set()
    wait_for(lambda: backend.sent[1:] == [messages.Acknowledge(), messages.Pause()])


def test_a_cancel_has_five_seconds(bench: Bench, request_for: Requests) -> None:
    backend = bench.submit(request_for("x"))
    bench.session.cancel()
    bench.session.cancel()
    wait_for(lambda: messages.Cancel() in backend.sent)
    bench.now = 4.9
    assert bench.session.events() == [] and not backend.killed
    bench.now = 5.0
    (failed,) = bench.session.events()
    assert isinstance(failed, Failed) and failed.kind == "Cancelled"
    assert backend.killed and not bench.session.alive
    assert backend.sent.count(messages.Cancel()) == 1


def test_a_cancel_that_is_answered_kills_nobody(bench: Bench, request_for: Requests) -> None:
    backend = bench.submit(request_for("x"))
    bench.session.cancel()
    backend.say(Failed(kind="Cancelled", message="stopped"))
    drain_until(bench.session, Failed)
    bench.now = 100.0
    assert bench.session.events() == [] and not backend.killed and bench.session.alive


def test_the_last_words_of_a_backend_that_was_given_up_are_not_heard(bench: Bench, request_for: Requests) -> None:
    old = bench.submit(request_for("x"))
    old.kill = lambda: None  # type: ignore[method-assign]  # it hangs on
    bench.session.cancel()
    bench.now = 5.0
    bench.session.events()
    bench.submit(request_for("y"))
    old.say(Progress(stage="ghost"), Finished())
    old.to_receive.put(ConnectionClosedError(None, None))
    wait_for(lambda: not old.alive)
    assert bench.session.busy and bench.session.events() == []


def test_blocking_acknowledges_what_the_callback_has_seen(bench: Bench, request_for: Requests) -> None:
    seen: list[object] = []

    def on_event(event: messages.Event) -> None:
        backend = bench.backends[0]
        seen.append(event)
        assert messages.Acknowledge() not in backend.sent
        if isinstance(event, Notice):
            backend.say(Snapshot(step=1, splats=splats(1)), Finished(seconds=3))

    bench.session.start()
    wait_for(lambda: bool(bench.backends))
    bench.backends[0].say()
    bench.session._events.put(Notice(message="go"))
    assert bench.session.run_blocking(request_for("x"), lambda e: None if isinstance(e, Finished) else on_event(e))
    assert len(seen) == 2
    wait_for(lambda: bench.backends[0].sent[-1] == messages.Acknowledge())


@pytest.mark.parametrize(
    ("kind", "cls"),
    [
        ("Cancelled", errors.Cancelled),
        ("FormatError", errors.FormatError),
        ("ModelError", errors.ModelError),
        ("LucidError", errors.LucidError),
        ("OutOfMemoryError", errors.BackendError),
        ("SystemExit", errors.BackendError),
    ],
)
def test_a_failed_becomes_the_error_it_was(kind: str, cls: type[errors.LucidError]) -> None:
    error = error_from(Failed(kind=kind, message="m", advice="a"))
    assert (type(error), error.message, error.advice) == (cls, "m", "a")
