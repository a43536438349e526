"""The mechanics of an installation, with a program in uv's place."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lucid_blender.client import installation, installer
from lucid_blender.client.installation import Plan, Wishes
from lucid_blender.client.installer import Installer, InstallState
from lucid_blender.core.errors import BackendError

FAKE = Path(__file__).with_name("fake_uv.py")
SECONDS = 60.0  # a limit for what takes milliseconds, on the slowest machine

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the program in uv's place is a shell script")


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """What uv was called for since the last question."""
    path = tmp_path / "calls"
    path.write_text("")
    monkeypatch.setenv("LUCID_FAKE_UV_CALLS", str(path))
    monkeypatch.setenv("LUCID_FAKE_UV", "works")

    def since() -> list[str]:
        lines = path.read_text().splitlines()
        path.write_text("")
        return lines

    return since


def make_plan(tmp_path: Path) -> Plan:
    uv, folder = tmp_path / "uv", tmp_path / "backend"
    uv.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{FAKE}" "$@"\n')
    uv.chmod(0o755)
    folder.mkdir(exist_ok=True)
    return installation.plan(folder, Wishes(uv=str(uv)), wheels=tmp_path, constraints=tmp_path / "none")


def run(plan: Plan, log_file: Path | None = None) -> InstallState:
    state = InstallState()
    started = Installer(plan, state, log_file=log_file)
    started.start()
    assert started.wait(SECONDS)
    return state


def hanging(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> Installer:
    """An installation in the midst of a step that does not end, and whose child is deaf to requests to end."""
    monkeypatch.setenv("LUCID_FAKE_UV", "hangs")
    monkeypatch.setattr(installer, "SECONDS_TO_TERMINATE", 0.2)
    started = Installer(plan, InstallState())
    started.start()
    until(lambda: "deaf" in (lines := list(started.state.lines)) and any(line.startswith("child ") for line in lines))
    return started


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.01)


def test_it_ends_with_a_healthy_environment_and_a_log(tmp_path: Path, calls: Callable[[], list[str]]) -> None:
    plan, log = make_plan(tmp_path), tmp_path / "logs" / "install.log"
    state = run(plan, log)
    assert (state.phase, state.step, state.factor) == ("finished", 4, 1.0)
    assert list(state.lines) == ["python 3.11", "torch 2.13.0"]  # the doctor's
    assert calls() == ["venv --clear", "pip install", "pip install"]
    assert plan.folder and installation.installed_python(plan.folder)
    text = log.read_text("utf-8")
    assert "Downloading torch (180.0MiB)" in text and text.count("exit code 0") == 4


def test_a_failure_shows_its_last_lines_and_what_to_do(
    tmp_path: Path, calls: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LUCID_FAKE_UV", "fails")
    state = run(make_plan(tmp_path))
    assert state.phase == "failed"
    assert state.message.startswith("Installing torch failed (exit code 2).")
    assert "No space left on device" in state.message
    assert "disk is full" in state.advice
    assert not installation.installed_python(tmp_path / "backend")


def test_after_a_failure_the_environment_is_made_anew_and_what_is_done_is_skipped(
    tmp_path: Path, calls: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LUCID_FAKE_UV", "fails")
    run(make_plan(tmp_path))
    assert calls() == ["venv --clear", "pip install"]
    monkeypatch.setenv("LUCID_FAKE_UV", "works")
    assert run(make_plan(tmp_path)).phase == "finished"
    assert calls() == ["venv --clear", "pip install", "pip install"]
    assert run(make_plan(tmp_path)).phase == "finished"
    assert calls() == []


def test_half_a_package_that_an_interruption_left_is_not_kept(
    tmp_path: Path, calls: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """uv takes a package for installed once its metadata is there, whatever else is missing."""
    started = hanging(make_plan(tmp_path), monkeypatch)
    half = tmp_path / "backend" / "environment" / "torch-2.13.0.dist-info"
    half.mkdir()
    started.cancel()
    assert started.wait(SECONDS)
    monkeypatch.setenv("LUCID_FAKE_UV", "works")
    assert run(make_plan(tmp_path)).phase == "finished"
    assert not half.exists()


def test_cancelling_ends_the_program_and_all_that_it_started(
    tmp_path: Path, calls: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    started = hanging(make_plan(tmp_path), monkeypatch)
    state = started.state
    child = int(next(line for line in list(state.lines) if line.startswith("child ")).split()[1])
    assert state.busy
    started.cancel()
    assert started.wait(SECONDS)
    assert state.phase == "cancelled" and "goes on" in state.message
    until(lambda: not _is_alive(child))  # it ignores the request to end; the order cannot be ignored


def _is_alive(pid: int) -> bool:
    """Not of one that has ended and waits for whoever adopts it to ask."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_a_full_disk_is_refused_before_anything_is_run(
    tmp_path: Path, calls: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installation, "ENVIRONMENT_BYTES", 2**60)
    with pytest.raises(BackendError, match="are free"):
        Installer(make_plan(tmp_path), InstallState())
    assert calls() == []


def test_a_program_that_cannot_be_started_is_named(tmp_path: Path, calls: Callable[[], list[str]]) -> None:
    plan = make_plan(tmp_path)
    (tmp_path / "uv").chmod(0o644)
    state = run(plan)
    assert state.phase == "failed" and "cannot be started" in state.message


def test_python_settings_of_blender_stay_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/blender")
    monkeypatch.setenv("VIRTUAL_ENV", "/other")
    step = installation.Step(name="check", title="Checking", command=("/usr/bin/env",))
    state = run(Plan(title="Checking", steps=(step,), variables=(("UV_OFFLINE", "1"),)))
    lines = list(state.lines)
    assert "UV_OFFLINE=1" in lines
    assert not [line for line in lines if line.startswith(("PYTHONPATH", "VIRTUAL_ENV"))]


def test_what_the_doctor_misses_is_the_message(tmp_path: Path) -> None:
    doctor = "import sys; print('torch MISSING: install it'); print('disk 1'); print('x'); print('y'); sys.exit(1)"
    step = installation.Step(name="check", title="Checking", command=(sys.executable, "-c", doctor))
    state = run(Plan(title="Checking", steps=(step,)))
    assert state.phase == "failed" and "torch MISSING" in state.message


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("error: No space left on device (os error 28)", "disk is full"),
        ("  Caused by: invalid peer certificate: UnknownIssuer", "--system-certs"),
        ("error: No interpreter found for Python 3.11 in search path", "Make It From"),
        ("error: Failed to fetch: `https://pypi.org/simple/torch/`", "Check the network"),
        ("  x No solution found when resolving dependencies:", "do not fit together"),
        ("something else", "Copy the log"),
    ],
)
def test_advice_fits_what_went_wrong(line: str, said: str) -> None:
    assert said in installer.advice_for(["Resolved 3 packages", line])
