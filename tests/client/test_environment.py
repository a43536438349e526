from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

import pytest

from lucid_blender.client import environment
from lucid_blender.client.environment import REQUIRED, Requirement, check, find_python
from lucid_blender.core.errors import BackendError


def make_interpreter(folder: Path) -> Path:
    path = folder / "bin" / "python3"
    path.parent.mkdir(parents=True)
    path.write_text("")
    return path


def test_the_preference_may_be_an_interpreter_or_its_environment(tmp_path: Path) -> None:
    interpreter = make_interpreter(tmp_path)
    assert find_python(interpreter) == interpreter
    assert find_python(f" {tmp_path} ") == interpreter


def test_a_link_is_kept_because_environments_depend_on_it(tmp_path: Path) -> None:
    interpreter = make_interpreter(tmp_path)
    link = interpreter.with_name("python9")
    try:
        link.symlink_to(interpreter)
    except OSError:
        pytest.skip("no symbolic links here")
    assert find_python(link) == link


def test_a_preference_that_leads_nowhere_is_not_replaced_by_another(tmp_path: Path) -> None:
    interpreter = make_interpreter(tmp_path)
    with pytest.raises(BackendError, match="There is no Python at") as caught:
        find_python(tmp_path / "nowhere", [interpreter])
    assert "preferences" in caught.value.advice


def test_without_a_preference_the_first_that_exists_is_taken(tmp_path: Path) -> None:
    interpreter = make_interpreter(tmp_path / "env")
    assert find_python("", [tmp_path / "nowhere", tmp_path / "env"]) == interpreter
    with pytest.raises(BackendError, match="not installed"):
        find_python("")


def test_what_is_there_is_reported_with_its_version() -> None:
    report = check(Path(sys.executable), [Requirement("websockets", (14,)), Requirement("plyfile")])
    assert report.ok and report.python_version == sys.version_info[:3]
    assert dict(report.packages).keys() == {"websockets", "plyfile"}


def test_what_is_missing_or_too_old_is_named_with_the_command() -> None:
    report = check(Path(sys.executable), [Requirement("websockets", (999,)), Requirement("no-such-package")])
    assert not report.ok
    assert report.missing == ("websockets>=999", "no-such-package")
    assert "no-such-package" in report.message and '-m pip install "websockets>=999"' in report.advice


def test_a_python_that_is_too_old_is_named() -> None:
    report = environment._report(Path("python"), (3, 9, 1), {}, [])
    assert "Python 3.9.1; the backend needs 3.11" in report.message and not report.ok


@pytest.mark.parametrize(("version", "met"), [("2.9.0", True), ("2.13.0+cpu", True), ("2.8.9", False), ("dev", False)])
def test_versions_are_compared_as_numbers(version: str, met: bool) -> None:
    assert environment._is_met(Requirement("torch", (2, 9)), version) is met


def test_a_file_that_is_no_python_is_reported(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere"):
        report = check(path)
        assert not report.ok and "cannot be started" in report.message
    if sys.platform != "win32":
        assert "no Python that works" in check(Path("/bin/ls")).message


def test_all_that_is_required_is_what_the_project_installs() -> None:
    project = tomllib.loads((Path(__file__).resolve().parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    installed = {re.split(r"[<>=!~;\[ ]", line)[0] for line in project["dependency-groups"]["backend"]}
    assert {need.name for need in REQUIRED} <= installed
