"""Recolouring by a linear map of display colours, which spherical harmonics follow exactly."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from .splats import SH_DC, SplatCloud

Matrix = npt.NDArray[np.float64]

LUMA = np.array([0.2126, 0.7152, 0.0722])  # Rec. 709: the brightness of a display colour


def color_matrix(
    *,
    hue: float = 0.0,  # radians about the axis of greys; 2 pi / 3 takes red to green
    saturation: float = 1.0,  # 0 grey of the same brightness, 1 as it is
    value: float = 1.0,  # factor
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0),  # sRGB; a factor for each channel
) -> Matrix:
    """[3, 3] for sRGB columns: hue first, then saturation, tint and value. The first two leave greys as they are."""
    cos, third, sin = math.cos(hue), (1 - math.cos(hue)) / 3, math.sin(hue) / math.sqrt(3)
    near, left, right = cos + third, third - sin, third + sin
    turn = np.array([[near, left, right], [right, near, left], [left, right, near]])
    paler = saturation * np.eye(3) + (1 - saturation) * np.outer(np.ones(3), LUMA)
    return np.asarray(value * np.diag(tint) @ paler @ turn)


def recolored(cloud: SplatCloud, matrix: Matrix) -> SplatCloud:
    """The cloud whose colour is, from every direction, the matrix times the colour before.

    With colour = 1/2 + sum of Y_k sh_k: every coefficient is multiplied, and the constant one takes what the 1/2 lacks.
    """
    sh = cloud.sh.astype(np.float64) @ matrix.T
    sh[:, 0] += (matrix @ np.full(3, 0.5) - 0.5) / SH_DC
    return replace(cloud, sh=np.asarray(sh, dtype=np.float32))
