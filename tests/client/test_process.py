from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from lucid_blender.client.process import BACKEND, BackendProcess, Launch
from lucid_blender.core.errors import BackendError

from .conftest import PATIENCE, wait_for

READY = "import json, os, sys\nsys.stdin.readline()\nprint(json.dumps({'port': 7, 'version': 1}), flush=True)\n"


@pytest.fixture
def script(launch: Launch, tmp_path: Path):  # type: ignore[no-untyped-def]
    """A Launch of a program with this source."""

    def write(source: str) -> Launch:
        path = tmp_path / "program.py"
        path.write_text(source)
        return replace(launch, program=path)

    return write


def test_blenders_python_settings_stay_out(launch: Launch) -> None:
    inherited = {"PYTHONPATH": "/blender", "PythonHome": "/b", "PYTHONHASHSEED": "1", "PATH": "/bin", "HOME": "/h"}
    environment = launch.environment(inherited)
    assert {name for name in environment if name.upper().startswith("PYTHON")} == {"PYTHONNOUSERSITE"}
    assert (environment["PATH"], environment["HOME"]) == ("/bin", "/h")
    assert environment["OMP_WAIT_POLICY"] == "passive"
    assert environment["NUMBA_CACHE_DIR"].startswith(str(launch.cache_folder))


def test_downloads_need_permission(launch: Launch) -> None:
    assert launch.environment({})["HF_HUB_OFFLINE"] == "1"
    assert "HF_HUB_OFFLINE" not in replace(launch, allow_downloads=True).environment({})


def test_the_backend_itself_is_what_starts_by_default(tmp_path: Path) -> None:
    launch = Launch(python=Path(sys.executable), cache_folder=tmp_path)
    assert launch.program == BACKEND and (BACKEND / "__main__.py").is_file()
    assert launch.command[-2:] == [str(BACKEND), "serve"]


def test_a_missing_interpreter_is_named(launch: Launch, tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="There is no Python at .*nowhere"):
        BackendProcess(replace(launch, python=tmp_path / "nowhere"))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows runs no such file either, with another message")
def test_a_file_that_is_no_program_is_an_error_of_ours(launch: Launch, tmp_path: Path) -> None:
    (tmp_path / "python").write_text("")
    with pytest.raises(BackendError, match="cannot be started"):
        BackendProcess(replace(launch, python=tmp_path / "python"))


def test_a_missing_package_is_named_with_advice(script) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(BackendError, match="its Python has no 'torch_that_is_not'") as caught:
        BackendProcess(script("import torch_that_is_not"))
    assert caught.value.advice.startswith("Install the backend's environment")
    assert "ModuleNotFoundError" in caught.value.advice


def test_an_early_end_shows_the_log(script) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(BackendError, match="did not start \\(exit code 3\\)") as caught:
        BackendProcess(script("import sys\nprint('something broke', file=sys.stderr)\nsys.exit(3)"))
    assert "something broke" in caught.value.advice


def test_a_silent_program_is_given_up(script) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(BackendError, match="did not answer within"):
        BackendProcess(script("import time\ntime.sleep(3600)"), timeout=0.5)


@pytest.mark.parametrize("line", ["hello", "{}", '{"port": "7"}', "[]", "\\x00\\xff"])
def test_another_answer_is_refused(script, line: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(BackendError, match="wanted its port"):
        BackendProcess(script(f"import sys\nsys.stdin.readline()\nprint({line!r})"))


def test_the_token_goes_through_stdin_only(script) -> None:  # type: ignore[no-untyped-def]
    source = "import json, os, sys\ntoken = sys.stdin.readline().strip()\nprint(json.dumps({'port': 7}), flush=True)\n"
    source += "print(token, str(sys.argv) + str(os.environ), file=sys.stderr)\nsys.stdin.read()"
    process = BackendProcess(script(source))
    process.stop()
    told, _, rest = process.log_tail[0].partition(" ")
    assert told == process.token and process.token not in rest


def test_it_keeps_the_end_of_the_log_and_writes_all_of_it(script, launch: Launch) -> None:  # type: ignore[no-untyped-def]
    loud = "for k in range(1000): print('line', k, file=sys.stderr)\nprint('stray')\nsys.stdin.read()"
    process = BackendProcess(script(READY + loud))
    wait_for(lambda: "line 999" in process.log_tail)  # a busy machine takes longer than stop() waits
    process.stop()
    lines = [line for line in process.log_tail if line != "stray"]
    assert lines[-1] == "line 999" and len(process.log_tail) == 200
    assert launch.log_file is not None and len(launch.log_file.read_text().splitlines()) == 1000


def test_closing_stdin_ends_it(script) -> None:  # type: ignore[no-untyped-def]
    process = BackendProcess(script(READY + "sys.stdin.read()\nsys.exit(5)"))
    assert (process.port, process.alive) == (7, True)
    process.stop()
    process.stop()
    assert process.how_it_ended() == "exit code 5" and not process.alive


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_one_that_does_not_listen_is_killed(script) -> None:  # type: ignore[no-untyped-def]
    deaf = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('deaf', file=sys.stderr)\n"
    process = BackendProcess(script(deaf.join(["import sys\n", READY]) + "time.sleep(3600)"))
    started = time.monotonic()
    process.stop(grace=0.2)
    assert process.how_it_ended() == "signal 9"
    assert time.monotonic() - started < PATIENCE


def test_the_end_of_python_ends_it(launch: Launch, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(READY + "sys.stdin.read()\nopen(sys.argv[0] + '.ended', 'w').close()")
    source = f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(BACKEND.parent.parent)!r})
from lucid_blender.client.process import BackendProcess, Launch
folder = Path({str(tmp_path)!r})
process = BackendProcess(Launch(python=Path(sys.executable), cache_folder=folder, program=folder / "program.py"))
"""
    subprocess.run([sys.executable, "-c", source], check=True, timeout=PATIENCE)
    assert (tmp_path / "program.py.ended").exists()
