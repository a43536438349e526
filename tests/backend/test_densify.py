"""Clone, split, prune and reset against vectors recorded from the released LucidDreamer code."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lucid_blender.backend.rasterizers.torch_oracle import rasterize
from lucid_blender.backend.representations import densify
from lucid_blender.backend.representations.gaussians import GaussianSplats
from lucid_blender.core.cameras import turntable
from lucid_blender.core.options import Densification, Gaussians
from lucid_blender.core.splats import SplatCloud

from .test_objectives import load, tensor


def recorded_splats(case: dict[str, np.ndarray], **options: object) -> GaussianSplats:
    """A model whose raw parameters and statistics are the vector's."""
    count = len(case["in_xyz"])
    cloud = SplatCloud.from_colors(
        positions=case["in_xyz"],
        scales=np.exp(case["in_log_scale"]),
        rotations=case["in_rotation"],
        opacities=np.full(count, 0.5, np.float32),
        colors=np.full((count, 3), 0.5, np.float32),
    )
    model = GaussianSplats(
        Gaussians(densification=Densification(**options)),  # type: ignore[arg-type]
        cloud,
        extent=3.5,
        iterations=100,
        rasterize=rasterize,
    )
    with torch.no_grad():
        model.parameters["quats"].copy_(tensor(case["in_rotation"]))
        model.parameters["log_scales"].copy_(tensor(case["in_log_scale"]))
        model.parameters["opacity_logits"].copy_(tensor(case["in_opacity_logit"])[:, 0])
    return model


@pytest.mark.parametrize("name", ["d0", "d1"])
def test_densification_makes_the_released_splats(name: str) -> None:
    data = load("g8_densify")
    case = {key.removeprefix(f"{name}_"): value for key, value in data.items() if key.startswith(f"{name}_")}
    model, options, extent = recorded_splats(case), Densification(), float(data["extent"])
    sizes = model.parameters["log_scales"].detach().exp().amax(1)
    opacities = torch.sigmoid(model.parameters["opacity_logits"].detach())
    gradients = tensor(case["in_grad_accum"])[:, 0] / tensor(case["in_denom"])[:, 0].clamp(min=1)
    selection = densify.select(gradients, sizes, options, extent)
    assert np.array_equal(selection.clone, case["clone_mask"])
    assert np.array_equal(selection.split, case["split_mask"])
    plan = densify.plan(selection, sizes, opacities, options, extent, prune_large=bool(case["use_screen_size"]))
    assert np.array_equal(plan.parents, case["out_parent_id"])
    parents = tensor(case["split_mask"]).nonzero()[:, 0].repeat(2)
    normals = tensor(case["split_samples"]) / tensor(case["in_log_scale"]).exp()[parents]
    model._replace(plan, normals)
    for found, wanted in (
        ("means", "out_xyz"),
        ("log_scales", "out_log_scale"),
        ("quats", "out_rotation"),
        ("opacity_logits", "out_opacity_logit"),
    ):
        array = model.parameters[found].detach().numpy()
        np.testing.assert_allclose(array, case[wanted].reshape(array.shape), atol=1e-5)
    assert not model._gradients.any()


def test_opacities_are_reset_as_released() -> None:
    data = load("g8_densify")
    found = densify.reset_opacity(tensor(data["reset_in_logit"]))
    np.testing.assert_allclose(found, data["reset_out_logit"], atol=1e-5)


def test_it_happens_at_the_released_iterations() -> None:
    data, options = load("g8_densify"), Densification()
    iterations = range(1, 5001)
    found = [n for n in iterations if densify.densifies_at(options, n)]
    assert found == list(data["when0_densify_iter"])
    large = [n for n in found if densify.prunes_large_at(options, n)]
    assert large == list(data["when0_densify_iter"][data["when0_densify_screen_size"] == 20])
    assert [n for n in iterations if densify.resets_at(options, n)] == list(data["when0_opacity_reset_iter"])


def ball(count: int = 200) -> SplatCloud:
    rng = np.random.default_rng(0)
    return SplatCloud.from_colors(
        positions=rng.normal(size=(count, 3)) * 0.2,
        scales=np.full((count, 3), 0.05),
        rotations=rng.normal(size=(count, 4)),
        opacities=np.full(count, 0.3),
        colors=rng.uniform(size=(count, 3)),
    )


def trained(iterations: int, state: dict[str, torch.Tensor] | None = None, start: int = 1) -> GaussianSplats:
    """A few steps towards white pictures, with densification on the way."""
    options = Gaussians(densification=Densification(start=1, every=3, stop=50, gradient_threshold=1e-9))
    model = GaussianSplats(options, ball(), extent=3.5, iterations=20, rasterize=rasterize)
    if state is not None:
        model.load_state(state)
    for iteration in range(start, iterations + 1):
        generator = torch.Generator().manual_seed(iteration)
        rendered = model.render(turntable(2, radius=4, elevation=10, fov_y=0.5, size=24), torch.zeros(3), generator)
        (1 - rendered.color).square().sum().backward()
        model.step(iteration)
        model.after_step(iteration, generator)
    return model


def test_densification_adds_splats_and_respects_the_limit() -> None:
    assert len(trained(3)) > 200
    selection = densify.select(torch.tensor([1.0, 3.0, 2.0]), torch.ones(3), Densification(max_splats=4), extent=3.5)
    assert selection.split.tolist() == [False, True, False]


def test_a_run_from_a_saved_state_goes_on_bit_by_bit() -> None:
    whole, resumed = trained(8), trained(8, trained(4).state(), start=5)
    assert whole.snapshot().equals(resumed.snapshot())


def test_higher_harmonics_depend_on_the_view() -> None:
    cloud = ball(50)
    sh = np.zeros((50, 16, 3), np.float32)
    sh[:, 3] = 1.0
    cloud = SplatCloud(
        positions=cloud.positions, scales=cloud.scales, rotations=cloud.rotations, opacities=cloud.opacities, sh=sh
    )
    model = GaussianSplats(Gaussians(sh_degree=3), cloud, extent=3.5, iterations=1, rasterize=rasterize)
    views = model.render(turntable(4, radius=4, elevation=0, fov_y=0.5, size=24), torch.zeros(3)).color
    assert (views[1] - views[3]).abs().max() > 0.1  # from +X and from -X
    assert model.snapshot().equals(cloud) or np.allclose(model.snapshot().sh, sh)
