"""What is refused at the door, alike by every rasterizer."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from lucid_blender.backend.rasterizers import numba_cpu, torch_oracle
from lucid_blender.backend.rasterizers.contract import Rasterize
from lucid_blender.core.errors import InvalidInput

from .scenes import INPUTS, draw, front, random_scene, ring

RASTERIZERS = pytest.mark.parametrize("rasterize", [torch_oracle.rasterize, numba_cpu.rasterize])


@RASTERIZERS
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", INPUTS)
def test_nan_and_infinity_are_refused_by_name(rasterize: Rasterize, name: str, bad: float) -> None:
    scene = random_scene(5)
    getattr(scene, name).view(-1)[3 if name != "background" else 1] = bad
    with pytest.raises(InvalidInput, match=f"^{name} hold NaN or infinity"):
        draw(rasterize, scene, [front()])


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_nan_and_infinity_in_a_camera_are_refused(bad: float) -> None:
    with pytest.raises(InvalidInput, match="cameras hold NaN or infinity"):
        draw(torch_oracle.rasterize, random_scene(5), [replace(front(), cx=bad)])


@RASTERIZERS
@pytest.mark.parametrize("name", INPUTS)
def test_a_wrong_shape_is_refused_by_name(rasterize: Rasterize, name: str) -> None:
    scene = random_scene(5)
    with pytest.raises(InvalidInput, match=f"^{'quats' if name == 'means' else name} has shape"):
        draw(rasterize, replace(scene, **{name: getattr(scene, name)[:2]}), [front()])


def test_a_different_dtype_is_refused_by_name() -> None:
    scene = random_scene(5)
    with pytest.raises(InvalidInput, match="^scales are torch.float32"):
        draw(torch_oracle.rasterize, replace(scene, scales=scene.scales.float()), [front()])


def test_half_precision_is_refused() -> None:
    with pytest.raises(InvalidInput, match="float32 or float64"):
        draw(torch_oracle.rasterize, random_scene(5).to(torch.float16), [front()])


def test_views_of_different_sizes_are_refused() -> None:
    with pytest.raises(InvalidInput, match="the same"):
        draw(torch_oracle.rasterize, random_scene(5), [front(), front(width=20)])


def test_no_view_at_all_is_refused() -> None:
    with pytest.raises(InvalidInput, match="at least one"):
        draw(torch_oracle.rasterize, random_scene(5), [])


def test_a_quaternion_of_length_0_is_refused() -> None:
    scene = random_scene(5)
    scene.quats[2] = 0
    with pytest.raises(InvalidInput, match=r"quats\[2\] has length 0"):
        draw(torch_oracle.rasterize, scene, ring(1))


@pytest.mark.parametrize("bad", [-0.01, 1.01])
def test_an_opacity_outside_0_to_1_is_refused(bad: float) -> None:
    scene = random_scene(5)
    scene.opacities[2] = bad
    with pytest.raises(InvalidInput, match="opacities range from"):
        draw(torch_oracle.rasterize, scene, ring(1))
