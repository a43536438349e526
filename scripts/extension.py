"""The extension as zips, one a platform, and as a repository that Blender can add by its address.

pip fetches the wheels of wheels/wheels.txt and compares their checksums. Blender's own builder makes the zips, its own
validator checks them.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from . import environments
from .environments import ROOT, BuildError, environment_python, read_toml

EXTENSION = "lucid_dreamer"
MANIFEST = "blender_manifest.toml"
STAGED = ("LICENSE", "README.md")  # beside the package in the zip
WHEELS = ROOT / "wheels"
PLATFORMS = {  # Blender's name: the tag of the wheels that are programs there
    "linux-x64": "manylinux_2_17_x86_64",
    "macos-arm64": "macosx_11_0_arm64",
    "macos-x64": "macosx_10_12_x86_64",
    "windows-arm64": "win_arm64",
    "windows-x64": "win_amd64",
}
ANY = "any"


def this_platform() -> str:
    """Blender's name of the computer this runs on. Raises BuildError where Blender has none."""
    system = {"darwin": "macos", "win32": "windows"}.get(sys.platform, sys.platform)
    machine = {"amd64": "x64", "x86_64": "x64", "aarch64": "arm64"}.get(platform.machine().lower(), platform.machine())
    name = f"{system}-{machine}"
    if name not in PLATFORMS:
        raise BuildError(f"there is no Blender for {name}; zips are built for {', '.join(PLATFORMS)}.")
    return name


# ---------------------------------------------------------------- wheels


def declared_wheels(target: str) -> list[str]:
    """The names of the wheels that the manifest lists and a platform can use."""
    names = [Path(path).name for path in read_toml(ROOT / MANIFEST)["wheels"]]
    return [name for name in names if runs_on(name, target)]


def runs_on(wheel: str, target: str) -> bool:
    """Whether the platform tags at the end of a wheel's name fit a platform of Blender's."""
    tags = wheel.removesuffix(".whl").split("-")[-1].split(".")
    return ANY in tags or PLATFORMS[target] in tags


def locked_wheels() -> dict[str, set[str]]:
    """The SHA-256 numbers of each `name==version` in wheels/wheels.txt, one a file."""
    lines = [line.split() for line in (WHEELS / "wheels.txt").read_text("utf-8").splitlines()]
    return {
        line[0]: {word.removeprefix("--hash=sha256:") for word in line[1:]}
        for line in lines
        if line and not line[0].startswith("#")
    }


def is_intact(wheel: Path) -> bool:
    name, version, *_ = wheel.name.split("-")
    known = locked_wheels().get(f"{name}=={version}", set())
    return wheel.is_file() and environments.sha256(wheel.read_bytes()) in known


def fetch_wheels(target: str) -> None:
    """Bring a platform's wheels into wheels/, where they are not there already as they should be."""
    wanted = declared_wheels(target)
    if all(is_intact(WHEELS / name) for name in wanted):
        return
    pip = [str(environment_python("blender")), "-m", "pip", "download", "--no-deps", "--require-hashes"]
    pip += ["--only-binary=:all:", "--implementation", "py", "--abi", "none", "--python-version", "3.11"]
    pip += ["--platform", PLATFORMS[target], "--platform", ANY, "-d", "wheels", "-r", "wheels/wheels.txt"]
    environments.logged("blender", f"fetching wheels for {target}", pip)
    if missing := [name for name in wanted if not is_intact(WHEELS / name)]:
        raise BuildError(
            f"{MANIFEST} lists {', '.join(missing)}; the versions of wheels/wheels.txt did not bring them."
        )


# ---------------------------------------------------------------- zips


def build_zip(target: str, folder: Path) -> Path:
    """Build the extension for a platform into a folder; the same source gives the same bytes."""
    fetch_wheels(target)
    version = read_toml(ROOT / MANIFEST)["version"]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{EXTENSION}-{version}-{target.replace('-', '_')}.zip"
    with tempfile.TemporaryDirectory() as temporary:
        source, built = Path(temporary) / EXTENSION, Path(temporary) / "built.zip"
        stage(source, target)
        blender_extension("build", "--source-dir", str(source), "--output-filepath", str(built))
        normal = Path(temporary) / f"normal-{path.name}"
        normalise(built, normal)
        blender_extension("validate", str(normal))
        partial = path.with_suffix(f".{os.getpid()}")
        shutil.copy(normal, partial)  # the folders may lie on two disks
        partial.replace(path)
    return path


def stage(folder: Path, target: str) -> None:
    """The extension's content: the package's at the root, with manifest, licence and a platform's wheels beside it."""
    shutil.copytree(ROOT / "lucid_blender", folder, ignore=shutil.ignore_patterns("__pycache__", "*.pyc", ".*"))
    for name in STAGED:
        shutil.copy(ROOT / name, folder / name)
    (folder / MANIFEST).write_text(manifest_for(target), "utf-8")
    (folder / "constraints").mkdir()
    shutil.copy(ROOT / "constraints" / "backend.txt", folder / "constraints")  # what Install Backend goes by
    (folder / "wheels").mkdir()
    for name in declared_wheels(target):
        shutil.copy(WHEELS / name, folder / "wheels" / name)


def manifest_for(target: str) -> str:
    """The manifest with one platform, and its wheels only."""
    text = (ROOT / MANIFEST).read_text("utf-8")
    text = re.sub(r"^platforms = \[.*\]$", f'platforms = ["{target}"]', text, flags=re.MULTILINE)
    lines = [line for line in text.splitlines() if ".whl" not in line or runs_on(line.strip(' ",'), target)]
    return "\n".join(lines) + "\n"


def normalise(built: Path, target: Path) -> None:
    """The same files in a fixed order, with fixed times and modes."""
    with zipfile.ZipFile(built) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as out:
        for entry in sorted(source.infolist(), key=lambda entry: entry.filename):
            fixed = zipfile.ZipInfo(entry.filename)  # 1980-01-01
            fixed.external_attr = 0o100644 << 16
            fixed.compress_type = entry.compress_type
            out.writestr(fixed, source.read(entry))


# ---------------------------------------------------------------- repository


def build_repository(folder: Path, targets: Sequence[str]) -> Path:
    """Zips, index.json and a page to read, which any web server can serve; the index's path.

    Zips of other versions in the folder stay in the index: Blender offers the newest that fits it.
    """
    for target in targets:
        build_zip(target, folder)
    blender_extension("server-generate", "--repo-dir", str(folder), "--html")
    return folder / "index.json"


def blender_extension(*arguments: str) -> None:
    """Blender's `extension` command, straight from the bpy wheel."""
    pattern = "**/site-packages/bpy/*/scripts/addons_core/bl_pkg/cli/blender_ext.py"
    tool = next((environments.ENVIRONMENTS / "blender").glob(pattern))
    command = [str(environment_python("blender")), str(tool), *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise BuildError(f"Blender's `extension {arguments[0]}` refused the extension:\n{done.stdout}")
