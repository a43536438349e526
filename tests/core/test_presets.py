"""What named settings hold themselves to."""

from __future__ import annotations

from lucid_blender.core.options import DiffusionModel, Ism
from lucid_blender.core.presets import objective, preset

STABLE_DIFFUSION = DiffusionModel(source="owner/model")


def test_the_paper_preset_has_the_published_interval_with_its_annealing() -> None:
    paper = preset("paper", "a hat", model=STABLE_DIFFUSION)
    assert isinstance(paper.objective, Ism)
    # The release's configurations: delta_t 50 at the end of a warm-up of 1500 iterations of 5000, delta_t_start 100.
    assert (paper.objective.delta_t, paper.objective.delta_t_start, paper.objective.delta_s) == (50, 100, 200)
    assert (paper.timesteps.warmup_iterations, paper.iterations) == (1500, 5000)
    assert objective("ism", STABLE_DIFFUSION) == paper.objective


def test_the_builtin_model_has_an_interval_of_its_own() -> None:
    suited = objective("ism", DiffusionModel())
    assert isinstance(suited, Ism) and (suited.delta_t, suited.delta_t_start) == (200, None)
