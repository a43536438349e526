"""The job folder: atomic, locked, resumable."""

from __future__ import annotations

import errno
import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import torch

from lucid_blender.backend.job import CHECKPOINT, LOCK, LOG, PREVIOUS, RECORD, Job
from lucid_blender.core.errors import Cancelled, InvalidInput, JobError, ModelError
from lucid_blender.core.inputs import Inputs
from lucid_blender.core.job_inputs import FILES as INPUT_FILES
from lucid_blender.core.meshes import TriangleMesh
from lucid_blender.core.options import Generation, Meshing, MeshSurface, Sds

GENERATION = Generation(
    prompt="a red mushroom", seed=7, objective=Sds(guidance_scale=40.0), initialiser=MeshSurface(), mesh=Meshing()
)
TRIANGLE = TriangleMesh(
    vertices=np.array([[0, 0, 0], [1, 0, 0], [0, 0.1, 0]], np.float32),
    triangles=np.array([[0, 1, 2]], np.int32),
    colors=np.array([[1, 0, 0], [0, 1, 0], [0, 0, 0.3]], np.float32),
)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job.create(tmp_path / "job", GENERATION)


def state(seed: int = 0) -> dict[str, torch.Tensor]:
    """Tensors of every kind that a run keeps."""
    generator = torch.Generator().manual_seed(seed)
    return {
        "means": torch.randn(50, 3, generator=generator, requires_grad=True),
        "adam.0.step": torch.tensor(12.0),
        "adam.0.exp_avg": torch.randn(3, 50, generator=generator).T,  # not contiguous
        "empty": torch.zeros(0, 3),
        "counts": torch.arange(5),
        "mask": torch.tensor([True, False]),
        "half": torch.randn(4, generator=generator).to(torch.bfloat16),
        "odd": torch.tensor([float("nan"), float("-inf"), -0.0, 1e-45]),
        "generator": generator.get_state(),
    }


def same_bits(found: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor]) -> bool:
    def bits(tensor: torch.Tensor) -> bytes:
        return tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()

    kinds = {name: (t.dtype, t.shape) for name, t in found.items()} == {
        n: (t.dtype, t.shape) for n, t in wanted.items()
    }
    return kinds and all(bits(found[name]) == bits(wanted[name]) for name in wanted)


# ---------------------------------------------------------------- create and open


def test_a_job_opens_as_it_was_created(tmp_path: Path) -> None:
    made = Job.create(tmp_path / "new" / "job", GENERATION, Inputs(mesh=TRIANGLE))
    found = Job.open(tmp_path / "new" / "job")
    assert found.generation == GENERATION
    assert found.record == made.record
    assert found.inputs.mesh is not None
    for name in ("vertices", "triangles", "colors"):
        assert (getattr(found.inputs.mesh, name) == getattr(TRIANGLE, name)).all()


def test_job_json_tells_a_reader_what_the_run_was(job: Job) -> None:
    plain = json.loads((job.folder / RECORD).read_text())
    assert plain["prompt"] == "a red mushroom" and plain["state"] == "running" and plain["generation"]["seed"] == 7
    assert any(entry.startswith("torch 2") for entry in plain["libraries"])
    created = datetime.fromisoformat(plain["created"])
    assert created.utcoffset() == timedelta(0) and abs(datetime.now(UTC) - created) < timedelta(minutes=1)


def test_a_job_of_version_0_1_0_opens_with_its_mesh(tmp_path: Path) -> None:
    made = Job.create(tmp_path / "job", GENERATION, Inputs(mesh=TRIANGLE))
    plain = json.loads((made.folder / RECORD).read_text())
    for later in ("inputs", "placement"):
        del plain[later]
    del plain["generation"]["representation"]["kind"]
    (made.folder / RECORD).write_text(json.dumps(plain | {"has_initial_mesh": True}))
    found = Job.open(made.folder)
    assert found.record == made.record and found.inputs.mesh is not None
    assert found.inputs.names == ("mesh",)


def test_a_job_without_an_initial_mesh_has_none(job: Job) -> None:
    assert Job.open(job.folder).inputs.mesh is None


def test_a_folder_that_holds_a_job_is_not_overwritten(job: Job) -> None:
    before = (job.folder / RECORD).read_bytes()
    with pytest.raises(JobError, match="already holds a job") as caught:
        Job.create(job.folder, replace(GENERATION, seed=8))
    assert "resume" in caught.value.advice.lower()
    assert (job.folder / RECORD).read_bytes() == before


def test_a_folder_of_another_program_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(JobError, match="thesis.txt"):
        Job.create(tmp_path, GENERATION)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_in_the_folders_place_is_an_error_with_advice(tmp_path: Path) -> None:
    (tmp_path / "job").write_text("")
    for folder in (tmp_path / "job", tmp_path / "job" / "below"):
        with pytest.raises(JobError) as caught:
            Job.create(folder, GENERATION)
        assert "another job folder" in caught.value.advice


def test_opening_a_folder_without_a_job_says_so(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(JobError, match="there is no job") as caught:
            Job.open(folder)
        assert caught.value.advice


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[: len(text) // 2],
        lambda text: "[]",
        lambda text: text.replace('"format": 1', '"format": 99'),
        lambda text: text.replace('"seed": 7', '"seed": "seven"'),
        lambda text: text.replace('"seed": 7', '"seed": NaN'),
        lambda text: text.replace('"state": "running"', '"state": "flying"'),
    ],
)
def test_a_damaged_job_json_is_an_error_with_advice(job: Job, damage: Callable[[str], str]) -> None:
    path = job.folder / RECORD
    text = path.read_text()
    path.write_text(damage(text))
    assert path.read_text() != text
    with pytest.raises(JobError, match="not a job of this version") as caught:
        Job.open(job.folder)
    assert caught.value.advice


def test_a_damaged_initial_mesh_is_a_job_error_and_never_unpickled(tmp_path: Path) -> None:
    job = Job.create(tmp_path / "job", GENERATION, Inputs(mesh=TRIANGLE))
    path = job.folder / INPUT_FILES["mesh"]
    whole = path.read_bytes()
    np.savez(path, vertices=np.array([{}], dtype=object), triangles=TRIANGLE.triangles, colors=TRIANGLE.colors)
    pickled = path.read_bytes()
    for content in (whole[:100], b"", pickled, whole[:150] + b"\xff" + whole[151:]):
        path.write_bytes(content)
        with pytest.raises(JobError):
            _ = Job.open(job.folder).inputs.mesh
    path.unlink()
    with pytest.raises(JobError):
        _ = Job.open(job.folder).inputs.mesh


# ---------------------------------------------------------------- how a run ends


def test_a_run_that_ends_is_finished(job: Job) -> None:
    with job.running():
        job.finish(seconds=12.5, network_evaluations=300)
    record = Job.open(job.folder).record
    assert (record.state, record.seconds, record.network_evaluations) == ("finished", 12.5, 300)


@pytest.mark.parametrize(("error", "warned"), [(InvalidInput("no such thing"), False), (RuntimeError("a bug"), True)])
def test_a_traceback_is_in_the_log_and_only_what_nobody_expected_is_shown(
    job: Job, caplog: pytest.LogCaptureFixture, error: Exception, warned: bool
) -> None:
    with pytest.raises(type(error)), job.running():
        raise error
    assert "Traceback" in (job.folder / "log.txt").read_text()
    assert any(record.levelno >= logging.WARNING for record in caplog.records) is warned


def test_a_run_that_breaks_is_failed_and_says_why(job: Job) -> None:
    with pytest.raises(ModelError), job.running():
        raise ModelError("the model is gone")
    record = Job.open(job.folder).record
    assert (record.state, record.failure) == ("failed", "the model is gone")
    assert "ModelError" in (job.folder / LOG).read_text()
    with job.running():
        assert Job.open(job.folder).record.failure == ""


@pytest.mark.parametrize("error", [Cancelled("stop"), KeyboardInterrupt(), GeneratorExit()])
def test_a_run_that_is_stopped_is_cancelled(job: Job, error: BaseException) -> None:
    with pytest.raises(type(error)), job.running():
        raise error
    assert Job.open(job.folder).record.state == "cancelled"


def test_a_generator_closed_after_finish_is_still_finished(job: Job) -> None:
    def events():  # type: ignore[no-untyped-def]
        with job.running():
            job.finish(seconds=1.0, network_evaluations=2)
            yield "Finished"

    running = events()
    next(running)
    running.close()
    assert Job.open(job.folder).record.state == "finished"


def test_the_log_is_appended_during_runs_only(job: Job) -> None:
    logger = logging.getLogger("lucid_blender.backend.run")
    level = logging.getLogger("lucid_blender").level
    for word in ("first", "second"):
        with job.running():
            logger.info("the %s run, été", word)
    logger.warning("afterwards")
    lines = (job.folder / LOG).read_text(encoding="utf-8").splitlines()
    assert [line.partition(": ")[2] for line in lines] == ["the first run, été", "the second run, été"]
    assert datetime.fromisoformat(lines[0].split()[0]).utcoffset() == timedelta(0)
    assert logging.getLogger("lucid_blender").level == level


# ---------------------------------------------------------------- the lock

HOLD = """
import sys
from pathlib import Path
from lucid_blender.backend.job_files import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def hold(path: Path) -> subprocess.Popen[str]:
    root = str(Path(__file__).resolve().parents[2])
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


def test_two_processes_do_not_run_in_one_folder_and_a_dead_one_does_not_matter(job: Job) -> None:
    with hold(job.folder / LOCK) as other:
        with pytest.raises(JobError, match=f"process {other.pid} is at work") as caught, job.running():
            pass
        assert caught.value.advice
        assert Job.open(job.folder).record == job.record  # reading is allowed
        other.kill()
    with job.running():
        assert (job.folder / LOCK).read_text() == str(os.getpid())


def test_two_jobs_of_one_process_do_not_run_in_one_folder(job: Job) -> None:
    with job.running(), pytest.raises(JobError, match="at work"), Job.open(job.folder).running():
        pass
    with Job.open(job.folder).running():
        pass


def test_a_lock_file_left_by_a_dead_process_does_not_matter(job: Job) -> None:
    (job.folder / LOCK).write_text("1")
    with job.running():
        pass


# ---------------------------------------------------------------- checkpoints


def test_a_checkpoint_comes_back_bit_by_bit(job: Job) -> None:
    values = {"step": 400, "seconds": 0.1 + 0.2, "evaluations": 2**53 + 1, "names": ["a", None, True], "é": {"x": -0.0}}
    job.save_checkpoint(state(), values)
    loaded = Job.open(job.folder).load_checkpoint()
    assert loaded is not None
    assert same_bits(loaded[0], state())
    assert loaded[1] == values and json.dumps(loaded[1]) == json.dumps(values)


def test_a_restored_generator_continues_as_if_nothing_had_happened(job: Job) -> None:
    generator = torch.Generator().manual_seed(3)
    torch.randn(7, generator=generator)
    job.save_checkpoint({"generator": generator.get_state()}, {})
    wanted = torch.randn(5, generator=generator)
    loaded = job.load_checkpoint()
    assert loaded is not None
    again = torch.Generator()
    again.set_state(loaded[0]["generator"])
    assert torch.equal(torch.randn(5, generator=again), wanted)


def test_a_checkpoint_is_a_copy_also_of_tensors_that_share_memory(job: Job) -> None:
    whole = torch.arange(6.0)
    job.save_checkpoint({"whole": whole, "half": whole[3:]}, {})
    loaded = job.load_checkpoint()
    assert loaded is not None and torch.equal(loaded[0]["half"], whole[3:])


def test_a_job_that_has_not_come_far_has_no_checkpoint(job: Job) -> None:
    assert job.load_checkpoint() is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-1],
        lambda content: content[:100],
        lambda content: b"",
        lambda content: content[:-20] + bytes([content[-20] ^ 1]) + content[-19:],  # one bit of a tensor
        lambda content: content.replace(b"step", b"stop"),
        lambda content: b"\xff" * len(content),
    ],
)
def test_a_damaged_checkpoint_falls_back_to_the_one_before(
    job: Job, damage: Callable[[bytes], bytes], caplog: pytest.LogCaptureFixture
) -> None:
    job.save_checkpoint(state(1), {"step": 1})
    job.save_checkpoint(state(2), {"step": 2})
    path = job.folder / CHECKPOINT
    path.write_bytes(damage(path.read_bytes()))
    loaded = job.load_checkpoint()
    assert loaded is not None and loaded[1] == {"step": 1} and same_bits(loaded[0], state(1))
    assert "damaged" in caplog.text
    (job.folder / PREVIOUS).unlink()
    with pytest.raises(JobError, match="damaged"):
        job.load_checkpoint()


def test_values_that_are_not_json_are_refused(job: Job) -> None:
    with pytest.raises(InvalidInput, match="JSON"):
        job.save_checkpoint({}, {"loss": float("nan")})
    assert job.load_checkpoint() is None


def fail_with(number: int) -> Callable[..., None]:
    def fail(*arguments: object, **keywords: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_keeps_the_last_checkpoint_and_gives_advice(
    job: Job, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    job.save_checkpoint(state(1), {"step": 1})
    job.save_checkpoint(state(2), {"step": 2})
    files = sorted(path.name for path in job.folder.iterdir())
    with monkeypatch.context() as broken:
        broken.setattr(os, call, fail_with(errno.ENOSPC))
        with pytest.raises(JobError, match="cannot be written") as caught:
            job.save_checkpoint(state(3), {"step": 3})
        assert "disk is full" in caught.value.advice
    loaded = job.load_checkpoint()
    assert loaded is not None and loaded[1] == {"step": 2} and same_bits(loaded[0], state(2))
    assert sorted(path.name for path in job.folder.iterdir()) == files


def test_a_crash_between_the_two_renamings_leaves_the_last_checkpoint(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    job.save_checkpoint(state(1), {"step": 1})
    real, calls = os.replace, []

    def once(source: Path, target: Path) -> None:
        calls.append(target)
        if len(calls) > 1:
            raise OSError(errno.EIO, "gone")
        real(source, target)

    with monkeypatch.context() as broken:
        broken.setattr(os, "replace", once)
        with pytest.raises(JobError):
            job.save_checkpoint(state(2), {"step": 2})
    assert not (job.folder / CHECKPOINT).exists()
    loaded = job.load_checkpoint()
    assert loaded is not None and loaded[1] == {"step": 1}


def test_a_write_protected_folder_gives_advice(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "write_bytes", fail_with(errno.EROFS))
    with pytest.raises(JobError, match="cannot be written") as caught:
        job.update(seconds=1.0)
    assert "permissions" in caught.value.advice


def test_the_first_error_is_reported_when_the_record_cannot_be_written_either(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ModelError), job.running():
        monkeypatch.setattr(os, "fsync", fail_with(errno.ENOSPC))
        raise ModelError("the model is gone")


def test_half_written_files_of_a_killed_run_are_removed(job: Job) -> None:
    (job.folder / ".checkpoint.partial.safetensors").write_bytes(b"half")
    with job.running():
        pass
    assert not list(job.folder.glob(".*"))


# ---------------------------------------------------------------- artefacts


def test_an_artefact_is_written_whole_and_recorded_once(job: Job) -> None:
    suffixes = []

    def writer(path: Path) -> None:
        suffixes.append(path.suffix)
        path.write_text("splats")

    for _ in range(2):
        path = job.write_artefact("prop.ply", writer)
    assert path == job.folder / "prop.ply" and path.read_text() == "splats"
    assert suffixes == [".ply", ".ply"]
    assert Job.open(job.folder).record.artefacts == ("prop.ply",)


def test_an_artefact_whose_writer_breaks_leaves_the_old_one(job: Job) -> None:
    job.write_artefact("prop.ply", lambda path: path.write_text("old") and None)

    def writer(path: Path) -> None:
        path.write_text("half")
        raise ValueError("bug")

    with pytest.raises(ValueError, match="bug"):
        job.write_artefact("prop.ply", writer)
    assert (job.folder / "prop.ply").read_text() == "old"
    assert not list(job.folder.glob(".*"))


@pytest.mark.parametrize("name", ["", "..", "../prop.ply", "a/b.ply", ".hidden", RECORD, CHECKPOINT])
def test_an_artefact_stays_in_its_folder_and_off_the_jobs_own_files(job: Job, name: str) -> None:
    with pytest.raises(InvalidInput, match="called"):
        job.write_artefact(name, lambda path: None)
