"""Real spherical harmonics up to degree 3, in the order and with the signs of 3D Gaussian Splatting files."""

from __future__ import annotations

import torch
from torch import Tensor

from ...core.harmonics import higher_harmonics
from ...core.splats import SH_DC, sh_coefficients


def colors_from_sh(
    sh: Tensor,  # [N, K, 3]
    directions: Tensor,  # [V, N, 3] from the camera to the splat, any length
    degree: int,
) -> Tensor:
    """[V, N, 3] sRGB display colours, not below 0."""
    kept = sh[:, : sh_coefficients(degree)]
    basis = _basis(torch.nn.functional.normalize(directions, dim=-1), degree)
    return (0.5 + torch.einsum("vnk,nkc->vnc", basis, kept)).clamp(min=0)


def _basis(unit: Tensor, degree: int) -> Tensor:
    """[..., K] values at unit vectors [..., 3]."""
    x, y, z = unit.unbind(-1)
    return torch.stack([torch.full_like(x, SH_DC), *higher_harmonics(x, y, z, degree)], -1)
