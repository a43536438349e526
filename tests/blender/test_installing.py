"""Installing, checking and removing the backend by its operators, with a program in uv's place."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import bpy
import pytest

from lucid_blender import preferences
from lucid_blender.client import installation
from lucid_blender.client.installation import Wishes
from lucid_blender.client.installer import InstallState, state
from lucid_blender.client.job_state import state as job
from lucid_blender.operators import installing

FAKE = Path(__file__).parents[1] / "client" / "fake_uv.py"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the program in uv's place is a shell script")


@pytest.fixture(autouse=True)
def uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """What uv was called for since the last question."""
    program, calls = tmp_path / "uv", tmp_path / "calls"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{FAKE}" "$@"\n')
    program.chmod(0o755)
    calls.touch()
    monkeypatch.setenv("LUCID_FAKE_UV_CALLS", str(calls))
    monkeypatch.setenv("LUCID_FAKE_UV", "works")
    monkeypatch.delenv("LUCID_DREAMER_PYTHON", raising=False)
    monkeypatch.setattr(preferences, "installation_plan", lambda: plan(Wishes(uv=str(program))))
    vars(state).update(vars(InstallState()))

    def since() -> list[str]:
        lines = calls.read_text().splitlines()
        calls.write_text("")
        return lines

    return since


def plan(wishes: Wishes) -> installation.Plan:
    folder = preferences.installation_folder()
    return installation.plan(folder, wishes, wheels=folder, constraints=folder / "none")


def test_installing_gives_the_backend_that_generate_uses(uv: Callable[[], list[str]]) -> None:
    assert bpy.ops.lucid.install_backend() == {"FINISHED"}
    assert uv() == ["venv --clear", "pip install", "pip install"]
    assert preferences.find_backend() == installation.environment_python(preferences.installation_folder())
    assert "torch 2.13.0" in preferences.installation_log().read_text("utf-8")


def test_installing_again_looks_for_newer_packages(uv: Callable[[], list[str]]) -> None:
    bpy.ops.lucid.install_backend()
    uv()
    bpy.ops.lucid.install_backend()
    assert state.title == "Updating the backend" and uv() == ["pip install", "pip install"]


def test_a_failure_is_an_error_with_advice_and_goes_on_later(
    uv: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LUCID_FAKE_UV", "fails")
    with pytest.raises(RuntimeError, match="disk is full"):
        bpy.ops.lucid.install_backend()
    monkeypatch.setenv("LUCID_FAKE_UV", "works")
    uv()
    bpy.ops.lucid.install_backend()
    assert uv() == ["venv --clear", "pip install", "pip install"]


def test_check_shows_what_the_doctor_says() -> None:
    bpy.ops.lucid.install_backend()
    assert bpy.ops.lucid.check_backend() == {"FINISHED"}
    assert list(state.lines) == ["python 3.11", "torch 2.13.0"]


def test_check_without_a_backend_says_how_to_get_it() -> None:
    with pytest.raises(RuntimeError, match="Install it"):
        bpy.ops.lucid.check_backend()


def test_removing_leaves_no_backend() -> None:
    bpy.ops.lucid.install_backend()
    assert bpy.ops.lucid.remove_backend() == {"FINISHED"}
    assert list(preferences.user_folder("").glob("backend/*")) == [] and not state.message
    with pytest.raises(RuntimeError, match="Install it"):
        bpy.ops.lucid.check_backend()


def test_while_a_run_is_at_work_its_environment_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    bpy.ops.lucid.install_backend()
    monkeypatch.setattr(job, "phase", "running")
    for change in (bpy.ops.lucid.install_backend, bpy.ops.lucid.remove_backend):
        with pytest.raises(RuntimeError, match="at work"):
            change()


def test_offline_installing_says_what_to_allow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(preferences, "installation_plan", lambda: plan(Wishes(uv=str(tmp_path / "uv"), online=False)))
    with pytest.raises(RuntimeError, match="Allow Online Access"):
        bpy.ops.lucid.install_backend()


def test_disabling_the_extension_ends_an_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUCID_FAKE_UV", "hangs")
    with monkeypatch.context() as window:  # does not wait as in background
        window.setattr(installing.bpy, "app", SimpleNamespace(background=False, timers=bpy.app.timers))
        installing.start(preferences.installation_plan())
    assert state.busy
    installing.stop()
    assert state.phase == "cancelled" and not bpy.app.timers.is_registered(installing.tick)
