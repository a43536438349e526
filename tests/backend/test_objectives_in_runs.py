"""Each objective in a whole run on a tiny random model: its cost, and going on from a checkpoint bit by bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lucid_blender.backend import cli, run
from lucid_blender.backend.diffusion import load
from lucid_blender.backend.job import Job
from lucid_blender.backend.run import generate, handle
from lucid_blender.core.errors import InvalidInput
from lucid_blender.core.messages import Finished, Generate, Notice, Progress
from lucid_blender.core.option_names import with_settings
from lucid_blender.core.options import (
    BUILTIN,
    Consistent3d,
    Csd,
    DiffusionModel,
    Generation,
    Ism,
    MultiStep,
    Nfsd,
    Objective,
    Regularisers,
    Sds,
    Vdm,
    Vsd,
)
from lucid_blender.core.presets import OBJECTIVES, objective, preset

from .test_run import ITERATIONS, result, tiny_generation

VARIANTS = {
    "consistent3d": Consistent3d(),
    "csd": Csd(),
    "ism with eta": Ism(eta=0.5, inversion_start="clean"),
    "multistep": MultiStep(delta_t=300),
    "nfsd": Nfsd(),
    "sds with fixed noise": Sds(noise="fixed"),
    "vdm": Vdm(),
    "vdm, linear with noise": Vdm(operator="linear", observation_noise=True),
    "vsd": Vsd(learning_rate=1e-2),
}


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
def test_a_closed_run_goes_on_to_the_result_of_an_uninterrupted_one(
    tiny_model: Path, tmp_path: Path, options: Objective
) -> None:
    generation = replace(tiny_generation(tiny_model, options), checkpoint_seconds=1000)
    whole = result(tmp_path / "whole", generation)
    events = handle(Generate(generation=generation, job_folder=str(tmp_path / "job")))
    for event in events:
        if isinstance(event, Progress) and event.step == 4:
            break
    events.close()  # type: ignore[attr-defined]
    torch.manual_seed(123)  # what torch's own generator holds must not matter
    *_, last = handle(Generate(generation=generation, job_folder=str(tmp_path / "job"), resume=True))
    assert isinstance(last, Finished)
    assert last.splats is not None
    assert whole.equals(last.splats)


@pytest.mark.parametrize(
    ("options", "evaluations"), [(Vdm(), 2), (Vsd(), 4), (Csd(), 3), (Sds(), 2)], ids=["vdm", "vsd", "csd", "sds"]
)
def test_a_run_counts_the_evaluations_of_each_view(
    tiny_model: Path, tmp_path: Path, options: Objective, evaluations: int
) -> None:
    generation = tiny_generation(tiny_model, options)
    job = Job.create(tmp_path / "job", generation)
    with job.running():
        *_, last = generate(job)
    assert isinstance(last, Finished)
    assert last.network_evaluations == evaluations * generation.views * ITERATIONS


def test_vdm_never_differentiates_the_frozen_network(tiny_model: Path, tmp_path: Path) -> None:
    model = load(DiffusionModel(source=str(tiny_model)))
    asked: list[bool] = []
    model._pipeline.unet.register_forward_hook(lambda module, given, answer: asked.append(answer.sample.requires_grad))
    job = Job.create(tmp_path / "job", tiny_generation(tiny_model, Vdm()))
    with job.running():
        list(generate(job, model))
    assert len(asked) == ITERATIONS
    assert not any(asked)


def test_runs_with_one_loaded_model_do_not_touch_each_other(tiny_model: Path, tmp_path: Path) -> None:
    model = load(DiffusionModel(source=str(tiny_model)))

    def splats(name: str, options: Objective) -> object:
        job = Job.create(tmp_path / name, replace(tiny_generation(tiny_model, options), iterations=3))
        with job.running():
            *_, last = generate(job, model)
        assert isinstance(last, Finished)
        return last.splats

    first, learning = splats("a", Sds()), splats("b", Vsd())
    assert splats("c", Sds()).equals(first)  # type: ignore[attr-defined]
    assert splats("d", Vsd()).equals(learning)  # type: ignore[attr-defined]


def test_geometry_comes_first_when_asked_for(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grey: list[bool] = []
    seen = run.what_the_network_sees

    def watched(state: run.State, images: torch.Tensor, disparities: torch.Tensor) -> tuple[torch.Tensor, bool]:
        shown, mirrored = seen(state, images, disparities)
        grey.append(torch.equal(shown, disparities.expand_as(shown)))
        return shown, mirrored

    monkeypatch.setattr(run, "what_the_network_sees", watched)
    regularisers = Regularisers(disparity_share=0, flip=0, disparity_iterations=4)
    result(tmp_path / "job", replace(tiny_generation(tiny_model), regularisers=regularisers))
    assert grey == [True] * 3 + [False] * (ITERATIONS - 3)  # iterations count from 1; the release compares with <


def test_a_missing_negative_prompt_is_a_notice_where_the_objective_needs_one(tiny_model: Path) -> None:
    generation = replace(tiny_generation(tiny_model, Nfsd()), negative_prompt=" ")
    assert [notice for notice in run.notices(generation) if "negative prompt" in notice.message]
    for other in (replace(generation, negative_prompt="ugly"), replace(generation, objective=Sds())):
        assert not [notice for notice in run.notices(other) if isinstance(notice, Notice)]


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("source", [BUILTIN, "owner/model"])
def test_every_objective_has_a_short_name_and_settings_that_the_command_line_reaches(name: str, source: str) -> None:
    chosen = objective(name, DiffusionModel(source=source))
    assert type(chosen).__name__.lower() == name
    generation = Generation(prompt="a hat", objective=chosen)
    changed = with_settings(generation, ["objective.guidance_scale=9", "objective.noise=fixed"])
    assert changed.objective == replace(chosen, guidance_scale=9, noise="fixed")
    published = type(chosen)()
    assert (chosen == published) == (source != BUILTIN)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_command_line_chooses_an_objective_by_its_short_name(name: str) -> None:
    arguments = cli._parser().parse_args(["generate", "a red mushroom", "--objective", name])
    assert cli._request(arguments).generation.objective == objective(name, DiffusionModel())


def test_the_published_objective_is_the_papers() -> None:
    assert preset("paper", "x", model=DiffusionModel(source="owner/model")).objective == Ism()


def test_an_unknown_objective_lists_the_known_ones() -> None:
    with pytest.raises(InvalidInput, match="vdm"):
        objective("vmd", DiffusionModel())


@pytest.mark.parametrize(
    "wrong",
    [
        {"widths": (16,)},
        {"learning_rate": 0.0},
        {"annealing_timestep": -1},
        {"guidance_scale": -1.0},
        {"noise_offset": -0.1},
    ],
    ids=str,
)
def test_settings_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(wrong))):
        Vdm(**wrong)  # type: ignore[arg-type]
