"""Recolouring, seen as colours from directions."""

from __future__ import annotations

import colorsys
from math import pi

import numpy as np
import pytest

from lucid_blender.core.colors import color_matrix, recolored
from lucid_blender.core.harmonics import basis
from lucid_blender.core.splats import SplatCloud

from .samples import splats


def seen(cloud: SplatCloud) -> np.ndarray:
    """[N, D, 3] display colours from some directions."""
    directions = np.random.default_rng(3).normal(size=(20, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return 0.5 + np.einsum("dk,nkc->ndc", basis(directions, cloud.sh_degree), cloud.sh)


@pytest.mark.parametrize("degree", [0, 1, 3])
def test_every_direction_shows_the_mapped_colour(degree: int) -> None:
    cloud = splats(30, degree=degree, seed=8)
    matrix = color_matrix(hue=0.7, saturation=0.4, value=1.3, tint=(1.0, 0.5, 0.2))
    before, after = seen(cloud), seen(recolored(cloud, matrix))
    np.testing.assert_allclose(after, before @ matrix.T, atol=1e-5 * max(1, np.abs(before).max()))


def test_neutral_values_change_nothing() -> None:
    np.testing.assert_allclose(color_matrix(), np.eye(3), atol=1e-15)


@pytest.mark.parametrize("step", [1, 2])
def test_a_third_of_the_hue_circle_moves_the_primaries_on(step: int) -> None:
    np.testing.assert_allclose(color_matrix(hue=2 * pi / 3 * step), np.roll(np.eye(3), step, axis=0), atol=1e-15)


def test_hue_turns_as_it_does_in_hsv() -> None:
    """Pure hues lie on a hexagon there and on a circle here, which differ by at most a few degrees."""
    for angle in (0.5, 1.0, -1.0):
        turned = color_matrix(hue=angle) @ (0.6, 0.4, 0.4)
        found = colorsys.rgb_to_hsv(*turned)[0] * 2 * pi
        assert abs((found - angle + pi) % (2 * pi) - pi) < 0.03


def test_greys_stay_and_full_desaturation_keeps_the_brightness() -> None:
    np.testing.assert_allclose(color_matrix(hue=1.1, saturation=1.7) @ np.full(3, 0.4), np.full(3, 0.4))
    green = color_matrix(saturation=0) @ (0, 1, 0)
    np.testing.assert_allclose(green, np.full(3, 0.7152))


def test_value_and_tint_are_factors() -> None:
    np.testing.assert_allclose(color_matrix(value=2, tint=(1, 0.5, 0)) @ (0.1, 0.2, 0.3), (0.2, 0.2, 0))
