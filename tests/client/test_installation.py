"""What is planned, what is noted as done, and what is refused before anything runs."""

from __future__ import annotations

import os
import sys
import zipfile
from pathlib import Path

import pytest

from lucid_blender.client import installation
from lucid_blender.client.installation import GIB, Plan, Step, Wishes
from lucid_blender.core.errors import BackendError
from lucid_blender.core.requirements import REQUIRED

CONSTRAINTS = Path(__file__).resolve().parents[2] / "constraints" / "backend.txt"


@pytest.fixture
def uv(tmp_path: Path) -> str:
    path = tmp_path / "uv-program"
    path.write_text("")
    return str(path)


def plan(folder: Path, wishes: Wishes) -> Plan:
    folder.mkdir(exist_ok=True)
    return installation.plan(folder, wishes, wheels=folder / "no-wheels", constraints=CONSTRAINTS)


def command(whole: Plan, name: str) -> tuple[str, ...]:
    return next(step.command for step in whole.steps if step.name == name)


def test_all_that_the_backend_requires_is_installed_for_the_device_of_this_machine(tmp_path: Path, uv: str) -> None:
    whole = plan(tmp_path / "b", Wishes(uv=uv))
    assert [step.name for step in whole.steps] == ["environment", "torch", "packages", "check"]
    assert set(map(str, REQUIRED)) <= set(command(whole, "packages"))
    assert command(whole, "torch")[-1] == str(REQUIRED[0]) == "torch>=2.9"
    assert all("--torch-backend=auto" in command(whole, name) for name in ("torch", "packages"))
    python = str(installation.environment_python(tmp_path / "b"))
    assert python in command(whole, "torch") and command(whole, "check")[0] == python


def test_every_package_is_held_at_the_tested_version_and_torch_may_be_older(tmp_path: Path, uv: str) -> None:
    whole = plan(tmp_path / "b", Wishes(uv=uv))
    install = command(whole, "packages")
    held = Path(install[install.index("--constraints") + 1]).read_text("utf-8").splitlines()
    pinned = CONSTRAINTS.read_text("utf-8").splitlines()
    assert [line.replace("torch<=", "torch==") for line in held] == pinned
    assert sum(line.startswith("torch<=") for line in held) == 1


@pytest.mark.parametrize("given", ["--find-links '/my wheels'", "--index-url=http://here", "--torch-backend=cpu"])
def test_arguments_that_name_a_source_replace_the_search_by_device(tmp_path: Path, uv: str, given: str) -> None:
    install = command(plan(tmp_path / "b", Wishes(uv=uv, arguments=given)), "torch")
    assert "--torch-backend=auto" not in install
    assert given.split("'")[1] in install if "'" in given else given in install


def test_other_arguments_are_added(tmp_path: Path, uv: str) -> None:
    install = command(plan(tmp_path / "b", Wishes(uv=uv, arguments="--system-certs")), "torch")
    assert {"--system-certs", "--torch-backend=auto"} <= set(install)


def test_variables_in_arguments_are_filled_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUCID_TEST_WHEELS", os.path.join("a", "b c"))
    assert installation.split_arguments('--find-links "$LUCID_TEST_WHEELS"')[1] == os.path.join("a", "b c")
    with pytest.raises(BackendError, match="cannot be read"):
        installation.split_arguments('--find-links "open')


def test_an_interpreter_of_the_user_makes_the_environment(tmp_path: Path, uv: str) -> None:
    assert sys.executable in command(plan(tmp_path / "b", Wishes(uv=uv, base_python=sys.executable)), "environment")
    with pytest.raises(BackendError, match="There is no Python at"):
        plan(tmp_path / "b", Wishes(uv=uv, base_python="/nowhere/python"))


def test_offline_nothing_is_installed_but_from_a_folder(tmp_path: Path, uv: str) -> None:
    with pytest.raises(BackendError, match="Blender is offline") as caught:
        plan(tmp_path / "b", Wishes(uv=uv, online=False))
    assert "Allow Online Access" in caught.value.advice
    whole = plan(tmp_path / "b", Wishes(uv=uv, online=False, arguments="--no-index --find-links /wheels"))
    assert dict(whole.variables)["UV_OFFLINE"] == "1"
    assert "UV_OFFLINE" not in dict(plan(tmp_path / "b", Wishes(uv=uv)).variables)


def test_without_uv_it_is_said_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BackendError, match="was not found") as caught:
        plan(tmp_path / "b", Wishes())
    assert "pip install uv" in caught.value.advice
    with pytest.raises(BackendError, match="There is no uv at"):
        plan(tmp_path / "b", Wishes(uv=str(tmp_path / "nowhere")))


def test_the_uv_of_the_extension_comes_before_that_of_the_system_and_can_be_executed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = "uv.exe" if sys.platform == "win32" else "uv"
    (tmp_path / "path").mkdir()
    other = tmp_path / "path" / program
    other.write_text("")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", str(other.parent))
    assert installation.find_uv("", wheels=tmp_path, target=tmp_path / "b") == other
    with zipfile.ZipFile(tmp_path / "uv-1.2-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"uv-1.2.data/scripts/{program}", "bundled")
    found = installation.find_uv("", wheels=tmp_path, target=tmp_path / "b")
    assert found.read_text() == "bundled" and os.access(found, os.X_OK) and found.is_relative_to(tmp_path / "b")


def steps(*needs: int) -> tuple[Step, ...]:
    names = ("environment", "torch", "packages", "check")
    named = zip(names[: len(needs)], needs, strict=True)
    return tuple(Step(name=name, title=name, command=(name,), needs=need) for name, need in named)


def test_what_is_done_is_skipped_until_its_command_changes(tmp_path: Path) -> None:
    one, two, three, four = steps(0, 0, 0, 0)
    whole = Plan(title="", steps=(one, two, three, four), folder=tmp_path)
    assert whole.left == (one, two, three, four)
    installation.note_done(tmp_path, one)
    installation.note_done(tmp_path, two)
    assert whole.left == (three, four)
    other = Step(name="torch", title="", command=("torch", "--other"))
    changed = Plan(title="", steps=(one, other, three, four), folder=tmp_path)
    installation.note_done(tmp_path, three)
    assert changed.left == (other, three, four)  # what builds on a changed step is repeated with it


def test_after_a_step_that_was_not_finished_everything_is_made_anew(tmp_path: Path) -> None:
    one, two, three, four = steps(GIB, 2 * GIB, 0, 0)
    whole = Plan(title="", steps=(one, two, three, four), folder=tmp_path)
    installation.note_begun(tmp_path, whole.steps)
    installation.note_done(tmp_path, one)
    installation.note_begun(tmp_path, whole.steps[1:])
    assert whole.left == whole.steps and whole.undone == (two, three, four)
    installation.check_disk(whole, lambda _: 2 * GIB)  # the environment is there, or in the cache
    installation.note_begun(tmp_path, whole.steps)  # anew
    installation.note_done(tmp_path, one)
    assert whole.left == (two, three, four)
    for step in (two, three, four):
        installation.note_done(tmp_path, step)
    assert whole.left == ()
    installation.note_begun(tmp_path, (four,))  # Blender ended while it was checked
    assert whole.left == whole.steps and installation.installed_python(tmp_path) is None


def test_an_update_looks_at_the_packages_again_each_time(tmp_path: Path) -> None:
    whole = Plan(title="", steps=steps(0, 0, 0, 0), folder=tmp_path)
    for step in installation.update(whole).steps:
        installation.note_done(tmp_path, step)
    left = installation.update(whole).left
    assert [step.name for step in left] == ["torch", "packages", "check"]
    assert "--upgrade" in left[0].command and "--upgrade" in left[1].command


def test_only_a_finished_and_checked_installation_is_used(tmp_path: Path) -> None:
    python = installation.environment_python(tmp_path)
    python.parent.mkdir(parents=True)
    python.write_text("")
    *first, check = steps(0, 0, 0, 0)
    for step in first:
        installation.note_done(tmp_path, step)
    assert installation.installed_python(tmp_path) is None and installation.is_interrupted(tmp_path)
    installation.note_done(tmp_path, check)
    assert installation.installed_python(tmp_path) == python and not installation.is_interrupted(tmp_path)
    installation.note_begun(tmp_path, [check])
    assert installation.installed_python(tmp_path) is None


def test_the_disk_must_hold_what_is_left_to_do(tmp_path: Path) -> None:
    whole = Plan(title="Installing", steps=steps(GIB, 4 * GIB, 2 * GIB, 0), folder=tmp_path)
    with pytest.raises(BackendError, match=r"needs 7.0 GiB .* 6.5 GiB are free"):
        installation.check_disk(whole, lambda _: 13 * GIB // 2)
    installation.note_done(tmp_path, whole.steps[0])
    installation.check_disk(whole, lambda _: 13 * GIB // 2)


def test_removing_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "backend"
    installation.note_done(folder, steps(0)[0])
    (folder / "cache").mkdir()
    installation.remove(folder)
    assert not folder.exists()
    installation.remove(folder)  # twice is fine
