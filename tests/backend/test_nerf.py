"""The field: gradients, what it skips, its splats and its mesh, going on from a checkpoint."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lucid_blender.backend import run
from lucid_blender.backend.rasterizers import numba_cpu
from lucid_blender.backend.representations.nerf import NerfField
from lucid_blender.backend.run import handle
from lucid_blender.core.cameras import Camera, turntable
from lucid_blender.core.errors import InvalidInput, LucidError
from lucid_blender.core.messages import Finished, Generate, Progress
from lucid_blender.core.options import (
    ConeBlob,
    DiffusionModel,
    GaussianBlob,
    HashGrid,
    Meshing,
    Nerf,
    NerfRates,
    Occupancy,
    Regularisers,
)
from lucid_blender.core.presets import preset

TINY = Nerf(
    grid=HashGrid(levels=2, features=2, coarsest=2, finest=4, table_size=64),  # one level of 27 vertices, one hashed
    hidden=4,
    samples=12,
    occupancy=Occupancy(resolution=8, every=2),
    sparsity=0.1,
    entropy=0.1,
    splat_resolution=32,
)
CPU = torch.device("cpu")


def field(options: Nerf = TINY, seed: int = 0) -> NerfField:
    return NerfField(options, torch.Generator().manual_seed(seed), iterations=10, device=CPU)


def bare(options: Nerf) -> NerfField:
    """Nothing learned: the density is the blob's alone, the colour grey."""
    made = field(options)
    made.parameters["output"].data.zero_()
    return made


def cameras(size: int, count: int = 2) -> list[Camera]:
    return turntable(count, radius=3.8, elevation=15, fov_y=0.55, size=size)


@pytest.mark.parametrize("blob", [ConeBlob(density=3.0), GaussianBlob(density=2.0)])
def test_the_gradient_of_a_render_is_that_of_finite_differences(blob: ConeBlob | GaussianBlob) -> None:
    made = field(replace(TINY, blob=blob))
    generator = torch.Generator().manual_seed(1)
    made._set_parameters(
        {name: torch.randn(value.shape, generator=generator).double() for name, value in made.parameters.items()}
    )
    weights = torch.randn(2, 4, 4, 5, generator=generator).double()

    def loss() -> torch.Tensor:
        seen = made.render(cameras(4), torch.full((3,), 0.3).double(), torch.Generator().manual_seed(2))
        everything = torch.cat([seen.color, seen.alpha[..., None], seen.depth[..., None]], -1)
        return (everything * weights).sum() + made.regularisation(Regularisers())

    loss().backward()
    for name, parameter in made.parameters.items():
        direction = torch.randn(parameter.shape, generator=generator).double()
        predicted = float((parameter.grad * direction).sum())
        start, step = parameter.detach().clone(), 1e-6
        with torch.no_grad():
            sides = []
            for sign in (1, -1):
                parameter.copy_(start + sign * step * direction)
                sides.append(float(loss()))
            parameter.copy_(start)
        # Central differences: error of the step's square, and rounding of 1e-16 / 1e-6.
        assert predicted == pytest.approx((sides[0] - sides[1]) / (2 * step), rel=1e-6), name
        assert abs(predicted) > 1e-3, name


def test_cells_held_for_empty_are_left_out_and_nothing_of_the_picture_with_them() -> None:
    careful = bare(replace(TINY, samples=64, occupancy=Occupancy(resolution=16, threshold=1e-9)))
    quick = bare(replace(TINY, samples=64, occupancy=Occupancy(resolution=16)))
    points = torch.tensor([[0.0, 0, 0], [0.95, 0, 0]])
    assert quick._is_occupied(points).tolist() == [True, False]
    with torch.no_grad():
        full, less = (made.render(cameras(16), torch.ones(3)).alpha for made in (careful, quick))
    # A ray may pass several cells that take less than 0.01 from it each.
    assert (full - less).abs().max() < 0.02 and full.max() > 0.9
    quick.occupancy.zero_()
    with torch.no_grad():
        assert quick.render(cameras(16), torch.ones(3)).alpha.max() == 0


def test_a_picture_in_parts_is_the_picture_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made = field()
    at_once = made.render(cameras(8), torch.ones(3)).color
    monkeypatch.setattr("lucid_blender.backend.representations.nerf.RAYS_AT_ONCE", 37)
    with torch.no_grad():
        assert torch.allclose(made.render(cameras(8), torch.ones(3)).color, at_once.detach(), atol=1e-6)  # float32


def test_alphas_of_one_half_cost_a_bit_and_sparsity_is_that_of_dreamfusion() -> None:
    made = field()
    made._alpha = torch.tensor([0.5, 0.5])
    assert float(made.regularisation(Regularisers())) == pytest.approx(0.1 * math.sqrt(0.26) + 0.1 * 1.0, rel=1e-6)


# ---------------------------------------------------------------- what comes of it

SHARP = replace(TINY, blob=ConeBlob(density=400.0, radius=0.5), surface_density=20.0)


def radius_of_density(level: float) -> float:
    """Where softplus(400 (1 - r / 0.5)) is ``level``."""
    return 0.5 * (1 - math.log(math.expm1(level)) / 400)


def test_the_mesh_of_a_spherical_density_has_its_radius() -> None:
    mesh = bare(SHARP).mesh(Meshing(resolution=64, triangles=100_000))
    radii = np.linalg.norm(mesh.vertices, axis=1)
    # A sample is 32 mm; the density is nearly linear between two, and smoothing keeps the volume.
    assert radii.mean() == pytest.approx(radius_of_density(20.0), abs=0.004)
    assert radii.std() < 0.004
    assert np.allclose(mesh.colors, 0.5)


def test_the_mesh_of_the_other_blob_has_its_radius() -> None:
    options = replace(TINY, blob=GaussianBlob(density=5.0, deviation=0.3), surface_density=20.0)
    mesh = bare(options).mesh(Meshing(resolution=64, triangles=100_000))
    wanted = 0.3 * math.sqrt(-2 * math.log(math.log(20.0) / 5))  # exp(5 exp(-r^2 / 0.18)) = 20
    assert np.linalg.norm(mesh.vertices, axis=1).mean() == pytest.approx(wanted, abs=0.004)


def test_the_splats_of_a_spherical_density_lie_on_its_surface_and_hide_the_inside() -> None:
    cloud = bare(SHARP).snapshot()
    radii = np.linalg.norm(cloud.positions, axis=1)
    width = 2 / 32
    assert radii.max() == pytest.approx(0.5, abs=width)
    assert radii.min() > 0.5 - 3 * width
    assert np.allclose(cloud.base_colors, 0.5, atol=1e-6)


@pytest.mark.parametrize("blob", [ConeBlob(density=400.0), ConeBlob(density=10.0)])
def test_splats_look_like_the_field_that_they_show(blob: ConeBlob) -> None:
    made = bare(replace(TINY, blob=blob, samples=128, splat_resolution=48))
    cloud, views, black = made.snapshot(), cameras(128, 1), torch.zeros(3)
    with torch.no_grad():
        wanted = made.render(views, black)
        found = numba_cpu.rasterize(
            torch.from_numpy(cloud.positions),
            torch.from_numpy(cloud.rotations),
            torch.from_numpy(cloud.scales),
            torch.from_numpy(cloud.opacities),
            torch.from_numpy(cloud.base_colors),
            cameras=views,
            background=black,
        )
    # The rim of a hard ball is soft by half a cell, which is 1.3 of these pixels; 0.0104 and 0.0110 were measured.
    assert (found.alpha - wanted.alpha).abs().mean() < 0.014
    assert (found.alpha - wanted.alpha).abs()[:, 58:70, 58:70].max() < 0.05


def test_a_field_without_density_says_so() -> None:
    empty = bare(replace(TINY, blob=ConeBlob(radius=1e-3)))
    with pytest.raises(LucidError, match="nothing is left"):
        empty.snapshot()
    with pytest.raises(InvalidInput, match="density reaches 0 at most"):
        empty.mesh(Meshing(resolution=16))


# ---------------------------------------------------------------- learning


def trained(made: NerfField, first: int, last: int, generator: torch.Generator) -> None:
    for iteration in range(first, last + 1):
        seen = made.render(cameras(8), torch.ones(3), generator)
        ((seen.color - 0.2).square().sum() + made.regularisation(Regularisers())).backward()
        made.step(iteration)
        made.after_step(iteration, generator)


def test_a_field_goes_on_from_its_state_bit_by_bit() -> None:
    generator = torch.Generator().manual_seed(3)
    whole = field()
    trained(whole, 1, 3, generator)
    state, drawn = whole.state(), generator.get_state()
    trained(whole, 4, 7, generator)
    other = field(seed=9)
    other.load_state(state)
    again = torch.Generator()
    again.set_state(drawn)
    trained(other, 4, 7, again)
    for name, value in whole.state().items():
        assert torch.equal(value, other.state()[name]), name
    assert not torch.equal(state["tables"], whole.state()["tables"])


def test_a_field_learns_a_colour() -> None:
    options = replace(TINY, sparsity=0, entropy=0, learning_rates=NerfRates(tables=(0.1, 0.1), network=(0.1, 0.1)))
    made = field(options)
    generator = torch.Generator().manual_seed(0)
    target = torch.tensor([0.9, 0.2, 0.1])
    for iteration in range(1, 11):
        seen = made.render(cameras(8), target, generator)
        (seen.color - target).square().sum().backward()
        made.step(iteration)
    with torch.no_grad():
        before = field(options).render(cameras(8), target)
        after = made.render(cameras(8), target)
    assert (after.color - target).abs().mean() < 0.5 * (before.color - target).abs().mean()


def test_a_stopped_run_ends_with_the_splats_of_an_uninterrupted_one(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "PICTURE_SIZE", 32)
    settings = replace(
        preset("draft", "a hat", model=DiffusionModel(source=str(tiny_model))),
        representation=TINY,
        iterations=5,
        resolution=32,
        views=2,
        checkpoint_seconds=1000,
    )

    def ends(folder: str, *, resume: bool = False) -> Finished:
        *_, last = handle(Generate(generation=settings, job_folder=str(tmp_path / folder), resume=resume))
        assert isinstance(last, Finished)
        return last

    whole = ends("whole").splats
    events = handle(Generate(generation=settings, job_folder=str(tmp_path / "job")))
    for event in events:
        if isinstance(event, Progress) and event.step == 3:
            break
    events.close()  # type: ignore[attr-defined]
    resumed = ends("job", resume=True)
    assert whole is not None and resumed.splats is not None and whole.equals(resumed.splats)
    assert resumed.artefacts == ("prop.ply", "turntable.png")


@pytest.mark.gpu
def test_a_field_on_a_graphics_card_renders_as_on_the_cpu() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    here = field()
    there = NerfField(TINY, torch.Generator().manual_seed(0), iterations=10, device=torch.device("cuda"))
    generator = torch.Generator().manual_seed(0)
    views = cameras(8)
    wanted = here.render(views, torch.ones(3), torch.Generator().manual_seed(4))
    found = there.render(views, torch.ones(3), torch.Generator().manual_seed(4))
    assert torch.allclose(found.color.cpu(), wanted.color, atol=1e-4)  # float32, another order of sums
    trained(there, 1, 3, generator)
    state = there.state()
    there.load_state({name: value.cpu() for name, value in state.items()})
    trained(there, 4, 4, generator)
    assert len(there.snapshot()) > 0 and len(there.mesh(Meshing(resolution=32)).triangles) > 0
