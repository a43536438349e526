"""The Python environments in .environments/: found, made, repaired and recognised by a stamp.

`backend` and `blender` are what everything runs in; `blender-4.2` and its like hold other Blenders, for tests.

Standard library only. Python 3.9 can run all of it but the reading of pyproject.toml, which takes 3.11.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENTS = ROOT / ".environments"
BLENDERS = {(3, 11): "4.5 LTS", (3, 13): "5.2 LTS"}  # Python -> the Blender whose bpy wheel needs exactly it
# The Blenders that tests run in, by version: their wheel, and the Python that it needs.
BPY = {"4.2": ("4.2.23", (3, 11)), "4.5": ("4.5.15", (3, 11)), "5.0": ("5.0.1", (3, 11)), "5.2": ("5.2.3", (3, 13))}
GROUPS = {"backend": ("backend", "tests", "checks"), "blender": ("blender", "tests")}
PROBES = {
    "backend": "import torch, numba, scipy, skimage, diffusers, transformers, websockets, plyfile, pytest",
    "blender": "import bpy, plyfile, websockets, pytest",
}
GIGABYTES = {"backend": 3.0, "blender": 1.5}  # with what pip needs on the way
CUDA_GIGABYTES = 9.0
TORCH = "torch==2.13.0"
TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"


class BuildError(Exception):
    """Something the reader of the message can put right."""


# ---------------------------------------------------------------- which Python


def python_candidates() -> list[str]:
    """Interpreters that may suit, best first: this one, then the PATH, py, pyenv and uv, 3.11 before 3.13."""
    found = [sys.executable]
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    for major, minor in BLENDERS:
        version = f"{major}.{minor}"
        on_path = shutil.which(f"python{version}")
        found += [on_path] if on_path else []
        if os.name == "nt" and shutil.which("py"):
            found += _lines("py", f"-{version}", "-c", "import sys; print(sys.executable)")
        for folder in sorted((pyenv / "versions").glob(f"{version}.*"), reverse=True):
            found += [str(folder / name) for name in ("bin/python", "python.exe") if (folder / name).exists()]
        if shutil.which("uv"):
            found += _lines("uv", "python", "find", "--no-project", version)
    return list(dict.fromkeys(found))


def choose_python(
    candidates: list[str], versions: Collection[tuple[int, int]] = tuple(BLENDERS)
) -> tuple[str, tuple[int, int]]:
    """The first candidate that runs, can make environments and is of such a version; with its version."""
    question = "import sys, venv, ensurepip; print(sys.version_info[0], sys.version_info[1], sys.maxsize > 2**32)"
    seen = []
    for candidate in candidates:
        answer = _lines(candidate, "-c", question)
        if not answer:
            seen.append(f"  {candidate}: does not run, or lacks venv and ensurepip (Debian: apt install python3-venv)")
            continue
        major, minor, is_64_bit = answer[-1].split()
        version = int(major), int(minor)
        if version in versions and is_64_bit == "True":
            return candidate, version
        seen.append(f"  {candidate}: Python {major}.{minor}")
    raise BuildError(
        "no Python was found for which Blender exists as a wheel; wanted 64-bit 3.11 (Blender 4.5) or 3.13 "
        "(Blender 5.2). Looked at:\n" + "\n".join(seen) + "\nInstall one, for example with `uv python install 3.11`, "
        "`pyenv install 3.11` or from python.org, and run the same command again."
    )


def _lines(*command: str) -> list[str]:
    """What a command prints, or nothing when it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, env=clean_environment())
    except (OSError, subprocess.TimeoutExpired):
        return []
    return done.stdout.splitlines() if done.returncode == 0 else []


def clean_environment(**extra: str) -> dict[str, str]:
    """The process environment without what would mix other packages into ours."""
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")}
    return {**kept, "PYTHONNOUSERSITE": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", **extra}


# ---------------------------------------------------------------- the environments


def environment_python(name: str) -> Path:
    return ENVIRONMENTS / name / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def stamp_of(name: str) -> str:
    """What an environment was made from: the dependency groups, the pins, its Python."""
    groups = (ROOT / "pyproject.toml").read_text("utf-8").partition("[dependency-groups]")[2].split("\n[")[0]
    pins = pins_of(name)
    version = version_of(name)
    python = ".".join(map(str, version)) if version else "none"
    return sha256("\n".join([groups, pins, TORCH, python]).encode())


def kind_of(name: str) -> str:
    """`backend` or `blender`."""
    return name.partition("-")[0]


def bpy_of(name: str) -> str:
    """The bpy of an environment that is named after a version of Blender; empty for the others."""
    return BPY[name.partition("-")[2]][0] if "-" in name else ""


def pins_of(name: str) -> str:
    """The constraints of an environment."""
    pins = (ROOT / "constraints" / f"{kind_of(name)}.txt").read_text("utf-8")
    return re.sub(r"^bpy==.*\n", "", pins, flags=re.MULTILINE) + f"bpy=={bpy_of(name)}\n" if bpy_of(name) else pins


def other_blenders() -> list[str]:
    """The environments of the other versions of Blender: those for which a Python is on this machine."""
    main = version_of("blender")
    names = []
    for version, (bpy, python) in BPY.items():
        if main == python and BLENDERS[main].startswith(version):
            continue
        try:
            choose_python(python_candidates(), [python])
        except BuildError:
            print(f"Blender {version} is left out: its wheel bpy {bpy} needs Python {python[0]}.{python[1]}.")
        else:
            names.append(f"blender-{version}")
    return names


def version_of(name: str) -> tuple[int, int] | None:
    """The version of an environment's Python."""
    settings = ENVIRONMENTS / name / "pyvenv.cfg"
    found = re.search(r"^version\w* = (\d+)\.(\d+)", settings.read_text("utf-8"), re.M) if settings.exists() else None
    return (int(found[1]), int(found[2])) if found else None


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def is_ready(name: str) -> bool:
    stamp = ENVIRONMENTS / name / "stamp"
    return environment_python(name).exists() and stamp.exists() and stamp.read_text("utf-8") == stamp_of(name)


def ensure(*names: str) -> None:
    """Make the environments that are missing, half-made or made from other requirements."""
    missing = [name for name in names if not is_ready(name)]
    if not missing:
        return
    for name in missing:
        versions = [BPY[name.partition("-")[2]][1]] if bpy_of(name) else tuple(BLENDERS)
        python, version = choose_python(python_candidates(), versions)
        print(f"{name}: using {python}, Python {version[0]}.{version[1]}, for which Blender exists as a wheel.")
        make_environment(name, python)


def make_environment(name: str, python: str) -> None:
    """Install, going on where an interrupted installation stopped; from nothing where that does not help."""
    folder = ENVIRONMENTS / name
    is_new = not _lines(str(environment_python(name)), "-m", "pip", "--version")
    for attempt in (1, 2):
        if is_new:
            shutil.rmtree(folder, ignore_errors=True)
            check_disk(name)
            logged(name, "creating", [python, "-m", "venv", str(folder)])
        remove_half_installed(folder)
        install(name)
        command = [str(environment_python(name)), "-c", PROBES[kind_of(name)]]
        if logged(name, "checking", command, must_work=is_new or attempt == 2):
            (folder / "stamp").write_text(stamp_of(name), "utf-8")
            return
        is_new = True


def check_disk(name: str) -> None:
    wanted = GIGABYTES[kind_of(name)]
    if name == "backend" and sys.platform.startswith("linux") and has_nvidia():
        wanted = CUDA_GIGABYTES
    free = shutil.disk_usage(ROOT).free / 1e9
    if free < wanted:
        raise BuildError(f"the {name} environment needs {wanted:.1f} GB on the disk of {ROOT}; {free:.1f} GB are free.")


def has_nvidia() -> bool:
    return bool(shutil.which("nvidia-smi")) or Path("/proc/driver/nvidia").exists()


def remove_half_installed(folder: Path) -> None:
    """Forget packages whose installation was cut off: pip writes RECORD last and believes a package without it."""
    for record_folder in folder.glob("[Ll]ib/**/site-packages/*.dist-info"):
        if not (record_folder / "RECORD").exists():
            shutil.rmtree(record_folder)


def install(name: str) -> None:
    """torch first and alone, so that nothing else chooses its build; then the rest within the pins."""
    pip = [str(environment_python(name)), "-m", "pip", "install", "--progress-bar", "off"]
    pins = ENVIRONMENTS / name / "constraints.txt"
    pins.write_text(pins_of(name), "utf-8")
    pip += ["-c", str(pins)]
    if name == "backend":
        # On Linux the index's own build brings several GB of CUDA; where pip is configured, its owner decides.
        configured = re.search("find-links|index-url", "\n".join(_lines(*pip[:3], "config", "list")))
        try_cpu = sys.platform.startswith("linux") and not has_nvidia() and not configured
        cpu_pip = [*pip, TORCH, "--index-url", TORCH_CPU_INDEX]
        if not (try_cpu and logged(name, "installing torch for the CPU", cpu_pip, must_work=False)):
            logged(name, "installing torch", [*pip, TORCH])
    wanted = requirements(*GROUPS[kind_of(name)])
    if bpy_of(name):
        wanted = [line for line in wanted if not line.startswith("bpy==")] + [f"bpy=={bpy_of(name)}"]
    logged(name, "installing packages", [*pip, *wanted])


def requirements(*groups: str) -> list[str]:
    return [line for group in groups for line in read_toml(ROOT / "pyproject.toml")["dependency-groups"][group]]


def read_toml(path: Path) -> dict[str, Any]:
    import tomllib  # absent before Python 3.11, which main() leaves behind

    return tomllib.loads(path.read_text("utf-8"))


def logged(name: str, what: str, command: list[str], *, must_work: bool = True) -> bool:
    """Run with the output in a log and one line of progress; False, or an error with the log's end, on failure."""
    temporary = ENVIRONMENTS / "tmp"  # the system's may be small or in memory; torch unpacks to a gigabyte
    temporary.mkdir(parents=True, exist_ok=True)
    log = ENVIRONMENTS / f"{name}.log"
    start = printed = time.monotonic()
    period = 0.5 if sys.stdout.isatty() else 15.0
    with log.open("a", encoding="utf-8", errors="replace") as output:
        output.write(f"\n$ {' '.join(command)}\n")
        output.flush()
        process = start_process(command, output, str(temporary))
        try:
            while process.poll() is None:
                time.sleep(0.1)
                if time.monotonic() - printed > period:
                    printed = time.monotonic()
                    show(f"{name}: {what}, {printed - start:.0f} s  {last_line(log)}")
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
    shutil.rmtree(temporary, ignore_errors=True)
    show(f"{name}: {what}, {'done' if process.returncode == 0 else 'failed'} in {time.monotonic() - start:.0f} s", "\n")
    if process.returncode and must_work:
        tail = "\n".join(log.read_text("utf-8", "replace").splitlines()[-20:])
        raise BuildError(
            f"{name}: {what} failed. The end of {log}:\n\n{tail}\n\nCheck the network, the free disk space and "
            f"pip's configuration, then run the same command again: it goes on where it stopped."
        )
    return process.returncode == 0


def start_process(command: list[str], output: IO[str], temporary: str) -> subprocess.Popen[bytes]:
    environment = clean_environment(TMPDIR=temporary, TEMP=temporary, TMP=temporary)
    return subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=ROOT, env=environment)


def last_line(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 8000))
        lines = file.read().decode("utf-8", "replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip() and "WARNING" not in line), "")


def show(line: str, end: str = "") -> None:
    """One line that replaces itself on a terminal; lines of their own in a pipe."""
    if sys.stdout.isatty():
        width = shutil.get_terminal_size().columns - 1
        print("\r" + line[:width].ljust(width), end=end, flush=True)
    else:
        print(line[:160], flush=True)


def run(name: str, *arguments: str, variables: Mapping[str, str] | None = None, timeout: float | None = None) -> int:
    """Run an environment's Python in the project's root and return its exit code."""
    command = [str(environment_python(name)), *arguments]
    environment = {**clean_environment(), **(variables or {})}
    try:
        return subprocess.run(command, cwd=ROOT, env=environment, timeout=timeout).returncode
    except subprocess.TimeoutExpired:
        print(f"stopped after {timeout:.0f} s", flush=True)
        return 124
