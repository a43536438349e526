"""3D editing: a run that starts from splats, part of which must not change."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lucid_blender.backend import choices, cli
from lucid_blender.backend.job import Job
from lucid_blender.backend.rasterizers.torch_oracle import rasterize
from lucid_blender.backend.representations.gaussians import MOMENTS, GaussianSplats
from lucid_blender.backend.representations.kept import Kept
from lucid_blender.backend.run import handle
from lucid_blender.core.cameras import turntable
from lucid_blender.core.editing import InitialSplats
from lucid_blender.core.errors import InvalidInput
from lucid_blender.core.formats.ply import write_ply
from lucid_blender.core.inputs import Inputs
from lucid_blender.core.messages import Finished, Generate, Progress, Snapshot
from lucid_blender.core.options import Densification, FromSplats, Gaussians, Generation
from lucid_blender.core.splats import SplatCloud

from .test_run import ITERATIONS, tiny_generation

ARRAYS = ("positions", "scales", "rotations", "opacities", "sh")
# Grows, prunes and resets whatever it may, at every third step.
RESTLESS = Densification(
    start=0,
    every=3,
    stop=50,
    gradient_threshold=1e-9,
    min_opacity=0.008,  # below what opacities are reset to
    opacity_reset_every=3,
    max_world_size=0.02,
    max_splats=400,
)


def original(count: int = 120, *, degree: int = 0, factor: float = 1.0, shift: float = 0.0) -> SplatCloud:
    """Splats of many sizes and opacities, faint and opaque ones among them."""
    rng = np.random.default_rng(1)
    opacities = rng.uniform(0.05, 0.95, count)
    opacities[:4] = (0.0, 0.001, 0.999, 1.0)
    return SplatCloud(
        positions=factor * (rng.normal(size=(count, 3)) * 0.25 + shift),
        scales=factor * rng.uniform(0.02, 0.1, (count, 3)),
        rotations=rng.normal(size=(count, 4)),
        opacities=opacities,
        sh=rng.normal(size=(count, (degree + 1) ** 2, 3)) * 0.5,
    )


def half_frozen(cloud: SplatCloud) -> InitialSplats:
    """Every other splat stays."""
    return InitialSplats.free(cloud).with_frozen(np.arange(len(cloud)) % 2 == 0)


def model_of(initial: InitialSplats, densification: Densification | None = RESTLESS) -> GaussianSplats:
    kept = Kept.of(initial)
    options = Gaussians(densification=densification, sh_degree=initial.cloud.sh_degree)  # type: ignore[arg-type]
    return GaussianSplats(options, kept.start, extent=3.5, iterations=20, rasterize=rasterize, kept=kept)


def trained(model: GaussianSplats, iterations: int, start: int = 1) -> GaussianSplats:
    """Steps towards white pictures, with all augmentations."""
    for iteration in range(start, iterations + 1):
        generator = torch.Generator().manual_seed(iteration)
        rendered = model.render(turntable(2, radius=4, elevation=10, fov_y=0.5, size=24), torch.zeros(3), generator)
        (1 - rendered.color).square().sum().backward()
        model.step(iteration)
        model.after_step(iteration, generator)
    return model


def rows_that_are(cloud: SplatCloud, wanted: SplatCloud, rows: np.ndarray) -> int:
    """How many of the rows of ``wanted`` are in ``cloud``, bit by bit; harmonics that ``wanted`` lacks must be 0."""
    sh = np.zeros((len(wanted), cloud.sh.shape[1], 3), np.float32)
    sh[:, : wanted.sh.shape[1]] = wanted.sh
    have = set(row_bytes(cloud))
    asked = row_bytes(replace(wanted, sh=sh))
    return sum(asked[k] in have for k in rows)


def row_bytes(cloud: SplatCloud) -> list[bytes]:
    return [b"".join(getattr(cloud, name)[k].tobytes() for name in ARRAYS) for k in range(len(cloud))]


@pytest.mark.parametrize(("degree", "factor", "shift"), [(0, 1.0, 0.0), (3, 1.0, 0.0), (0, 37.0, 2.0)])
def test_frozen_splats_are_bit_identical_after_growing_pruning_and_resetting(
    degree: int, factor: float, shift: float
) -> None:
    cloud = original(degree=degree, factor=factor, shift=shift)
    initial = half_frozen(cloud)
    frozen = np.flatnonzero(initial.frozen)
    result = trained(model_of(initial), 8).snapshot()
    assert rows_that_are(result, cloud, frozen) == len(frozen)
    # The same steps change every one of them when they are free.
    free = trained(model_of(InitialSplats.free(cloud)), 8).snapshot()
    assert rows_that_are(free, cloud, frozen) == 0
    # And they change what is not frozen.
    assert rows_that_are(result, cloud, np.flatnonzero(initial.frozen == 0)) == 0


def test_what_is_rendered_of_frozen_splats_does_not_change_by_a_bit() -> None:
    start, model = model_of(half_frozen(original(degree=1))), trained(model_of(half_frozen(original(degree=1))), 8)
    for name, parameter in model.parameters.items():
        assert torch.equal(parameter[model._frozen], start.parameters[name][start._frozen])


def test_what_may_change_is_where_it_was_before_the_first_step() -> None:
    cloud = original(factor=37.0, shift=2.0)
    found = model_of(half_frozen(cloud)).snapshot()
    # Scaled and shifted there and back: float32 keeps 7 digits of coordinates of up to 100 m.
    np.testing.assert_allclose(found.positions, cloud.positions, atol=2e-5)
    np.testing.assert_allclose(found.scales, cloud.scales, rtol=2e-6)


def test_frozen_splats_do_not_multiply_and_children_of_the_others_stay_editable() -> None:
    initial = half_frozen(original())
    model = trained(model_of(initial), 3)  # one densification
    assert int(model._frozen.sum()) == initial.frozen.sum()
    assert len(model) > len(initial.frozen)
    before = model.parameters["means"].detach()[~model._frozen].clone()
    trained(model, 4, start=4)
    assert (model.parameters["means"].detach()[~model._frozen] != before).any(dim=1).all()


def test_the_moments_of_frozen_splats_stay_zero() -> None:
    model = trained(model_of(half_frozen(original())), 8)
    for parameter in model.parameters.values():
        for name in MOMENTS:
            moments = model.optimiser.state[parameter][name]
            assert not moments[model._frozen].any()
            assert not parameter.numel() or moments[~model._frozen].any()


def test_a_frozen_splat_is_rendered_and_hides_what_is_behind_it() -> None:
    cloud = SplatCloud.from_colors(
        positions=np.array([[0, -0.3, 0], [0, 0.3, 0]]),  # the first in front
        scales=np.full((2, 3), 0.2),
        rotations=np.tile([1, 0, 0, 0], (2, 1)),
        opacities=np.array([0.999, 0.999]),
        colors=np.array([[1, 0, 0], [0, 0, 1]]),
    )
    model = model_of(InitialSplats.free(cloud).with_frozen(np.array([True, False])))
    camera = turntable(1, radius=4, elevation=0, fov_y=0.5, size=33)
    red, _, blue = model.render(camera, torch.zeros(3)).color[0, 16, 16].tolist()
    assert red > 0.99 and blue < 0.01
    # Training's jitter of sizes is for what is trained.
    first, second = (
        model._augmented(model.parameters["log_scales"].exp(), torch.Generator().manual_seed(seed))[0]
        for seed in (1, 2)
    )
    assert torch.equal(first[0], second[0]) and not torch.equal(first[1], second[1])


def test_the_start_has_every_value_of_the_original() -> None:
    cloud = original(degree=2)
    kept = Kept.of(InitialSplats.free(cloud))
    assert kept.start.equals(cloud)
    generation = Generation(prompt="x", initialiser=FromSplats())
    diffusion: Any = None  # splats have nothing to do with the model
    model = choices.make_representation(generation, diffusion, torch.Generator(), inputs=Inputs(splats=kept.initial))
    found = model.snapshot()
    assert found is not None and found.sh_degree == 2  # although the options say 0
    assert np.array_equal(found.sh, cloud.sh) and np.array_equal(found.positions, cloud.positions)
    # Normalised again; logarithm and exponential; logit and sigmoid, in float32. Opacities keep 1e-6 from 0 and 1.
    np.testing.assert_allclose(found.rotations, cloud.rotations, atol=2e-7)
    np.testing.assert_allclose(found.scales, cloud.scales, rtol=1e-6)
    np.testing.assert_allclose(found.opacities, cloud.opacities, atol=2e-6)


def test_an_edit_goes_on_from_a_saved_state_bit_by_bit() -> None:
    initial = half_frozen(original())
    whole = trained(model_of(initial), 8)
    resumed = model_of(initial)
    resumed.load_state(trained(model_of(initial), 4).state())
    assert trained(resumed, 8, start=5).snapshot().equals(whole.snapshot())


# ---------------------------------------------------------------- whole runs


def tiny_edit(model: Path, **options: object) -> Generation:
    generation = tiny_generation(model)
    return replace(
        generation,
        initialiser=FromSplats(**options),  # type: ignore[arg-type]
        representation=replace(generation.representation, densification=RESTLESS),
    )


def test_a_run_edits_in_the_splats_own_coordinates_and_goes_on_bit_by_bit(tiny_model: Path, tmp_path: Path) -> None:
    cloud = original(factor=20.0, shift=1.0)
    initial, generation = half_frozen(cloud), tiny_edit(tiny_model)
    request = Generate(generation=generation, job_folder=str(tmp_path / "whole"), inputs=Inputs(splats=initial))
    *events, last = handle(request)
    assert isinstance(last, Finished) and last.splats is not None
    frozen = np.flatnonzero(initial.frozen)
    for shown in [*(event.splats for event in events if isinstance(event, Snapshot)), last.splats]:
        assert rows_that_are(shown, cloud, frozen) == len(frozen)

    cut = handle(replace(request, job_folder=str(tmp_path / "cut")))
    next(event for event in cut if isinstance(event, Progress) and event.step == ITERATIONS // 2)
    cut.close()  # type: ignore[attr-defined]
    *_, resumed = handle(Generate(generation=generation, job_folder=str(tmp_path / "cut"), resume=True))
    assert isinstance(resumed, Finished) and resumed.splats is not None
    assert resumed.splats.equals(last.splats)


def test_the_box_says_what_may_change_in_the_splats_own_coordinates(tiny_model: Path, tmp_path: Path) -> None:
    cloud = original(factor=20.0, shift=1.0)
    upper = cloud.positions[:, 2] > 20.0
    generation = tiny_edit(tiny_model, edit_box=(-99.0, -99.0, 20.0, 99.0, 99.0, 99.0))
    initial = InitialSplats.free(cloud)
    request = Generate(generation=generation, job_folder=str(tmp_path / "job"), inputs=Inputs(splats=initial))
    *_, last = handle(request)
    assert isinstance(last, Finished) and last.splats is not None
    assert 10 < upper.sum() < 110
    assert rows_that_are(last.splats, cloud, np.flatnonzero(~upper)) == (~upper).sum()
    assert rows_that_are(last.splats, cloud, np.flatnonzero(upper)) == 0


def test_an_edit_without_splats_is_refused_with_advice(tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="none were given") as caught:
        list(handle(Generate(generation=tiny_edit(tiny_model), job_folder=str(tmp_path / "job"))))
    assert caught.value.advice


def test_the_job_keeps_the_splats_and_what_is_frozen(tmp_path: Path) -> None:
    initial = half_frozen(original(degree=1))
    generation = Generation(prompt="x", initialiser=FromSplats())
    Job.create(tmp_path / "job", generation, inputs=Inputs(splats=initial))
    found = Job.open(tmp_path / "job").inputs.splats
    assert found is not None and found.cloud.equals(initial.cloud)
    assert np.array_equal(found.frozen, initial.frozen)


# ---------------------------------------------------------------- command line


def request_of(*arguments: str) -> Generate:
    return cli._request(cli._parser().parse_args(["generate", "a blue mushroom", "--preset", "draft", *arguments]))


def test_a_file_of_splats_is_edited_with_the_settings_for_that(tmp_path: Path) -> None:
    cloud = original()
    write_ply(tmp_path / "prop.ply", cloud)
    made = request_of("--initial-splats", str(tmp_path / "prop.ply"))
    assert made.inputs.splats is not None and not made.inputs.splats.frozen.any()
    assert np.array_equal(made.inputs.splats.cloud.positions, cloud.positions)
    assert made.generation.initialiser == FromSplats()
    assert made.generation.iterations == 300  # the draft's
    longer = request_of("--initial-splats", str(tmp_path / "prop.ply"), "--iterations", "200")
    assert longer.generation.iterations == 200


def test_a_box_on_the_command_line(tmp_path: Path) -> None:
    write_ply(tmp_path / "prop.ply", original())
    corners = ["-1", "-1", "0", "1", "1", "1"]
    made = request_of("--initial-splats", str(tmp_path / "prop.ply"), "--edit-box", *corners)
    assert made.generation.initialiser == FromSplats(edit_box=(-1, -1, 0, 1, 1, 1))
    with pytest.raises(InvalidInput, match="--edit-box"):
        request_of("--edit-box", *corners)
