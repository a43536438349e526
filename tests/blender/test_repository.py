"""The repository of `build.py repository`, as Blender adds it, installs from it, and updates from it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import extension

VISIT = """
import json, sys
import bpy

preferences = bpy.context.preferences
preferences.system.use_online_access = True
extensions, address = preferences.extensions, sys.argv[1]
if all(repository.remote_url != address for repository in extensions.repos):
    bpy.ops.preferences.extension_repo_add(type="REMOTE", remote_url=address, name="Lucid")
index = [repository.remote_url for repository in extensions.repos].index(address)
bpy.ops.extensions.repo_sync(repo_index=index)
bpy.ops.extensions.package_install(repo_index=index, pkg_id="lucid_dreamer", enable_on_install=True)
module = next(name for name in preferences.addons.keys() if name.endswith(".lucid_dreamer"))
version = sys.modules[module].__file__.replace("__init__.py", "blender_manifest.toml")
print("FOUND", json.dumps([module, open(version).read(), hasattr(bpy.types.Scene, "lucid")]))
bpy.ops.wm.save_userpref()
"""


def visit(address: str, user: Path) -> list[object]:
    """What a Blender with these settings has after installing from an address: module, manifest, enabled or not."""
    variables = os.environ | {"BLENDER_USER_RESOURCES": str(user), "PYTHONPATH": ""}
    command = [sys.executable, "-c", VISIT, address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=variables, cwd=user)
    found = [line for line in done.stdout.splitlines() if line.startswith("FOUND ")]
    assert found, done.stdout + done.stderr
    answer: list[object] = json.loads(found[0].removeprefix("FOUND "))
    return answer


def test_blender_installs_and_updates_from_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without wheels, which would have to be downloaded; this Blender's Python has what they bring."""
    target, written = extension.this_platform(), extension.manifest_for
    bare = re.sub(r"^wheels = \[.*?^\]$", "", written(target), flags=re.MULTILINE | re.DOTALL)
    monkeypatch.setattr(extension, "fetch_wheels", lambda target: None)
    monkeypatch.setattr(extension, "declared_wheels", lambda target: [])
    monkeypatch.setattr(extension, "manifest_for", lambda target: bare)
    (tmp_path / "settings").mkdir()
    index = extension.build_repository(tmp_path / "repository", [target])
    assert (index.parent / "index.html").is_file()

    module, manifest, enabled = visit(index.as_uri(), tmp_path / "settings")
    assert str(module).startswith("bl_ext.") and enabled
    assert manifest == bare

    newer = re.sub(r'^version = ".*"$', 'version = "99.0.0"', bare, flags=re.MULTILINE)
    monkeypatch.setattr(extension, "manifest_for", lambda target: newer)
    for old in index.parent.glob("*.zip"):
        old.unlink()
    extension.build_repository(tmp_path / "repository", [target])
    assert visit(index.as_uri(), tmp_path / "settings")[1] == newer
