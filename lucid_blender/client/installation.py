"""The backend's environment under the user's folder: the steps that make it, what is done of them, what they need.

Nothing here runs a step; ``installer`` does. A step that is done is noted with a fingerprint of its command, so that
what is done is skipped, and an update repeats only what has changed. One that was begun and not done may have left half
a package, which uv would take for a whole one: then the environment is made anew, from uv's cache, where all that was
downloaded still is.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shlex
import shutil
import stat
import sys
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..core.errors import BackendError
from ..core.requirements import REQUIRED
from ..core.whole_files import write_whole_bytes
from .environment import find_python
from .file_stamp import read_seldom
from .process import BACKEND

PYTHON_VERSION = "3.11"  # the oldest that the backend takes, which the pins below are tested with
GIB = 2**30
# What a step writes at most, measured with uv's cache beside the environment (both share their files where the disk has
# hard links; counted twice here for those that have not). The index's torch for CUDA brings 5 GiB of libraries along.
ENVIRONMENT_BYTES = GIB // 4  # an interpreter, where uv has to fetch one
TORCH_CPU_BYTES = 2 * GIB
TORCH_CUDA_BYTES = 9 * GIB
PACKAGES_BYTES = 2 * GIB

# Arguments after which torch comes from where they say, and not from the index for this machine's device.
SOURCES = ("--torch-backend", "--find-links", "-f", "--index", "--index-url", "-i", "--default-index", "--no-index")
WITHOUT_NETWORK = ("--no-index", "--offline")
_MARKER = "steps.json"
_UNFINISHED = "unfinished"  # beside the steps that are done: the name of the one at work


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What the user has set. Empty: found, or done, without them."""

    uv: str = ""  # path of the program uv
    base_python: str = ""  # interpreter that the environment is made from
    arguments: str = ""  # for `uv pip install`, as in a shell; variables are filled in
    online: bool = True  # whether Blender permits the network


@dataclass(frozen=True, kw_only=True)
class Step:
    """One command of an installation."""

    name: str
    title: str  # as the panel shows it
    command: tuple[str, ...]
    needs: int = 0  # bytes on the disk

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256("\0".join(self.command).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be run, in order. Without a folder nothing is noted."""

    title: str
    steps: tuple[Step, ...]
    folder: Path | None = None
    variables: tuple[tuple[str, str], ...] = ()
    repeat: frozenset[str] = frozenset()  # names of steps that run although they are done

    @property
    def left(self) -> tuple[Step, ...]:
        """What is to be run: what is not done, or everything where a step was left unfinished."""
        if self.folder and _UNFINISHED in _done(self.folder):
            return self.steps
        return self.undone

    @property
    def undone(self) -> tuple[Step, ...]:
        """The first step that is not done, and all after it: they build on it."""
        done = _done(self.folder) if self.folder else {}
        for number, step in enumerate(self.steps):
            if step.name in self.repeat or done.get(step.name) != step.fingerprint:
                return self.steps[number:]
        return ()


# ---------------------------------------------------------------- planning


def plan(folder: Path, wishes: Wishes, *, wheels: Path, constraints: Path) -> Plan:
    """How to make the environment in ``folder``. Raises BackendError when there is no uv, or no network permitted."""
    arguments = split_arguments(wishes.arguments)
    if not wishes.online and not _mentions(arguments, WITHOUT_NETWORK):
        raise BackendError(
            "Blender is offline; installing the backend downloads packages.",
            advice="Allow Online Access in Preferences > System > Network, or give Extra Arguments that need no "
            "network, such as --no-index --find-links FOLDER.",
        )
    base = str(find_python(wishes.base_python)) if wishes.base_python.strip() else PYTHON_VERSION
    uv = str(find_uv(wishes.uv, wheels=wheels, target=folder))
    python = environment_python(folder)
    install = [uv, "pip", "install", "--python", str(python), *pins(constraints, folder), *arguments]
    if not _mentions(arguments, SOURCES):
        install.append("--torch-backend=auto")
    torch, *others = map(str, REQUIRED)
    steps = (
        Step(
            name="environment",
            title="Making the environment",
            command=(uv, "venv", "--clear", "--python", base, str(folder / "environment")),
            needs=ENVIRONMENT_BYTES,
        ),
        # Alone and first: it is most of the download, and an interruption later keeps it.
        Step(name="torch", title="Installing torch", command=(*install, torch), needs=torch_bytes(arguments)),
        Step(
            name="packages",
            title="Installing packages",
            command=(*install, torch, *others),
            needs=PACKAGES_BYTES,
        ),
        doctor_step(python),
    )
    return Plan(title="Installing the backend", steps=steps, folder=folder, variables=_variables(folder, wishes))


def doctor_step(python: Path) -> Step:
    """What shows that an environment works."""
    return Step(name="check", title="Checking", command=(str(python), "-I", "-X", "utf8", str(BACKEND), "doctor"))


def check_plan(python: Path, variables: tuple[tuple[str, str], ...] = ()) -> Plan:
    """Ask an environment what it offers."""
    return Plan(title="Checking the backend", steps=(doctor_step(python),), variables=variables)


def split_arguments(text: str) -> list[str]:
    """As a shell would, with variables filled in. Raises BackendError for a quote that does not end."""
    try:
        words = shlex.split(text, posix=os.name != "nt")  # posix would swallow the backslashes of Windows' paths
    except ValueError as error:
        message = f"Extra Arguments {text!r} cannot be read: {error}."
        raise BackendError(message, advice="Write them as in a terminal.") from error
    return [os.path.expandvars(word.strip('"') if os.name == "nt" else word) for word in words]


def pins(constraints: Path, folder: Path) -> list[str]:
    """Arguments that hold every package at the version that was tested; torch may be older.

    An index for an older graphics driver ends before the newest torch.
    """
    if not constraints.is_file():
        return []
    text = re.sub(r"^torch==", "torch<=", constraints.read_text("utf-8"), flags=re.MULTILINE)
    # Its content is in its name, and with it in the fingerprint of the step.
    target = folder / f"constraints-{hashlib.sha256(text.encode()).hexdigest()[:8]}.txt"
    if not target.is_file():
        target.write_text(text, "utf-8")
    return ["--constraints", str(target)]


def torch_bytes(arguments: Sequence[str]) -> int:
    """What torch needs: with CUDA's libraries where this machine can use them and the user names no other source."""
    if _mentions(arguments, SOURCES):
        return TORCH_CPU_BYTES  # who names a source may mean either; the smaller refuses nobody wrongly
    has_nvidia = bool(shutil.which("nvidia-smi")) or Path("/proc/driver/nvidia").exists()
    return TORCH_CUDA_BYTES if has_nvidia else TORCH_CPU_BYTES


def _mentions(arguments: Sequence[str], options: Sequence[str]) -> bool:
    return any(argument.partition("=")[0] in options for argument in arguments)


def _variables(folder: Path, wishes: Wishes) -> tuple[tuple[str, str], ...]:
    """All that is downloaded lies below the folder, so that removing it removes everything."""
    found = {
        "UV_CACHE_DIR": str(folder / "cache"),
        "UV_PYTHON_INSTALL_DIR": str(folder / "python"),
        "UV_NO_PROGRESS": "1",  # bars need a terminal; what is left are lines
        "PYTHONNOUSERSITE": "1",
    }
    if not wishes.online:
        found |= {"UV_OFFLINE": "1", "UV_PYTHON_DOWNLOADS": "never", "HF_HUB_OFFLINE": "1"}
    return tuple(found.items())


# ---------------------------------------------------------------- uv


def find_uv(given: str, *, wheels: Path, target: Path) -> Path:
    """The given program, else the one that the extension carries, else the first on the PATH."""
    if given.strip():
        path = Path(given.strip()).expanduser()
        if path.is_file():
            return path.absolute()
        raise BackendError(f"There is no uv at {path}.", advice="Correct the path of uv in the add-on's preferences.")
    bundled = _unpack_uv(wheels, target)
    found = bundled or shutil.which("uv")
    if not found:
        raise BackendError(
            "The program uv, which installs the backend, was not found.",
            advice="Install it (`pip install uv`, or docs.astral.sh/uv) and start Blender again, or set its path in "
            "the add-on's preferences.",
        )
    return Path(found).absolute()


def _unpack_uv(wheels: Path, target: Path) -> Path | None:
    """The program out of the extension's own wheel, whose copy in Blender's site-packages cannot be executed."""
    program = "uv.exe" if sys.platform == "win32" else "uv"
    for wheel in sorted(wheels.glob("uv-*.whl"), reverse=True):
        unpacked = target / wheel.name.split("-py3")[0] / program
        if unpacked.is_file():
            return unpacked
        with zipfile.ZipFile(wheel) as archive:
            inside = next((name for name in archive.namelist() if name.endswith(f".data/scripts/{program}")), None)
            if inside:
                unpacked.parent.mkdir(parents=True, exist_ok=True)
                partial = unpacked.with_suffix(".partial")  # an interruption must not leave half a program
                partial.write_bytes(archive.read(inside))
                partial.chmod(partial.stat().st_mode | stat.S_IXUSR)
                partial.replace(unpacked)
                return unpacked
    return None


# ---------------------------------------------------------------- what is done


def environment_python(folder: Path) -> Path:
    """Where the interpreter of an installation is, or will be."""
    inside = "Scripts/python.exe" if os.name == "nt" else "bin/python"
    return folder / "environment" / inside


def installed_python(folder: Path) -> Path | None:
    """The interpreter of an installation that was finished and found healthy."""
    python = environment_python(folder)
    return python if _is_checked(folder) and python.is_file() else None


def is_interrupted(folder: Path) -> bool:
    """Whether an installation was begun and not finished."""
    return not _is_checked(folder) and (folder / "environment").is_dir()


def _is_checked(folder: Path) -> bool:
    found = read_seldom(folder / _MARKER)  # panels ask at every redraw
    return isinstance(found, dict) and "check" in found


def note_begun(folder: Path, steps: Sequence[Step]) -> None:
    """The first of the steps begins. What it and the others did before counts no more: an environment that is being
    changed is none that works."""
    names = {step.name for step in steps}
    kept = {name: value for name, value in _done(folder).items() if name not in names}
    _write(folder, kept | {_UNFINISHED: steps[0].name})


def note_done(folder: Path, step: Step) -> None:
    done = _done(folder) | {step.name: step.fingerprint}
    done.pop(_UNFINISHED, None)
    _write(folder, done)


def update(whole: Plan) -> Plan:
    """The plan, with all packages looked at again and the newest that the pins permit."""
    steps = [
        replace(step, command=(*step.command, "--upgrade")) if step.name in ("torch", "packages") else step
        for step in whole.steps
    ]
    repeat = frozenset({"torch", "packages", "check"})
    return replace(whole, title="Updating the backend", steps=tuple(steps), repeat=repeat)


def check_disk(whole: Plan, free: Callable[[Path], int] | None = None) -> None:
    """Raises BackendError when the disk has no room for what is left of the plan."""
    if whole.folder is None:
        return
    wanted = sum(step.needs for step in whole.undone)  # what is made anew besides is in uv's cache
    found = free(whole.folder) if free else shutil.disk_usage(whole.folder).free
    if found < wanted:
        raise BackendError(
            f"{whole.title} needs {wanted / GIB:.1f} GiB on the disk of {whole.folder}; "
            f"{found / GIB:.1f} GiB are free.",
            advice="Free some space and install again, or set Backend's Python to an environment on another disk.",
        )


def remove(folder: Path) -> None:
    """Everything that the installation brought. Raises BackendError when files are in use."""
    with contextlib.suppress(FileNotFoundError):
        (folder / _MARKER).unlink()  # first, so that a half-removed environment is never taken for a whole one
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError as error:
        raise BackendError(
            f"{error.filename or folder} could not be removed: {error.strerror}.",
            advice="Close other Blenders and run it again.",
        ) from error


def _done(folder: Path) -> dict[str, str]:
    try:
        found = json.loads((folder / _MARKER).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}


def _write(folder: Path, done: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write_whole_bytes(folder / _MARKER, json.dumps(done, indent=1).encode())
