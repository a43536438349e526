"""Real spherical harmonics up to degree 3, in the order and with the signs of 3D Gaussian Splatting files."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from .splats import SH_DC, sh_coefficients

Matrix = npt.NDArray[np.float64]

# Normalisations of the polynomials in higher_harmonics: sqrt((2l+1)/(4 pi) (l-m)!/(l+m)!), times sqrt(2) for m > 0,
# with the polynomial's leading factor; for degree 1 sqrt(3/(4 pi)).
_C1 = math.sqrt(3 / (4 * math.pi))
_C2 = math.sqrt(15 / (4 * math.pi))
_C2_ZONAL = math.sqrt(5 / (16 * math.pi))
_C3_3 = math.sqrt(35 / (32 * math.pi))
_C3_2 = math.sqrt(105 / (4 * math.pi))
_C3_1 = math.sqrt(21 / (32 * math.pi))
_C3_ZONAL = math.sqrt(7 / (16 * math.pi))
_DIRECTIONS = 64  # more than the 16 coefficients need, so that their system is well conditioned


def higher_harmonics(x: Any, y: Any, z: Any, degree: int) -> list[Any]:
    """The values above the constant at unit vectors (x, y, z), arrays of any library; odd orders carry (-1)^m."""
    values: list[Any] = []
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
    return values


def basis(
    unit: Matrix,  # [D, 3] unit vectors
    degree: int,
) -> Matrix:
    """[D, K] all harmonics of the degree and below."""
    x, y, z = unit.T
    return np.stack([np.full_like(x, SH_DC), *higher_harmonics(x, y, z, degree)], axis=-1)


def turning(
    rotation: Matrix,  # [3, 3] orthogonal; a mirror, too
    degree: int,
) -> Matrix:
    """[K, K] the real Wigner matrices of the degrees one after the other on the diagonal: coefficients times this are
    those of the turned function, f'(R d) = f(d).

    Every degree's functions turn into one another, so a function's values at enough directions say its coefficients:
    the least-squares problem has no residual, and the answer is exact to rounding.
    """
    directions = spread_directions(_DIRECTIONS)
    here, before = basis(directions, degree), basis(directions @ rotation, degree)  # rows R^-1 d
    turned = np.zeros((sh_coefficients(degree),) * 2)
    for of_degree in range(degree + 1):
        band = slice(of_degree**2, (of_degree + 1) ** 2)
        turned[band, band] = np.linalg.lstsq(here[:, band], before[:, band], rcond=None)[0]
    return turned


def spread_directions(count: int) -> Matrix:
    """[count, 3] unit vectors spread evenly, a Fibonacci lattice on the sphere; none is a pole."""
    k = np.arange(count) + 0.5
    height, angle = 1 - 2 * k / count, k * math.pi * (3 - math.sqrt(5))
    ring = np.sqrt(1 - height * height)
    return np.stack([ring * np.cos(angle), ring * np.sin(angle), height], axis=-1)
