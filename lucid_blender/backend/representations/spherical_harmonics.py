"""Real spherical harmonics up to degree 3, in the order and with the signs of 3D Gaussian Splatting files."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...core.splats import SH_DC, sh_coefficients

# Normalisations of the polynomials in _basis: sqrt((2l+1)/(4 pi) (l-m)!/(l+m)!), times sqrt(2) for m > 0, with the
# polynomial's leading factor; for degree 1 sqrt(3/(4 pi)).
_C1 = math.sqrt(3 / (4 * math.pi))
_C2 = math.sqrt(15 / (4 * math.pi))
_C2_ZONAL = math.sqrt(5 / (16 * math.pi))
_C3_3 = math.sqrt(35 / (32 * math.pi))
_C3_2 = math.sqrt(105 / (4 * math.pi))
_C3_1 = math.sqrt(21 / (32 * math.pi))
_C3_ZONAL = math.sqrt(7 / (16 * math.pi))


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
    """[..., K] values at unit vectors [..., 3]; odd orders carry the sign (-1)^m."""
    x, y, z = unit.unbind(-1)
    values = [torch.full_like(x, SH_DC)]
    if degree >= 1:
        values += [-_C1 * y, _C1 * z, -_C1 * x]
    if degree >= 2:
        values += [
            _C2 * x * y,
            -_C2 * y * z,
            _C2_ZONAL * (2 * z * z - x * x - y * y),
            -_C2 * x * z,
            _C2 / 2 * (x * x - y * y),
        ]
    if degree >= 3:
        values += [
            -_C3_3 * y * (3 * x * x - y * y),
            _C3_2 * x * y * z,
            -_C3_1 * y * (4 * z * z - x * x - y * y),
            _C3_ZONAL * z * (2 * z * z - 3 * x * x - 3 * y * y),
            -_C3_1 * x * (4 * z * z - x * x - y * y),
            _C3_2 / 2 * z * (x * x - y * y),
            -_C3_3 * x * (x * x - 3 * y * y),
        ]
    return torch.stack(values, -1)
