"""Every representation with every start, objective and control: it runs, or it is refused in words of ours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lucid_blender.backend import run
from lucid_blender.core.editing import InitialSplats
from lucid_blender.core.errors import LucidError
from lucid_blender.core.inputs import Inputs
from lucid_blender.core.messages import Finished, Generate
from lucid_blender.core.options import Control, DiffusionModel, Gaussians, Generation, HashGrid, Image, Nerf, ShapE
from lucid_blender.core.presets import INITIALISERS, OBJECTIVES, initialiser, objective, preset, with_representation
from lucid_blender.core.splats import SplatCloud

from .control.meshes import ball
from .tiny_models import save_tiny_controlnet

FIELD = Nerf(grid=HashGrid(levels=1, coarsest=4, finest=4), hidden=4, samples=8, splat_resolution=8)
REPRESENTATIONS = {"gaussians": Gaussians(densification=None), "image": Image(), "nerf": FIELD}
NEEDS_WEIGHTS = {"point-e", "shap-e"}  # which no test has


@pytest.fixture(scope="module")
def tiny_controlnet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_controlnet(tmp_path_factory.mktemp("control") / "net")


def settings(
    tiny_model: Path, controlnet: Path, representation: str, start: str, by: str, *, controlled: bool
) -> Generation:
    """As whoever asks would choose them, one after the other; what does not fit together is refused on the way."""
    model = DiffusionModel(source=str(tiny_model), allow_download=False)
    plain = replace(preset("draft", "a mug", model=model), resolution=32, views=1, iterations=2)
    plain = replace(plain, outputs=replace(plain.outputs, size=32), snapshot_seconds=1000, checkpoint_seconds=1000)
    if controlled:
        plain = replace(plain, controls=(Control(kind="depth", source=str(controlnet)),))
    plain = with_representation(plain, REPRESENTATIONS[representation])
    chosen = initialiser(start, plain)
    if isinstance(chosen, ShapE):
        chosen = replace(chosen, source=str(tiny_model))  # a folder that holds something else
    if hasattr(chosen, "count"):
        chosen = replace(chosen, count=50)
    return replace(plain, initialiser=chosen, objective=objective(by, model))


def inputs(start: str, *, controlled: bool) -> Inputs:
    cloud = SplatCloud.from_colors(
        positions=np.random.default_rng(0).normal(0, 0.2, (50, 3)),
        scales=np.full((50, 3), 0.05),
        rotations=np.tile([1.0, 0, 0, 0], (50, 1)),
        opacities=np.full(50, 0.5),
        colors=np.full((50, 3), 0.5),
    )
    mesh = ball(subdivisions=1)
    return Inputs(
        mesh=mesh if start == "mesh" else None,
        control_mesh=mesh if controlled else None,
        splats=InitialSplats.free(cloud) if start == "splats" else None,
    )


def combinations() -> Iterator[tuple[str, str, str, bool]]:
    """All starts with one objective, and all objectives from a sphere, each with a control and without."""
    for representation in REPRESENTATIONS:
        for controlled in (False, True):
            for start in INITIALISERS:
                yield representation, start, "sds", controlled
            for by in OBJECTIVES:
                yield representation, "sphere", by, controlled


def fits(representation: str, start: str, controlled: bool) -> bool:
    if representation == "gaussians":
        return start not in NEEDS_WEIGHTS
    return start == "sphere" and not (controlled and representation == "image")


@pytest.mark.parametrize(("representation", "start", "by", "controlled"), sorted(set(combinations())))
def test_a_combination_runs_or_is_refused_in_words(
    tiny_model: Path,
    tiny_controlnet: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    representation: str,
    start: str,
    by: str,
    controlled: bool,
) -> None:
    monkeypatch.setattr(run, "PICTURE_SIZE", 16)

    def end() -> object:
        generation = settings(tiny_model, tiny_controlnet, representation, start, by, controlled=controlled)
        given = inputs(start, controlled=controlled)
        *_, last = run.handle(Generate(generation=generation, job_folder=str(tmp_path / "job"), inputs=given))
        return last

    if fits(representation, start, controlled):
        last = end()
        assert isinstance(last, Finished) and last.network_evaluations >= 2
        assert (last.splats is None) == (representation == "image")
    else:
        with pytest.raises(LucidError) as caught:
            end()
        assert len(caught.value.message) > 20  # says something


@pytest.mark.parametrize("representation", REPRESENTATIONS)
@pytest.mark.parametrize("lacking", ["mesh", "splats", "control_mesh"])
def test_what_did_not_come_is_named(
    tiny_model: Path, tiny_controlnet: Path, tmp_path: Path, representation: str, lacking: str
) -> None:
    start, controlled = ("sphere", True) if lacking == "control_mesh" else (lacking, False)
    with pytest.raises(LucidError, match="mesh|splats|control|Sphere"):
        generation = settings(tiny_model, tiny_controlnet, representation, start, "sds", controlled=controlled)
        list(run.handle(Generate(generation=generation, job_folder=str(tmp_path / "job"))))
