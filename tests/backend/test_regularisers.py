"""Total variation and disparity against vectors recorded from the released LucidDreamer code."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from lucid_blender.backend.regularisers import disparity, total_variation

from .test_objectives import load


@pytest.mark.parametrize("case", range(3))
def test_total_variation_and_its_gradient_are_the_released_ones(case: int) -> None:
    data = load("g9_tv_disparity")
    x = torch.from_numpy(data[f"tv{case}_x"]).requires_grad_()
    loss = total_variation(x)
    loss.backward()
    assert loss.item() == pytest.approx(float(data[f"tv{case}_loss"]), rel=1e-5)
    assert x.grad is not None
    wanted = data[f"tv{case}_grad"]
    assert np.abs(x.grad.numpy() - wanted).max() <= 1e-5 * np.abs(wanted).max()


@pytest.mark.parametrize("case", range(4))
def test_disparity_and_its_gradients_are_the_released_ones(case: int) -> None:
    data = load("g9_tv_disparity")
    get = lambda name: torch.from_numpy(data[f"disp{case}_{name}"])[0]  # noqa: E731
    depth, transmittance = get("D").requires_grad_(), get("T").requires_grad_()
    focal = 1 / (2 * math.tan(float(data[f"disp{case}_fovx"]) / 2))
    found = disparity(depth, transmittance, focal)
    np.testing.assert_allclose(found.detach(), get("out"), atol=1e-5)
    (found * get("cotangent")).sum().backward()
    for gradient, name in ((depth.grad, "grad_D"), (transmittance.grad, "grad_T")):
        assert gradient is not None
        assert (gradient - get(name)).abs().max() <= 2e-5 * get(name).abs().max()


def test_the_disparity_of_an_empty_picture_is_zero() -> None:
    found = disparity(torch.zeros(4, 4), torch.ones(4, 4), 1.0)
    assert torch.equal(found, torch.zeros(4, 4))
