"""The shipped depth ControlNet: it fits the built-in model and follows the depth that it is shown."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from lucid_blender.backend.control.pictures import depth_picture
from lucid_blender.backend.control.triangles import Seen
from lucid_blender.backend.diffusion import load
from lucid_blender.backend.grammar import (
    BACKGROUNDS,
    FOV_Y,
    RESOLUTION,
    Scene,
    focal_length,
    look_at,
    render,
    view_phrase,
)
from lucid_blender.core.errors import ModelError
from lucid_blender.core.options import BUILTIN, Control, DiffusionModel

DEPTH = Control(kind="depth", source=BUILTIN)
COUNT, AZIMUTH, ELEVATION = 12, 40.0, 20.0


def table(seed: int) -> tuple[Tensor, Tensor]:
    """Picture and depth picture, [3, H, W] in 0..1, of a table of random proportions."""
    focal, half = focal_length(FOV_Y, RESOLUTION), RESOLUTION / 2
    view = look_at(AZIMUTH, ELEVATION, 3.8)
    lens = (focal, focal, half, half, RESOLUTION, RESOLUTION)
    shown = render(Scene("table", "red", seed=seed), view, *lens, background=BACKGROUNDS["white"])
    surface = np.where(shown.alpha > 0.5, 0, -1).astype(np.int32)
    seen = Seen(shown.depth.astype(np.float64), surface, np.zeros((*surface.shape, 3)))
    picture, depth = (torch.from_numpy(p).permute(2, 0, 1).float() for p in (shown.rgb, depth_picture(seen)))
    return picture, depth


@torch.no_grad()
def test_the_right_depth_helps_and_the_wrong_one_harms() -> None:
    model = load(DiffusionModel(), [DEPTH])
    pictures, depths = (torch.stack(parts) for parts in zip(*(table(seed) for seed in range(COUNT)), strict=True))
    generator = torch.Generator().manual_seed(0)
    latents = model.encode(pictures, generator)
    words = model.embed([f"a red table, {view_phrase(AZIMUTH, ELEVATION)}, on a white background"] * COUNT)
    noise = torch.randn(latents.shape, generator=generator)

    def error(control: tuple[Tensor, ...]) -> float:
        t = 700
        predicted = model.predict_noise(model.schedule.add_noise(latents, noise, t), t, words, control)
        return float((predicted - noise).square().mean())

    right, wrong, none = error((depths,)), error((depths.roll(1, 0),)), error(())
    assert right < 0.95 * none
    assert wrong > 1.1 * right


def test_its_pictures_have_the_size_of_the_models() -> None:
    assert load(DiffusionModel(), [DEPTH]).control_sizes(RESOLUTION) == [RESOLUTION]


def test_there_is_one_for_depth_only() -> None:
    with pytest.raises(ModelError, match="no built-in ControlNet for normal"):
        load(DiffusionModel(), [replace(DEPTH, kind="normal")])
