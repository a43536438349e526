"""The whole method on a tiny random model: events, determinism, resuming, artefacts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from torch import Tensor

from lucid_blender.backend import choices, run
from lucid_blender.backend.job import Job
from lucid_blender.backend.objectives.guidance import Distilled
from lucid_blender.backend.pace import Pace
from lucid_blender.backend.run import PICTURE_BACKGROUND, PREVIEW_SIZE, generate, handle
from lucid_blender.core.errors import InvalidInput
from lucid_blender.core.formats.ply import read_ply
from lucid_blender.core.jobs import PREVIEW_FILE
from lucid_blender.core.messages import (
    ExtractMesh,
    Finished,
    Generate,
    Machinery,
    Notice,
    Progress,
    Snapshot,
    StopAndKeep,
)
from lucid_blender.core.options import (
    Densification,
    DiffusionModel,
    Gaussians,
    Generation,
    Ism,
    Objective,
    Sds,
    Sphere,
)
from lucid_blender.core.splats import SplatCloud

ITERATIONS = 8


def tiny_generation(model: Path, objective: Objective | None = None) -> Generation:
    """Everything switched on, in a few steps of tiny pictures."""
    return Generation(
        prompt="a hat",
        negative_prompt="ugly",
        seed=3,
        iterations=ITERATIONS,
        views=2,
        resolution=32,
        model=DiffusionModel(source=str(model)),
        objective=objective or Ism(),
        initialiser=Sphere(count=150),
        representation=Gaussians(
            sh_degree=1, densification=Densification(start=1, every=3, gradient_threshold=1e-7, opacity_reset_every=5)
        ),
        snapshot_seconds=0,
        checkpoint_seconds=0,
    )


def result(folder: Path, generation: Generation) -> SplatCloud:
    job = Job.create(folder, generation)
    with job.running():
        *_, last = generate(job)
    assert isinstance(last, Finished)
    assert last.splats is not None
    return last.splats


@pytest.fixture(scope="module")
def whole(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> SplatCloud:
    """What an uninterrupted run ends with."""
    return result(tmp_path_factory.mktemp("whole") / "job", tiny_generation(tiny_model))


@pytest.mark.parametrize("objective", [Ism(), Sds()])
def test_a_run_reports_every_step_and_leaves_its_artefacts(
    tiny_model: Path, tmp_path: Path, objective: Objective
) -> None:
    request = Generate(generation=tiny_generation(tiny_model, objective), job_folder=str(tmp_path / "job"))
    events = list(handle(request))
    steps = [event.step for event in events if isinstance(event, Progress) and event.stage == "Distilling"]
    assert steps == list(range(1, ITERATIONS + 1))
    assert any(isinstance(event, Snapshot) for event in events)
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert finished.splats is not None
    assert finished.network_evaluations > 0
    assert read_ply(tmp_path / "job" / "prop.ply").positions.shape == finished.splats.positions.shape
    assert {"prop.ply", "turntable.png"} <= set(finished.artefacts)
    assert all((tmp_path / "job" / name).is_file() for name in finished.artefacts)


def test_the_run_changes_the_splats(tiny_model: Path, tmp_path: Path, whole: SplatCloud) -> None:
    one = result(tmp_path / "one", replace(tiny_generation(tiny_model), iterations=1))
    assert len(whole) != len(one)


def test_the_same_seed_gives_the_same_splats_bit_by_bit(tiny_model: Path, tmp_path: Path, whole: SplatCloud) -> None:
    assert whole.equals(result(tmp_path / "again", tiny_generation(tiny_model)))
    assert not whole.equals(result(tmp_path / "other", replace(tiny_generation(tiny_model), seed=4)))


@pytest.mark.parametrize("stop", [1, 4, 7])
def test_a_closed_run_goes_on_to_the_result_of_an_uninterrupted_one(
    tiny_model: Path, tmp_path: Path, whole: SplatCloud, stop: int
) -> None:
    generation = replace(tiny_generation(tiny_model), checkpoint_seconds=1000)
    events = handle(Generate(generation=generation, job_folder=str(tmp_path / "job")))
    for event in events:
        if isinstance(event, Progress) and event.step == stop:
            break
    events.close()  # type: ignore[attr-defined]
    assert Job.open(tmp_path / "job").record.state == "cancelled"
    *_, last = handle(Generate(generation=generation, job_folder=str(tmp_path / "job"), resume=True))
    assert isinstance(last, Finished)
    assert last.splats is not None
    assert whole.equals(last.splats)


@pytest.mark.parametrize("stop", [1, 4])
def test_a_run_told_to_stop_and_keep_delivers_what_it_has_and_can_still_be_resumed(
    tiny_model: Path, tmp_path: Path, whole: SplatCloud, stop: int
) -> None:
    request = Generate(generation=tiny_generation(tiny_model), job_folder=str(tmp_path / "job"))
    events = handle(request)
    while True:
        event = next(events)
        if isinstance(event, Progress) and event.step == stop:
            break
    rest = [events.send(StopAndKeep()), *events]
    assert isinstance(rest[-1], Finished)
    assert rest[-1].splats is not None
    assert not any(isinstance(event, Progress) and event.step > stop for event in rest)
    assert {"prop.ply", "turntable.png"} <= set(rest[-1].artefacts)
    record = Job.open(tmp_path / "job").record
    assert (record.state, record.stopped_at) == ("finished", stop)
    *_, last = handle(replace(request, resume=True))
    assert isinstance(last, Finished)
    assert last.splats is not None
    assert whole.equals(last.splats)
    assert Job.open(tmp_path / "job").record.stopped_at == 0


def test_progress_carries_the_norm_of_the_gradient_at_the_latents(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    norms = []
    before = run.distil

    def distil(state: run.State) -> Distilled:
        distilled = before(state)
        norms.append(float((distilled.gradient**2).sum().sqrt()))
        return distilled

    monkeypatch.setattr(run, "distil", distil)
    request = Generate(generation=tiny_generation(tiny_model, Sds()), job_folder=str(tmp_path / "job"))
    told = [e.gradient_norm for e in handle(request) if isinstance(e, Progress) and e.stage == "Distilling"]
    assert told == pytest.approx(norms, rel=1e-5)  # the same sum in another order, in float32
    assert min(told) > 0


def test_a_snapshot_has_what_the_network_saw_last(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    before = run.what_the_network_sees

    def note(*given: Any) -> tuple[Tensor, bool]:
        pictures, mirrored = before(*given)
        seen.append((255 * pictures[0].detach().clamp(0, 1)).round().permute(1, 2, 0).numpy())
        return pictures, mirrored

    monkeypatch.setattr(run, "what_the_network_sees", note)
    for event in handle(Generate(generation=tiny_generation(tiny_model, Sds()), job_folder=str(tmp_path / "job"))):
        if isinstance(event, Snapshot):
            assert event.seen is not None
            assert event.seen.pixels.shape == (32, 32, 3)
            assert np.abs(event.seen.pixels - seen[-1]).max() <= 1  # two ways of rounding
    assert len(seen) == ITERATIONS


def test_what_the_network_sees_is_made_small(tiny_model: Path, tmp_path: Path) -> None:
    generation = replace(tiny_generation(tiny_model, Sds()), resolution=2 * run.SEEN_SIZE, iterations=1, views=1)
    events = handle(Generate(generation=generation, job_folder=str(tmp_path / "job")))
    (snapshot,) = (event for event in events if isinstance(event, Snapshot))
    assert snapshot.seen is not None and snapshot.seen.pixels.shape == (run.SEEN_SIZE, run.SEEN_SIZE, 3)


def test_a_gradient_that_is_no_number_is_not_told() -> None:
    pace = Pace(Generation(prompt="a hat"))
    assert pace.progress(1, 5, 2.5).gradient_norm == 2.5
    assert pace.progress(2, 5, float("nan")).gradient_norm == pace.progress(3, 5, float("inf")).gradient_norm == -1


def test_a_checkpoint_has_a_picture_of_the_prop_from_the_front(tiny_model: Path, tmp_path: Path) -> None:
    job = Job.create(tmp_path, tiny_generation(tiny_model))
    events = generate(job)
    while not isinstance(next(events), Snapshot):  # the first step is over
        pass
    events.close()  # type: ignore[attr-defined]
    with Image.open(tmp_path / PREVIEW_FILE) as picture:
        seen = np.asarray(picture.convert("RGB"))
    assert seen.shape == (PREVIEW_SIZE, PREVIEW_SIZE, 3)
    corner, middle = seen[:8, :8], seen[PREVIEW_SIZE // 2, PREVIEW_SIZE // 2]
    assert (corner == round(255 * PICTURE_BACKGROUND)).all() and not (middle == corner[0, 0]).all()
    assert PREVIEW_FILE not in job.record.artefacts


def test_a_run_that_died_goes_on_from_its_last_checkpoint(tiny_model: Path, tmp_path: Path, whole: SplatCloud) -> None:
    job = Job.create(tmp_path / "job", tiny_generation(tiny_model))
    iterator = generate(job)  # never closed by hand: as if the process had been killed
    for event in iterator:
        if isinstance(event, Progress) and event.step == 5:
            break
    resumed = Job.open(tmp_path / "job")
    checkpoint = resumed.load_checkpoint()
    assert checkpoint is not None
    assert checkpoint[1]["iteration"] == 4
    with resumed.running():
        *_, last = generate(resumed)
    assert isinstance(last, Finished)
    assert last.splats is not None
    assert whole.equals(last.splats)


def test_what_made_the_first_splats_is_not_asked_again_when_a_run_goes_on(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generation = tiny_generation(tiny_model)
    iterator = handle(Generate(generation=generation, job_folder=str(tmp_path / "job")))
    next(event for event in iterator if isinstance(event, Progress) and event.step == 2)
    iterator.close()  # type: ignore[attr-defined]
    monkeypatch.setattr(choices, "make_initial_cloud", lambda *_: pytest.fail("the start was made again"))
    *_, last = handle(Generate(generation=generation, job_folder=str(tmp_path / "job"), resume=True))
    assert isinstance(last, Finished)


def test_a_finished_job_resumes_to_its_end_at_once(tiny_model: Path, tmp_path: Path) -> None:
    generation = tiny_generation(tiny_model)
    whole = result(tmp_path / "job", generation)
    events = list(handle(Generate(generation=generation, job_folder=str(tmp_path / "job"), resume=True)))
    assert not any(isinstance(event, Progress) and event.stage == "Distilling" for event in events)
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert finished.splats is not None
    assert whole.equals(finished.splats)


def test_a_mesh_is_drawn_around_given_splats(whole: SplatCloud) -> None:
    solid = SplatCloud(
        positions=whole.positions,
        scales=whole.scales * 0 + 0.1,
        rotations=whole.rotations,
        opacities=whole.opacities * 0 + 0.9,
        sh=whole.sh,
    )
    finished = list(handle(ExtractMesh(splats=solid)))[-1]
    assert isinstance(finished, Finished)
    assert finished.mesh is not None
    assert len(finished.mesh.triangles) > 100


def test_a_mesh_initialiser_without_a_mesh_says_so(tiny_model: Path, tmp_path: Path) -> None:
    from lucid_blender.core.options import MeshSurface

    generation = replace(tiny_generation(tiny_model), initialiser=MeshSurface())
    with pytest.raises(InvalidInput, match="no mesh was given"):
        list(handle(Generate(generation=generation, job_folder=str(tmp_path / "job"))))


def test_the_built_in_model_names_what_it_knows_when_a_prompt_is_foreign(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        list(handle(Generate(generation=Generation(prompt="a green dragon"), job_folder=str(tmp_path / "job"))))
    assert "mushroom" in caught.value.advice


def test_a_run_says_once_what_it_computes_with(tiny_model: Path, tmp_path: Path) -> None:
    request = Generate(generation=tiny_generation(tiny_model), job_folder=str(tmp_path / "job"))
    (machinery,) = (event for event in handle(request) if isinstance(event, Machinery))
    assert machinery.network == "cpu, float32"
    assert machinery.rasterizer.startswith("numba_cpu: on")


def test_an_unknown_word_beside_a_known_prop_is_a_notice(tmp_path: Path) -> None:
    generation = Generation(prompt="a glittering red mushroom")
    for event in handle(Generate(generation=generation, job_folder=str(tmp_path / "job"))):
        if isinstance(event, Notice):
            assert "glittering" in event.message
            return
    pytest.fail("no notice came")
