"""The backend's own Python environment: where it is, and whether it has what the backend needs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import BackendError
from ..core.requirements import REQUIRED, Requirement

SECONDS_TO_PROBE = 30.0
OLDEST_PYTHON = (3, 11)
INTERPRETERS = ("bin/python3", "bin/python", "Scripts/python.exe", "python.exe")


# Runs in the backend's Python. importlib.metadata reads versions without importing torch, which takes seconds.
_PROBE = """
import importlib.metadata, json, sys
def version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
print(json.dumps({"python": sys.version_info[:3], "packages": {name: version(name) for name in sys.argv[1:]}}))
"""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What an environment holds. ``packages`` are (name, version) of what was found."""

    python: Path
    python_version: tuple[int, ...] = ()
    packages: tuple[tuple[str, str], ...] = ()
    missing: tuple[str, ...] = ()  # as pip takes them: names and versions
    message: str = ""
    advice: str = ""

    @property
    def ok(self) -> bool:
        return not self.advice


def find_python(preference: str | os.PathLike[str], others: Sequence[Path] = ()) -> Path:
    """The interpreter a user has set, or the first of ``others`` that exists; each may be an environment's folder.

    Raises BackendError, with advice, when there is none.
    """
    text = os.fspath(preference).strip()
    if text:
        found = _interpreter(Path(text).expanduser())
        if found is None:
            advice = (
                "Set the backend's Python in the add-on's preferences to an interpreter or an environment's folder."
            )
            raise BackendError(f"There is no Python at {text}.", advice=advice)
        return found
    for other in others:
        found = _interpreter(other)
        if found is not None:
            return found
    raise BackendError(
        "The backend's environment is not installed.",
        advice="Install it, or set the backend's Python in the add-on's preferences.",
    )


def check(python: Path, required: Sequence[Requirement] = REQUIRED) -> Report:
    """Ask an interpreter what it has, in under a second; never raises."""
    command = [str(python), "-I", "-c", _PROBE, *(requirement.name for requirement in required)]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            timeout=SECONDS_TO_PROBE,
            stdin=subprocess.DEVNULL,
            creationflags=_windows_flags(),
        )
        answer = json.loads(done.stdout)
        return _report(python, tuple(answer["python"]), answer["packages"], required)
    except subprocess.TimeoutExpired:
        reason = f"did not answer within {SECONDS_TO_PROBE:.0f} s"
    except OSError as error:
        reason = f"cannot be started: {error.strerror}"
    except (ValueError, KeyError, TypeError):
        reason = f"is no Python that works (exit code {done.returncode})"
    return Report(python=python, message=f"{python} {reason}.", advice="Choose another interpreter in the preferences.")


def _report(
    python: Path, version: tuple[int, ...], found: dict[str, str | None], required: Sequence[Requirement]
) -> Report:
    packages = tuple((name, text) for name, text in found.items() if text)
    missing = tuple(str(need) for need in required if not _is_met(need, found.get(need.name)))
    shown = ".".join(map(str, version))
    if version < OLDEST_PYTHON:
        wanted = ".".join(map(str, OLDEST_PYTHON))
        message, advice = (
            f"Python {shown}; the backend needs {wanted} or newer.",
            "Make an environment with a newer Python.",
        )
    elif missing:
        message = f"The backend's environment lacks {', '.join(missing)}."
        advice = f'Install with: "{python}" -m pip install ' + " ".join(f'"{name}"' for name in missing)
    else:
        message, advice = f"Python {shown}, torch {found.get('torch') or '-'}: ready.", ""
    return Report(
        python=python, python_version=version, packages=packages, missing=missing, message=message, advice=advice
    )


def _is_met(need: Requirement, version: str | None) -> bool:
    if version is None:
        return False
    leading = re.match(r"\d+(\.\d+)*", version)
    return not need.oldest or (leading is not None and _numbers(leading.group()) >= need.oldest)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _interpreter(path: Path) -> Path | None:
    """The path itself when it is a file, or the interpreter of the environment in that folder."""
    candidates = [path, *(path / name for name in INTERPRETERS)]
    return next((candidate.absolute() for candidate in candidates if candidate.is_file()), None)


def _windows_flags() -> int:
    if sys.platform == "win32":
        return subprocess.CREATE_NO_WINDOW
    return 0
