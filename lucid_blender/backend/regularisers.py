"""Terms beside the objective, and the disparity map. Formulas as released by LucidDreamer; see docs/method."""

from __future__ import annotations

import torch
from torch import Tensor

SOLID_TRANSMITTANCE = 0.1  # pixels that let less light through count as the prop's
EMPTY_DEPTH = 10.0  # metres; where empty ground is put


def total_variation(images: Tensor) -> Tensor:
    """Scalar: twice the mean squared difference of vertical plus horizontal neighbours of [B, C, H, W], a picture."""
    batch, channels, height, width = images.shape
    vertical = (images[:, :, 1:] - images[:, :, :-1]).square().sum() / (channels * max(height - 1, 1) * width)
    horizontal = (images[..., 1:] - images[..., :-1]).square().sum() / (channels * height * max(width - 1, 1))
    return 2 * (vertical + horizontal) / batch


def disparity(
    depth: Tensor,  # [H, W] accumulated depth, metres, not divided by coverage
    transmittance: Tensor,  # [H, W] what the splats let through, 1 where empty
    focal: float,  # focal length in widths of the picture: 1 / (2 tan(fov_x / 2))
) -> Tensor:
    """[H, W] in [0, 1]: near is 1, empty ground is 0. Zeros for an empty picture (the release gives NaN there)."""
    inverse = focal / (depth + EMPTY_DEPTH * transmittance + 1e-5)
    solid = transmittance <= SOLID_TRANSMITTANCE
    nearest = inverse.max()
    farthest = inverse[solid].min() if solid.any() else inverse.min()
    span = nearest - farthest
    if span <= 0:
        return torch.zeros_like(inverse)
    return ((inverse - farthest) / span).clamp(0, 1)
