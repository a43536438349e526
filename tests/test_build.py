"""build.py: which Python, what an environment is made from, what goes into the zip and into Blender's folder."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import build
from scripts import environments, extension
from scripts.environments import ROOT, BuildError


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Environments in a folder of their own, one half made by hand."""
    monkeypatch.setattr(environments, "ENVIRONMENTS", tmp_path)
    python = environments.environment_python("backend")
    python.parent.mkdir(parents=True)
    python.touch()
    (tmp_path / "backend" / "pyvenv.cfg").write_text("version = 3.11.7\n")
    return tmp_path


def manifest() -> dict[str, object]:
    return tomllib.loads((ROOT / "blender_manifest.toml").read_text("utf-8"))


# ---------------------------------------------------------------- which Python


def test_this_python_is_taken_when_a_bpy_wheel_exists_for_it() -> None:
    python, version = environments.choose_python([sys.executable])
    assert (python, version) == (sys.executable, sys.version_info[:2])


def test_without_a_python_the_message_says_what_was_seen_and_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {"/old/python": ["3 8 True"], "/small/python3.11": ["3 11 False"]}
    monkeypatch.setattr(environments, "_lines", lambda *command: answers.get(command[0], []))
    with pytest.raises(BuildError) as caught:
        environments.choose_python(["/old/python", "/small/python3.11", "/broken/python"])
    for part in ("3.11", "3.13", "/old/python: Python 3.8", "/broken/python: does not run", "uv python install"):
        assert part in str(caught.value)


def test_a_noisy_python_still_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environments, "_lines", lambda *command: ["a greeting from sitecustomize", "3 13 True"])
    assert environments.choose_python(["python"]) == ("python", (3, 13))


# ---------------------------------------------------------------- the environments


def test_an_environment_is_ready_only_with_the_right_stamp(elsewhere: Path) -> None:
    assert not environments.is_ready("backend")
    stamp = elsewhere / "backend" / "stamp"
    stamp.write_text(environments.stamp_of("backend"))
    assert environments.is_ready("backend")
    stamp.write_text("another")
    assert not environments.is_ready("backend")


def test_another_python_version_makes_another_stamp(elsewhere: Path) -> None:
    before = environments.stamp_of("backend")
    (elsewhere / "backend" / "pyvenv.cfg").write_text("version = 3.13.0\n")
    assert environments.stamp_of("backend") != before


def test_packages_whose_installation_was_cut_off_are_forgotten(tmp_path: Path) -> None:
    packages = tmp_path / "lib" / "python3.11" / "site-packages"
    for name in ("whole-1.0.dist-info", "half-1.0.dist-info"):
        (packages / name).mkdir(parents=True)
    (packages / "whole-1.0.dist-info" / "RECORD").touch()
    environments.remove_half_installed(tmp_path)
    assert [path.name for path in packages.iterdir()] == ["whole-1.0.dist-info"]


def test_a_full_disk_is_said_before_anything_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environments, "GIGABYTES", {"backend": 1e9})
    monkeypatch.setattr(environments, "CUDA_GIGABYTES", 1e9)
    with pytest.raises(BuildError, match="GB are free"):
        environments.check_disk("backend")


def test_a_failing_step_shows_the_end_of_its_log(elsewhere: Path) -> None:
    command = [sys.executable, "-c", "print('the reason'); raise SystemExit(1)"]
    with pytest.raises(BuildError, match="the reason"):
        environments.logged("backend", "trying", command)
    assert not environments.logged("backend", "trying", command, must_work=False)


def test_torch_is_pinned_the_same_wherever_it_is_named() -> None:
    assert environments.TORCH in (ROOT / "constraints" / "backend.txt").read_text("utf-8").split()


def test_the_other_blenders_are_pinned_as_the_main_one_is() -> None:
    pins = (ROOT / "constraints" / "blender.txt").read_text("utf-8")
    for python, title in environments.BLENDERS.items():
        bpy, needed = environments.BPY[title.split()[0]]
        assert needed == python and f"bpy=={bpy}; python_version == '{python[0]}.{python[1]}'" in pins


def test_an_environment_of_another_blender_has_its_own_bpy_and_the_same_other_pins() -> None:
    main, other = (environments.pins_of(name).splitlines() for name in ("blender", "blender-4.2"))
    assert [line for line in other if line.startswith("bpy")] == ["bpy==4.2.23"]
    assert set(main) ^ set(other) == {line for line in [*main, *other] if line.startswith("bpy")}


def test_other_blenders_are_those_whose_python_is_here(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (elsewhere / "blender").mkdir()
    (elsewhere / "blender" / "pyvenv.cfg").write_text("version = 3.11.7\n")
    monkeypatch.setattr(environments, "python_candidates", lambda: ["python3.11"])
    monkeypatch.setattr(environments, "_lines", lambda *command: ["3 11 True"])
    assert environments.other_blenders() == ["blender-4.2", "blender-5.0"]
    assert "Blender 5.2 is left out" in capsys.readouterr().out


# ---------------------------------------------------------------- test


def test_each_given_path_goes_to_the_environments_that_can_run_it() -> None:
    given = ["tests/core", "tests/blender/test_scene.py", "tests/test_build.py::test_x", "-k", "ply"]
    backend, blender = (build.pytest_command(name, given)[2:] for name in ("backend", "blender"))
    assert backend == ["tests/core", "tests/test_build.py::test_x", "-k", "ply"]
    assert blender == ["tests/core", "tests/blender/test_scene.py", "-k", "ply"]
    assert build.pytest_command("blender", ["tests/backend"]) == []


# ---------------------------------------------------------------- zip


def test_the_wheels_of_lock_manifest_and_groups_agree() -> None:
    declared = {"==".join(Path(path).name.split("-")[:2]) for path in manifest()["wheels"]}  # type: ignore[attr-defined]
    assert declared == set(extension.locked_wheels())
    pure = {name for name in declared if not name.startswith("uv==")}  # what Blender's Python imports
    assert pure <= set(environments.requirements("blender"))


@pytest.mark.parametrize("target", extension.PLATFORMS)
def test_each_platform_gets_the_pure_wheels_and_one_uv(target: str) -> None:
    wheels = extension.declared_wheels(target)
    assert sorted(name.split("-")[0] for name in wheels) == ["plyfile", "uv", "websockets"]
    found = tomllib.loads(extension.manifest_for(target))
    assert found["platforms"] == [target]
    assert [Path(path).name for path in found["wheels"]] == wheels
    assert {**found, "platforms": 0, "wheels": 0} == {**manifest(), "platforms": 0, "wheels": 0}


def test_the_manifest_names_every_platform_and_no_wheel_twice_or_for_none() -> None:
    assert manifest()["platforms"] == list(extension.PLATFORMS)
    wheels = [Path(path).name for path in manifest()["wheels"]]  # type: ignore[attr-defined]
    used = [name for target in extension.PLATFORMS for name in extension.declared_wheels(target)]
    assert set(wheels) == set(used) and len(set(wheels)) == len(wheels)


def test_a_computer_without_a_blender_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extension.platform, "machine", lambda: "riscv64")
    with pytest.raises(BuildError, match="riscv64"):
        extension.this_platform()


def test_the_version_is_the_same_everywhere() -> None:
    version = str(manifest()["version"])
    assert environments.read_toml(ROOT / "pyproject.toml")["project"]["version"] == version
    headings = [line for line in (ROOT / "CHANGELOG.md").read_text("utf-8").splitlines() if line.startswith("## ")]
    assert next(line for line in headings if line != "## Unreleased") == f"## {version}"


def test_a_tag_is_the_version() -> None:
    """A commit that is tagged as a release is released with nothing unreleased."""
    tags = subprocess.run(["git", "tag", "--points-at", "HEAD", "v*"], cwd=ROOT, capture_output=True, text=True)
    if tags.returncode or not tags.stdout.strip():
        pytest.skip("not a release")
    assert tags.stdout.split() == [f"v{manifest()['version']}"]
    assert "## Unreleased" not in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_the_same_files_make_the_same_zip(tmp_path: Path) -> None:
    for name, order in (("one", ("a.py", "b.py")), ("two", ("b.py", "a.py"))):
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as archive:
            for member in order:
                archive.writestr(zipfile.ZipInfo(member, (2020 + len(name + member), 1, 1, 0, 0, 0)), member)
        extension.normalise(tmp_path / f"{name}.zip", tmp_path / f"{name}.out")
    assert (tmp_path / "one.out").read_bytes() == (tmp_path / "two.out").read_bytes()


def test_a_wheel_with_other_bytes_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = tmp_path / "plyfile-1.1.3-py3-none-any.whl"
    assert not extension.is_intact(wheel)
    wheel.write_bytes(b"something else")
    assert not extension.is_intact(wheel)
    known = {"plyfile==1.1.3": {environments.sha256(b"something else"), "another"}}
    monkeypatch.setattr(extension, "locked_wheels", lambda: known)
    assert extension.is_intact(wheel)


# ---------------------------------------------------------------- link


def test_a_linked_extension_has_manifest_and_package_side_by_side(tmp_path: Path) -> None:
    target = tmp_path / "extensions" / "user_default" / "lucid_dreamer"
    for _ in range(2):  # linking again refreshes
        build.link_tree(target)
        assert {"__init__.py", "core", "backend", "blender_manifest.toml", "wheels"} <= {
            p.name for p in target.iterdir()
        }


def test_the_backend_is_named_in_the_extensions_user_folder(tmp_path: Path) -> None:
    build.tell_backend(tmp_path, Path("/somewhere/python"))
    (written,) = tmp_path.rglob("backend.json")
    assert written.parent == tmp_path / "extensions" / ".user" / "user_default" / "lucid_dreamer"
    assert json.loads(written.read_text("utf-8")) == {"python": str(Path("/somewhere/python"))}


def test_an_installed_extension_stays_and_learns_of_the_backend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(build, "ensure", lambda *names: None)
    monkeypatch.setattr(extension, "fetch_wheels", lambda target: None)
    installed = tmp_path / "extensions" / "user_default" / "lucid_dreamer"
    installed.mkdir(parents=True)
    assert build.main(["link", "--blender-user-dir", str(tmp_path)]) == 0
    assert not list(installed.iterdir()) and list(tmp_path.rglob("backend.json"))
    assert "is installed and stays" in capsys.readouterr().out


def test_settings_of_blender_before_4_2_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build.os, "name", "posix")
    monkeypatch.setattr(build.sys, "platform", "linux")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for version in ("3.6", "4.1", "4.2", "4.10", "5.2", "notes.d"):
        (tmp_path / "blender" / version).mkdir(parents=True)
    assert [folder.name for folder in build.blender_user_folders()] == ["4.10", "4.2", "5.2"]
