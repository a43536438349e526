"""The server's parts without a socket: who is admitted, what waits, how a run ends."""

from __future__ import annotations

import errno
import json
import threading
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
from websockets.datastructures import Headers

from lucid_blender.backend.outbox import Outbox
from lucid_blender.backend.server import Run, RunWork, Server, Work, _encoded, is_authorised
from lucid_blender.core import codec, wire
from lucid_blender.core.errors import ModelError
from lucid_blender.core.messages import (
    Acknowledge,
    Cancel,
    Event,
    ExtractMesh,
    Failed,
    Finished,
    Generate,
    Notice,
    Pause,
    Progress,
    Shutdown,
    Snapshot,
    StopAndKeep,
    Unpause,
)
from lucid_blender.core.options import Generation
from tests.core.samples import splats

PATIENCE = 60.0
TOKEN = b"correct horse battery staple"
WORK = ExtractMesh(splats=splats(1))


def snapshot(step: int) -> Snapshot:
    return Snapshot(step=step, splats=splats(1))


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


# ---------------------------------------------------------------- who is admitted


@pytest.mark.parametrize(
    ("headers", "admitted"),
    [
        ([("Authorization", f"Bearer {TOKEN.decode()}")], True),
        ([("authorization", f"Bearer {TOKEN.decode()}")], True),
        ([], False),
        ([("Authorization", "Bearer wrong")], False),
        ([("Authorization", f"Bearer {TOKEN.decode()} ")], False),
        ([("Authorization", TOKEN.decode())], False),
        ([("Authorization", "Bearer ä")], False),
        ([("Authorization", f"Bearer {TOKEN.decode()}"), ("Authorization", "Bearer wrong")], False),
        ([("Authorization", f"Bearer {TOKEN.decode()}"), ("Origin", "null")], False),
    ],
)
def test_only_the_token_without_an_origin_is_admitted(headers: list[tuple[str, str]], admitted: bool) -> None:
    assert is_authorised(Headers(headers), TOKEN) is admitted


# ---------------------------------------------------------------- what waits for the socket


def taken(outbox: Outbox) -> list[Event]:
    outbox.close()
    return list(iter(outbox.take, None))


def test_events_leave_in_order() -> None:
    outbox = Outbox()
    events = [Notice(message="a"), Progress(stage="b"), Notice(message="c"), Finished()]
    for event in events:
        outbox.put(event)
    assert taken(outbox) == events


def test_progress_that_waits_is_replaced() -> None:
    outbox = Outbox()
    for step in range(1000):
        outbox.put(Progress(stage="a", step=step))
    assert taken(outbox) == [Progress(stage="a", step=999)]


def test_one_snapshot_is_in_flight_and_the_newest_waits() -> None:
    outbox = Outbox()
    outbox.put(snapshot(0))
    first = outbox.take()
    for step in (1, 2, 3):
        outbox.put(snapshot(step))
    outbox.put(Notice(message="not held up"))
    outbox.close()  # so that take() does not wait
    assert isinstance(first, Snapshot) and first.step == 0
    assert [outbox.take(), outbox.take()] == [Notice(message="not held up"), None]
    outbox.acknowledge()
    newest = outbox.take()
    assert isinstance(newest, Snapshot) and newest.step == 3
    assert outbox.take() is None


def test_the_end_of_a_run_drops_its_snapshot_and_frees_the_next_runs() -> None:
    outbox = Outbox()
    outbox.put(snapshot(0))
    outbox.take()
    outbox.put(snapshot(1))
    outbox.put(Finished())
    assert outbox.take() == Finished()
    outbox.put(snapshot(7))
    found = outbox.take()
    assert isinstance(found, Snapshot) and found.step == 7


def test_take_waits_for_what_comes() -> None:
    outbox = Outbox()
    threading.Timer(0.05, outbox.put, [Finished()]).start()
    assert outbox.take() == Finished()


def test_what_cannot_be_sent_says_so() -> None:
    notice = wire.decode(_encoded(Progress(stage="a", seconds_left=float("nan"))))
    assert isinstance(notice, Notice) and "seconds_left is nan" in notice.message
    failed = wire.decode(_encoded(Finished(seconds=float("nan"))))
    assert isinstance(failed, Failed) and failed.kind == "InvalidInput"


# ---------------------------------------------------------------- how a run ends


def events_of(run: RunWork, work: Work = WORK) -> list[Event]:
    """All that a run sends."""
    sent: list[Event] = []
    running = Run(run, work, sent.append)
    wait_for(lambda: not running.active)
    running.stop()  # waits until the thread has sent the end
    return sent


def raising(error: BaseException) -> RunWork:
    def run(work: Work) -> Iterator[Event]:
        yield Progress(stage="a")
        raise error

    return run


class OutOfMemoryError(RuntimeError):
    """Named as torch's."""


@pytest.mark.parametrize(
    ("error", "kind", "said", "advised"),
    [
        (ModelError("no model", advice="find one"), "ModelError", "no model", "find one"),
        (MemoryError(), "MemoryError", "memory is full", "smaller resolution"),
        (OutOfMemoryError("CUDA"), "OutOfMemoryError", "graphics card's memory", "smaller resolution"),
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 8 bytes"),
            "RuntimeError",
            "computer's memory is full",
            "fewer splats",
        ),
        (OSError(errno.ENOSPC, "No space left"), "OSError", "disk is full", "Free some space"),
        (FileNotFoundError(2, "No such file", "a.txt"), "FileNotFoundError", "a.txt", "see the log"),
        (KeyError("fault"), "KeyError", "KeyError: 'fault'", "see the log"),
    ],
)  # fmt: skip
def test_every_error_becomes_a_failed(error: BaseException, kind: str, said: str, advised: str) -> None:
    *_, failed = events_of(raising(error))
    assert isinstance(failed, Failed)
    assert failed.kind == kind and said in failed.message and advised in failed.advice


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_library_that_exits_is_a_failed() -> None:
    *_, failed = events_of(raising(SystemExit(1)))
    assert isinstance(failed, Failed) and failed.kind == "BackendError"


def test_a_run_without_an_end_is_a_failed() -> None:
    *_, failed = events_of(lambda work: iter([Progress(stage="a")]))
    assert isinstance(failed, Failed) and failed.kind == "BackendError"


def test_nothing_comes_after_the_end() -> None:
    assert events_of(lambda work: iter([Finished(), Notice(message="late")])) == [Finished()]


def test_a_cancelled_run_is_closed_and_names_its_folder(tmp_path: Path) -> None:
    work = Generate(generation=Generation(prompt="x"), job_folder=str(tmp_path))
    (tmp_path / "job.json").write_text(json.dumps({"generation": codec.to_plain(work.generation)}))
    closed = threading.Event()

    def run(work: Work) -> Iterator[Event]:
        try:
            while True:
                yield Progress(stage="a")
        finally:
            closed.set()

    sent: list[Event] = []
    running = Run(run, work, sent.append)
    wait_for(lambda: sent)
    running.pause()
    running.stop()
    failed = sent[-1]
    assert isinstance(failed, Failed)
    assert (failed.kind, failed.job_folder) == ("Cancelled", str(tmp_path)) and "Resume" in failed.advice
    assert closed.is_set() and not running.active


def test_a_failing_checkpoint_on_cancel_is_told() -> None:
    def run(work: Work) -> Iterator[Event]:
        try:
            while True:
                yield Progress(stage="a")
        except GeneratorExit:
            raise OSError(errno.ENOSPC, "No space left") from None

    sent: list[Event] = []
    running = Run(run, WORK, sent.append)
    running.stop()
    assert isinstance(sent[-1], Failed) and "disk is full" in sent[-1].message


# ---------------------------------------------------------------- what the client says


class Gate:
    """A run that takes one step a permit."""

    def __init__(self) -> None:
        self.permits = threading.Semaphore(0)
        self.steps = 0

    def run(self, work: Work) -> Iterator[Event]:
        while True:
            self.permits.acquire(timeout=PATIENCE)
            self.steps += 1
            yield Notice(message=str(self.steps))


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def server(gate: Gate) -> Iterator[Server]:
    server = Server(gate.run, TOKEN)
    yield server
    gate.permits.release(10)
    server.stop()


def test_a_second_request_is_told_that_the_first_is_running(server: Server, gate: Gate) -> None:
    server.receive(wire.encode(WORK))
    server.receive(wire.encode(WORK))
    busy = server._outbox.take()
    gate.permits.release()
    assert isinstance(busy, Failed) and busy.kind == "Busy"
    assert server._outbox.take() == Notice(message="1")


def test_an_unreadable_frame_fails_only_when_nothing_runs(server: Server) -> None:
    server.receive("garbage")
    failed = server._outbox.take()
    server.receive(wire.encode(WORK))
    server.receive(b"garbage")
    notice = server._outbox.take()
    assert isinstance(failed, Failed) and failed.kind == "FormatError"
    assert isinstance(notice, Notice) and "could not be read" in notice.message


def test_a_pause_holds_and_a_cancel_wakes(server: Server, gate: Gate) -> None:
    server.receive(wire.encode(WORK))
    server.receive(wire.encode(Pause()))
    gate.permits.release(2)
    assert server._outbox.take() == Notice(message="1")
    server.receive(wire.encode(Unpause()))
    assert server._outbox.take() == Notice(message="2")
    server.receive(wire.encode(Pause()))
    gate.permits.release()
    assert server._outbox.take() == Notice(message="3")
    server.receive(wire.encode(Cancel()))
    failed = server._outbox.take()
    assert isinstance(failed, Failed) and failed.kind == "Cancelled" and gate.steps == 3


@pytest.mark.parametrize("paused", [False, True])
def test_stop_and_keep_is_told_to_the_run_between_two_events(paused: bool) -> None:
    begun, told = threading.Event(), []

    def run(work: Work) -> Generator[Event, StopAndKeep | None, None]:
        assert begun.wait(PATIENCE)
        while not told:
            wish = yield Notice(message="step")
            if wish is not None:
                told.append(wish)
        yield Finished(job_folder="kept")

    server = Server(run, TOKEN)
    server.receive(wire.encode(WORK))
    if paused:
        server.receive(wire.encode(Pause()))
    server.receive(wire.encode(StopAndKeep()))  # before the first event, at which a generator cannot be told anything
    begun.set()
    while isinstance(event := server._outbox.take(), Notice):
        pass
    assert event == Finished(job_folder="kept") and told == [StopAndKeep()]
    server.stop()


def test_a_run_that_cannot_stop_early_ends_as_it_would_have(server: Server, gate: Gate) -> None:
    server.receive(wire.encode(WORK))
    server.receive(wire.encode(StopAndKeep()))
    gate.permits.release(2)
    assert [server._outbox.take() for _ in range(2)] == [Notice(message="1"), Notice(message="2")]
    assert events_of(lambda work: iter([Progress(stage="a"), Finished()]))[-1] == Finished()


def test_messages_without_a_run_do_nothing(server: Server) -> None:
    for message in (Cancel(), Pause(), Unpause(), StopAndKeep(), Acknowledge(), Finished()):
        server.receive(wire.encode(message))
    assert not server.stopping.is_set()
    server.receive(wire.encode(Shutdown()))
    assert server.stopping.is_set()
    assert taken(server._outbox) == []
