#!/usr/bin/env python3
"""Everything a developer or a first-time visitor runs; `python3 build.py --help` lists the commands.

Standard library only, for Python 3.9 or newer. What a command needs is installed into .environments/ on first use.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from scripts import environments, extension
from scripts.environments import ROOT, BuildError, ensure, environment_python, run

TESTED_IN = {
    "backend": ("tests/core", "tests/client", "tests/backend"),
    "blender": ("tests/core", "tests/client", "tests/blender"),
}
TEST_SECONDS = 1800  # a class left registered in Blender can hang it at exit
MARK = "linked_from.txt"  # in a folder that `link` made, so that it replaces no other


# ---------------------------------------------------------------- demo, bench, pictures, test


def demo(options: argparse.Namespace, rest: list[str]) -> int:
    """From a prompt to a prop, as in Blender."""
    ensure("backend", "blender")
    return run("blender", "scripts/demo.py", *rest, variables=for_blender())


def for_blender() -> dict[str, str]:
    """Variables that give our Blender the backend, and settings apart from the user's own Blender."""
    backend = environment_python("backend")
    return {"LUCID_DREAMER_PYTHON": str(backend), "BLENDER_USER_RESOURCES": str(ROOT / ".cache" / "blender")}


def bench(options: argparse.Namespace, rest: list[str]) -> int:
    """Measure the backend, or its rasterizers against others."""
    ensure("backend")
    if rest[:1] == ["rasterizers"]:
        return run("backend", "-m", "benchmarks.rasterizers", *rest[1:])
    return run("backend", "-m", "lucid_blender.backend", "bench", *rest)


def pictures(options: argparse.Namespace, rest: list[str]) -> int:
    """Renew pictures of README and docs."""
    ensure("backend")
    return run("backend", "scripts/pictures.py", *rest)


def test(options: argparse.Namespace, rest: list[str]) -> int:
    """Style, types, and the tests in both environments."""
    ensure("backend", "blender")
    others = environments.other_blenders() if options.all_blenders else []
    ensure(*others)
    steps = [
        ("ruff check", "backend", ["-m", "ruff", "check", "."]),
        ("ruff format", "backend", ["-m", "ruff", "format", "--check", "."]),
        ("mypy", "backend", ["-m", "mypy"]),
        ("pytest, backend", "backend", pytest_command("backend", rest)),
        ("pytest, Blender", "blender", pytest_command("blender", rest)),
        *((f"pytest, {name}", name, pytest_command("blender", rest)) for name in others),
        ("windowed Blender", "blender", ["tests/gui/run.py", "--blender", options.gui] if options.gui else []),
    ]
    results = []
    for title, name, arguments in steps:
        if not arguments:
            continue
        print(f"\n== {title}", flush=True)
        start = time.monotonic()
        code = run(name, *arguments, variables=for_blender(), timeout=TEST_SECONDS)
        passed = code == 0 or (code == 5 and bool(rest))  # 5: the given arguments select no test here
        verdict = "passed" if passed else f"FAILED with exit code {code}"
        results.append((passed, f"{title}: {verdict}, {time.monotonic() - start:.0f} s"))
    print("\n== summary", *(line for _, line in results), sep="\n", flush=True)
    return 0 if all(passed for passed, _ in results) else 1


def pytest_command(name: str, rest: list[str]) -> list[str]:
    """pytest on an environment's folders, or on those of the given paths that it can run; empty for none."""
    given = [argument for argument in rest if argument.startswith("tests") and "/" in argument]
    others = [argument for argument in rest if argument not in given]
    if given:
        paths = [path for path in given if runs_in(name, path)]
    else:
        paths = [folder for folder in TESTED_IN[name] if (ROOT / folder).exists()]
        paths += sorted(f"tests/{path.name}" for path in (ROOT / "tests").glob("test_*.py") if name == "backend")
    return ["-m", "pytest", *paths, *others] if paths else []


def runs_in(name: str, path: str) -> bool:
    at_top = path.startswith("tests/test_")
    return path.startswith(TESTED_IN[name]) or (name == "backend" and at_top)


# ---------------------------------------------------------------- zip, repository


def make_zip(options: argparse.Namespace, rest: list[str]) -> int:
    """Build the extension for this computer, or a zip for each platform."""
    ensure("blender")
    for target in extension.PLATFORMS if options.split_platforms else [extension.this_platform()]:
        path = extension.build_zip(target, ROOT / "dist")
        print(f"{path.relative_to(ROOT)}, {path.stat().st_size / 1e6:.1f} MB")
    return 0


def repository(options: argparse.Namespace, rest: list[str]) -> int:
    """Write a repository of extensions for every platform."""
    ensure("blender")
    targets = [extension.this_platform()] if options.this_platform else list(extension.PLATFORMS)
    index = extension.build_repository(Path(options.folder).resolve(), targets)
    print(
        index,
        "Serve the folder, and give Blender the address of this file: Preferences > Get Extensions > Repositories "
        "> Add Remote Repository.",
        sep="\n",
    )
    return 0


# ---------------------------------------------------------------- link


def link(options: argparse.Namespace, rest: list[str]) -> int:
    """Give this user's Blender the backend and, where the extension is not installed, the source tree as one."""
    folders = [Path(options.blender_user_dir)] if options.blender_user_dir else blender_user_folders()
    if not folders:
        raise BuildError(
            "no settings of Blender 4.2 or newer were found for this user. Start Blender once, or name the folder: "
            "link --blender-user-dir DIR (Blender shows it with bpy.utils.resource_path('USER'))."
        )
    ensure("backend", "blender")
    extension.fetch_wheels(extension.this_platform())
    for folder in folders:
        target = folder / "extensions" / "user_default" / extension.EXTENSION
        tell_backend(folder, environment_python("backend"))
        if target.exists() and not (target / MARK).exists():
            print(f"{target} is installed and stays; it uses this folder's backend now")
        else:
            link_tree(target)
            print(f"linked {target}")
    print("Restart Blender, and enable Lucid Dreamer in Edit > Preferences > Add-ons if it is not.")
    return 0


def blender_user_folders() -> list[Path]:
    """The settings folder of every Blender from 4.2 on that this user has started."""
    if os.name == "nt":
        base = Path(os.environ.get("APPDATA", "")) / "Blender Foundation" / "Blender"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support" / "Blender"
    else:
        base = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "blender"
    versions = [folder for folder in base.glob("*.*") if folder.name.replace(".", "").isdigit()]
    return sorted(folder for folder in versions if tuple(map(int, folder.name.split("."))) >= (4, 2))


def tell_backend(user_folder: Path, python: Path) -> None:
    """Leave the backend's interpreter where the add-on's preference takes its default from."""
    folder = (
        user_folder / "extensions" / ".user" / "user_default" / extension.EXTENSION
    )  # bpy.utils.extension_path_user
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "backend.json").write_text(json.dumps({"python": str(python)}), "utf-8")


def link_tree(target: Path) -> None:
    """A folder of links, because manifest and package lie side by side in the source."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    (target / MARK).write_text(str(ROOT), "utf-8")
    skipped = {"__pycache__", ".mypy_cache", ".ruff_cache"}
    sources = [path for path in (ROOT / "lucid_blender").iterdir() if path.name not in skipped]
    for source in [*sources, ROOT / "constraints", extension.WHEELS, *(ROOT / name for name in extension.STAGED)]:
        link_or_copy(source, target / source.name)
    (target / extension.MANIFEST).write_text(extension.manifest_for(extension.this_platform()), "utf-8")


def link_or_copy(source: Path, target: Path) -> None:
    try:
        target.symlink_to(source, target_is_directory=source.is_dir())
    except OSError:  # Windows without the developer mode
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy(source, target)


# ---------------------------------------------------------------- command line


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="build.py", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    one = commands.add_parser("demo", add_help=False, help='PROMPT: make a prop in demo/, for example "a red mushroom"')
    one.set_defaults(run=demo)
    one = commands.add_parser("test", help="style, types and tests; further arguments go to pytest")
    one.add_argument("--all-blenders", action="store_true", help="also in every other Blender whose Python is here")
    one.add_argument("--gui", metavar="COMMAND", help="also test in a window of the Blender that COMMAND starts")
    one.set_defaults(run=test)
    one = commands.add_parser("zip", help="build the extension into dist/")
    one.add_argument("--split-platforms", action="store_true", help="a zip for each platform, not for this one only")
    one.set_defaults(run=make_zip)
    one = commands.add_parser("repository", help="write a repository of extensions that Blender can add by its address")
    one.add_argument("folder", metavar="DIR", help="for index.json, index.html and the zips")
    one.add_argument("--this-platform", action="store_true", help="for this computer only")
    one.set_defaults(run=repository)
    one = commands.add_parser(
        "link", help="give Blender the backend, and the source tree as links where nothing is installed"
    )
    one.add_argument(
        "--blender-user-dir", metavar="DIR", help="instead of every version found, such as .../blender/4.5"
    )
    one.set_defaults(run=link)
    one = commands.add_parser("bench", add_help=False, help="objectives, quality, or rasterizers: measure them")
    one.set_defaults(run=bench)
    one = commands.add_parser(
        "pictures", add_help=False, help="renew pictures of README and docs; without names: which"
    )
    one.set_defaults(run=pictures)
    return top


def main(arguments: list[str]) -> int:
    if sys.version_info < (3, 11):  # no tomllib
        python, _ = environments.choose_python(environments.python_candidates())
        return subprocess.run([python, str(ROOT / "build.py"), *arguments]).returncode
    options, rest = parser().parse_known_args(arguments)
    if rest and options.command in ("zip", "repository", "link"):
        parser().error(f"unrecognized arguments: {' '.join(rest)}")
    code: int = options.run(options, rest)
    return code


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except BuildError as error:
        sys.exit(f"build.py: {error}")
    except KeyboardInterrupt:
        sys.exit("\nbuild.py: interrupted; the same command goes on where it stopped")
