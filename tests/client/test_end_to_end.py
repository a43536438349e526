"""Session, process, socket and server for real; only the run is a fake (fake_backend.py)."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from lucid_blender.client.process import BackendProcess, Launch
from lucid_blender.client.session import Session
from lucid_blender.core import wire
from lucid_blender.core.errors import BackendError, Cancelled, ModelError
from lucid_blender.core.messages import (
    Cancel,
    Event,
    ExtractMesh,
    Failed,
    Finished,
    Generate,
    Notice,
    Progress,
    Shutdown,
    Snapshot,
)
from tests.core.samples import splats

from .conftest import FAKE, PATIENCE, drain_until, wait_for

Requests = Callable[[str], Generate]
ROOT = Path(__file__).resolve().parents[2]
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")


def pid_of(events: list[Event]) -> int:
    return next(int(event.message.split()[1]) for event in events if isinstance(event, Notice))


def is_running(pid: int) -> bool:
    """False for a zombie too: its parent has not collected it, but it has ended."""
    stat = Path(f"/proc/{pid}/stat")
    if stat.parent.parent.joinpath("self").exists():
        try:
            return stat.read_text().rpartition(")")[2].split()[0] != "Z"
        except OSError:
            return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@contextlib.contextmanager
def quiet(process: BackendProcess):  # type: ignore[no-untyped-def]
    try:
        yield process
    finally:
        process.stop()


def dial(process: BackendProcess, token: str, **headers: str) -> connect:
    return connect(
        f"ws://127.0.0.1:{process.port}/",
        additional_headers={"Authorization": f"Bearer {token}", **headers},
        proxy=None,
        compression=None,
        open_timeout=PATIENCE,
    )


def test_a_run_goes_from_start_to_end(session: Session, request_for: Requests) -> None:
    events: list[Event] = []
    finished = session.run_blocking(request_for("ok"), events.append)
    assert finished.splats is not None and finished.seconds == 1.5
    assert isinstance(events[0], Notice) and events[-1] is finished
    assert any(isinstance(event, Snapshot) for event in events)
    assert any(isinstance(event, Progress) for event in events)
    assert not session.busy and session.alive


def test_a_session_serves_many_requests_with_one_process(session: Session, request_for: Requests) -> None:
    pids = set()
    for request in (request_for("ok"), ExtractMesh(splats=splats(100)), request_for("ok")):
        events: list[Event] = []
        session.run_blocking(request, events.append)
        pids.add(pid_of(events))
    assert len(pids) == 1


def test_a_cancel_lets_the_run_write_a_checkpoint(session: Session, request_for: Requests, tmp_path: Path) -> None:
    session.submit(request_for("endless"))
    drain_until(session, Progress)
    session.cancel()
    failed = drain_until(session, Failed)[-1]
    assert isinstance(failed, Failed)
    assert (failed.kind, failed.job_folder) == ("Cancelled", str(tmp_path / "job"))
    assert "Resume" in failed.advice
    assert (tmp_path / "job" / "checkpoint").exists()
    assert session.run_blocking(request_for("ok")).seconds == 1.5


def test_a_pause_holds_the_run_until_it_goes_on(session: Session, request_for: Requests) -> None:
    session.submit(request_for("endless"))
    drain_until(session, Progress)
    session.pause()
    quiet_since = time.monotonic()
    deadline = quiet_since + PATIENCE
    while time.monotonic() - quiet_since < 0.5:  # nothing for half a second, where 200 events would have come
        assert time.monotonic() < deadline
        if session.events():
            quiet_since = time.monotonic()
        time.sleep(0.01)
    session.unpause()
    drain_until(session, Progress)
    session.pause()
    session.cancel()
    assert drain_until(session, Failed)[-1].kind == "Cancelled"  # type: ignore[union-attr]


def test_snapshots_wait_for_their_acknowledgement(session: Session, request_for: Requests) -> None:
    session.submit(request_for("endless"))
    first = drain_until(session, Snapshot)

    def step(events: list[Event]) -> int:
        return max((event.step for event in events if isinstance(event, Progress)), default=0)

    later: list[Event] = []
    wait_for(lambda: later.extend(session.events()) or step(later) > step(first) + 20)  # type: ignore[func-returns-value]
    assert not any(isinstance(event, Snapshot) for event in later)
    session.acknowledge()
    newest = drain_until(session, Snapshot)
    snapshots = [event for event in newest if isinstance(event, Snapshot)]
    assert len(snapshots) == 1 and snapshots[0].step >= step(later) - 1  # the newest, not the one that waited first


@pytest.mark.parametrize(
    ("prompt", "error", "said"),
    [("fails", ModelError, "no such model"), ("bug", BackendError, "KeyError: 'a fault'")],
)
def test_an_error_of_the_run_is_raised_here(
    session: Session, request_for: Requests, prompt: str, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said) as caught:
        session.run_blocking(request_for(prompt))
    assert caught.value.advice  # type: ignore[attr-defined]
    assert session.alive


def test_the_log_has_the_traceback(session: Session, request_for: Requests, launch: Launch) -> None:
    with pytest.raises(BackendError):
        session.run_blocking(request_for("bug"))
    assert launch.log_file is not None
    wait_for(lambda: "KeyError" in launch.log_file.read_text())  # type: ignore[union-attr]
    assert any("Traceback" in line for line in session.log_tail)


@posix_only
def test_a_killed_backend_is_reported_within_two_seconds(
    session: Session, request_for: Requests, tmp_path: Path
) -> None:
    session.submit(request_for("endless"))
    os.kill(pid_of(drain_until(session, Progress)), signal.SIGKILL)
    failed = drain_until(session, Failed, seconds=2.0)[-1]
    assert isinstance(failed, Failed)
    assert (failed.kind, failed.job_folder) == ("BackendError", str(tmp_path / "job"))
    assert "signal 9" in failed.message and "Resume" in failed.advice
    assert not session.alive
    assert session.run_blocking(request_for("ok")).seconds == 1.5  # in a new process


def test_a_run_that_ignores_a_cancel_is_ended(launch: Launch, request_for: Requests) -> None:
    now = [0.0]
    session = Session(launch, clock=lambda: now[0])
    session.submit(request_for("stuck"))
    drain_until(session, Progress)
    session.cancel()
    assert session.events() == []
    now[0] = 5.0
    failed = drain_until(session, Failed)[-1]
    assert isinstance(failed, Failed)
    assert failed.kind == "Cancelled" and "did not answer within 5 s" in failed.message
    assert not session.alive


def test_closing_a_session_ends_its_backend(session: Session, request_for: Requests) -> None:
    session.submit(request_for("endless"))
    pid = pid_of(drain_until(session, Progress))
    session.close()
    assert not is_running(pid)
    assert session.events()[-1].kind == "Cancelled"  # type: ignore[union-attr]


def test_a_session_can_be_closed_while_its_backend_starts(session: Session, request_for: Requests) -> None:
    session.submit(request_for("ok"))
    session.close()
    assert [event.kind for event in session.events()] == ["Cancelled"]  # type: ignore[union-attr]


def test_ctrl_c_cancels_a_blocking_run(session: Session, request_for: Requests, tmp_path: Path) -> None:
    interrupts = [KeyboardInterrupt()]

    def interrupt(event: Event) -> None:
        if isinstance(event, Progress) and interrupts:
            raise interrupts.pop()

    with pytest.raises(Cancelled, match="stopped"):
        session.run_blocking(request_for("endless"), interrupt)
    assert (tmp_path / "job" / "checkpoint").exists()
    assert session.alive and session.events() == []


def test_ctrl_c_twice_does_not_wait_for_the_run(session: Session, request_for: Requests) -> None:
    def interrupt(event: Event) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        session.run_blocking(request_for("endless"), interrupt)
    assert not session.busy and session.events() == []


def test_a_callback_that_raises_ends_the_run(session: Session, request_for: Requests) -> None:
    with pytest.raises(ZeroDivisionError):
        session.run_blocking(request_for("endless"), lambda event: 1 / 0)
    assert not session.busy and session.events() == []


PARENT = """
import sys, time
from pathlib import Path
sys.path.insert(0, {root!r})
from lucid_blender.client.process import Launch
from lucid_blender.client.session import Session
from lucid_blender.core.messages import Generate, Notice
from lucid_blender.core.options import Generation
session = Session(Launch(python=Path(sys.executable), cache_folder=Path({folder!r}), program=Path({fake!r})))
session.submit(Generate(generation=Generation(prompt={prompt!r}), job_folder={folder!r}))
while True:
    for event in session.events():
        print(getattr(event, "message", ""), getattr(event, "stage", ""), flush=True)
    time.sleep(0.01)
"""


@posix_only
@pytest.mark.parametrize("prompt", ["endless", "stuck"])
def test_killing_the_parent_leaves_no_backend_behind(tmp_path: Path, prompt: str) -> None:
    script = PARENT.format(root=str(ROOT), folder=str(tmp_path), fake=str(FAKE), prompt=prompt)
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        wait_for(lambda: ("Distilling" if prompt == "endless" else "Stuck") in parent.stdout.readline())  # type: ignore[union-attr]
        children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children")
        if not children.exists():
            parent.kill()
            pytest.skip("needs /proc to find the backend's process")
        backends = [
            int(pid) for task in children.parent.parent.iterdir() for pid in (task / "children").read_text().split()
        ]
        parent.kill()
    assert backends
    wait_for(lambda: not any(map(is_running, backends)), seconds=10.0)
    if prompt == "endless":
        assert (tmp_path / "checkpoint").exists()


def test_a_wrong_token_and_a_web_page_are_refused(launch: Launch) -> None:
    with quiet(BackendProcess(launch)) as process:
        for token, headers in (("wrong", {}), ("", {}), (process.token, {"Origin": "http://evil.example"})):
            with pytest.raises(InvalidStatus, match="401"), dial(process, token, **headers):
                pass
        with dial(process, process.token) as connection:  # those attempts cost nothing
            connection.send(wire.encode(Shutdown()))
        assert process.how_it_ended(wait=PATIENCE) == "exit code 0"


def test_a_second_client_is_refused(launch: Launch) -> None:
    with quiet(BackendProcess(launch)) as process, dial(process, process.token):
        with pytest.raises(InvalidStatus, match="401"), dial(process, process.token):
            pass
        assert process.alive


def test_the_backend_ends_when_its_client_leaves(launch: Launch) -> None:
    with quiet(BackendProcess(launch)) as process:
        with dial(process, process.token):
            pass
        assert process.how_it_ended(wait=PATIENCE) == "exit code 0"


def test_garbage_does_not_disturb_a_run(launch: Launch, request_for: Requests) -> None:
    with quiet(BackendProcess(launch)) as process, dial(process, process.token) as connection:
        connection.send("garbage")
        failed = wire.decode(connection.recv(timeout=PATIENCE))
        assert isinstance(failed, Failed) and failed.kind == "FormatError"
        connection.send(wire.encode(request_for("endless")))
        connection.send(b"\x00" * 100)
        connection.send(wire.encode(Finished()))
        connection.send(wire.encode(request_for("ok")))
        connection.send(wire.encode(Cancel()))
        kinds = []
        while "Cancelled" not in kinds:
            event = wire.decode(connection.recv(timeout=PATIENCE))
            if isinstance(event, Failed):
                kinds.append(event.kind)
        assert kinds == ["Busy", "Cancelled"]


def test_a_frame_beyond_the_limit_closes_the_connection(launch: Launch) -> None:
    with quiet(BackendProcess(launch)) as process, dial(process, process.token) as connection:
        # A header alone announces 2^40 bytes: the server must hang up before they come.
        connection.socket.sendall(b"\x82\xff" + (2**40).to_bytes(8, "big") + b"\0\0\0\0")
        with pytest.raises(ConnectionClosed):
            connection.recv(timeout=PATIENCE)
        assert process.how_it_ended(wait=PATIENCE) == "exit code 0"


def test_a_missing_interpreter_is_a_failed_request(launch: Launch, request_for: Requests, tmp_path: Path) -> None:
    session = Session(replace(launch, python=tmp_path / "no-python"))
    with pytest.raises(BackendError, match="There is no Python at") as caught:
        session.run_blocking(request_for("ok"))
    assert "preferences" in caught.value.advice
    assert not session.alive


def test_no_thread_of_a_closed_session_stays(launch: Launch, request_for: Requests) -> None:
    before = set(threading.enumerate())
    session = Session(launch)
    session.run_blocking(request_for("ok"))
    session.close()
    wait_for(lambda: set(threading.enumerate()) <= before)
