"""Splats under affine maps, held against covariances and harmonics that are computed in another way."""

from __future__ import annotations

from dataclasses import replace
from math import cos, factorial, pi, sin, sqrt

import numpy as np
import pytest
from numpy.polynomial import legendre

from lucid_blender.core.errors import InvalidInput
from lucid_blender.core.harmonics import basis, turning
from lucid_blender.core.transforms import quats_of, rotation_matrices, transformed

from .samples import splats

ROUNDING = 3e-6  # a few roundings to float32 of values around 1
RNG = np.random.default_rng(5)
DIRECTIONS = RNG.normal(size=(40, 3))
DIRECTIONS /= np.linalg.norm(DIRECTIONS, axis=1, keepdims=True)


def rotation(seed: int) -> np.ndarray:
    made, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return made * np.linalg.det(made)


def affine(linear: np.ndarray, offset: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = linear, offset
    return matrix


def turned_by_quaternion(quat: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """q v q*, by the cross products of its vector part."""
    w, axis = quat[0], quat[1:]
    across = 2 * np.cross(axis, vector)
    return vector + w * across + np.cross(axis, across)


def covariance(quat: np.ndarray, scale: np.ndarray) -> np.ndarray:
    axes = [turned_by_quaternion(quat, unit) for unit in np.eye(3)]
    return sum(s * s * np.outer(axis, axis) for s, axis in zip(scale, axes, strict=True))


def legendre_harmonics(directions: np.ndarray, degree: int) -> np.ndarray:
    """[D, K] from associated Legendre functions with the Condon-Shortley phase, in angles."""
    height, angle = directions[:, 2], np.arctan2(directions[:, 1], directions[:, 0])
    columns = []
    for of_degree in range(degree + 1):
        for m in range(-of_degree, of_degree + 1):
            order = abs(m)
            derived = legendre.legder(np.eye(of_degree + 1)[of_degree], order)
            value = (-1) ** order * (1 - height**2) ** (order / 2) * legendre.legval(height, derived)
            norm = sqrt((2 * of_degree + 1) / (4 * pi) * factorial(of_degree - order) / factorial(of_degree + order))
            wave = np.sin(order * angle) if m < 0 else np.cos(order * angle)
            columns.append((sqrt(2) if m else 1) * norm * value * wave)
    return np.stack(columns, axis=1)


MAPS = {
    "turn": rotation(1),
    "turn and uniform scale": 2.5 * rotation(2),
    "mirror": rotation(3) @ np.diag([1, 1, -1]) * 0.3,
    "point inversion": -np.eye(3),
    "scale by axes": np.diag([0.5, 2.0, 3.0]),
    "scale by turned axes": rotation(4) @ np.diag([0.2, 1.0, 1.5]) @ rotation(5),
    "shear": np.array([[1.0, 0.7, 0.0], [0.0, 1.0, 0.0], [0.2, 0.0, 1.0]]),
    "mirrored stretch": np.diag([-2.0, 1.0, 1.0]),
}


def test_the_harmonics_are_those_of_legendre_functions() -> None:
    np.testing.assert_allclose(basis(DIRECTIONS, 3), legendre_harmonics(DIRECTIONS, 3), atol=1e-12)


@pytest.mark.parametrize("linear", MAPS.values(), ids=MAPS)
def test_every_splats_covariance_is_mapped_exactly(linear: np.ndarray) -> None:
    before = splats(60, degree=1, seed=2)
    after = transformed(before, affine(linear, (1.0, -2.0, 3.0)))
    np.testing.assert_allclose(after.positions, before.positions @ linear.T + (1, -2, 3), rtol=1e-5, atol=1e-5)
    for k in range(len(before)):
        wanted = linear @ covariance(before.rotations[k].astype(float), before.scales[k].astype(float)) @ linear.T
        found = covariance(after.rotations[k].astype(float), after.scales[k].astype(float))
        np.testing.assert_allclose(found, wanted, atol=ROUNDING * np.abs(wanted).max())
    assert np.array_equal(after.opacities, before.opacities)


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
@pytest.mark.parametrize("name", ["turn", "turn and uniform scale", "mirror", "point inversion"])
def test_the_colour_seen_along_a_turned_direction_is_the_one_seen_before(name: str, degree: int) -> None:
    before, linear = splats(20, degree=degree, seed=3), MAPS[name]
    after = transformed(before, affine(linear))
    turned = DIRECTIONS @ linear.T
    turned /= np.linalg.norm(turned, axis=1, keepdims=True)
    seen = np.einsum("dk,nkc->ndc", legendre_harmonics(DIRECTIONS, degree), before.sh)
    seen_after = np.einsum("dk,nkc->ndc", legendre_harmonics(turned, degree), after.sh)
    np.testing.assert_allclose(seen_after, seen, atol=10 * ROUNDING * max(1, np.abs(seen).max()))
    assert degree == 0 or not np.allclose(after.sh, before.sh, atol=0.1)


def test_a_stretch_turns_colours_by_the_turn_in_it() -> None:
    turn, before = rotation(7), splats(10, degree=3, seed=4)
    stretch = rotation(8) @ np.diag([0.5, 1.0, 3.0]) @ rotation(8).T  # symmetric: nothing of it turns
    only_turned = transformed(before, affine(turn))
    np.testing.assert_allclose(transformed(before, affine(turn @ stretch)).sh, only_turned.sh, atol=10 * ROUNDING)


def test_turning_by_a_quarter_about_z_is_what_the_formulas_say() -> None:
    """Degree 1 is (-y, z, -x) up to a factor: x -> y, y -> -x takes f = -x to -y, and f = -y to x."""
    quarter = np.array([[cos(pi / 2), -sin(pi / 2), 0], [sin(pi / 2), cos(pi / 2), 0], [0, 0, 1]])
    wanted = np.zeros((4, 4))
    wanted[0, 0] = wanted[2, 2] = wanted[1, 3] = 1
    wanted[3, 1] = -1
    np.testing.assert_allclose(turning(quarter, 1), wanted, atol=1e-12)


def test_turning_twice_is_turning_by_the_product() -> None:
    first, second = rotation(10), rotation(11)
    np.testing.assert_allclose(turning(second @ first, 3), turning(second, 3) @ turning(first, 3), atol=1e-12)


def test_quaternions_survive_the_way_over_matrices_at_every_angle() -> None:
    half_turns = [[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, 0.6, 0.8, 0], [1e-9, 0.6, 0, 0.8]]
    quats = np.array([*half_turns, [1, 0, 0, 0], *RNG.normal(size=(50, 4))])
    quats /= np.linalg.norm(quats, axis=1, keepdims=True)
    matrices = rotation_matrices(quats)
    np.testing.assert_allclose(matrices[:, :, 0], [turned_by_quaternion(q, np.eye(3)[0]) for q in quats], atol=1e-12)
    assert np.allclose(np.abs(np.einsum("nk,nk->n", quats_of(matrices), quats)), 1, atol=1e-12)


def test_the_way_back_restores_the_cloud_and_no_map_changes_no_bit() -> None:
    cloud = splats(50, degree=3, seed=6)
    there = affine(2.0 * rotation(12), (3.0, 2.0, 1.0))
    back = transformed(transformed(cloud, there), np.linalg.inv(there))
    np.testing.assert_allclose(back.sh, cloud.sh, atol=1e-5 * np.abs(cloud.sh).max())
    np.testing.assert_allclose(back.scales, cloud.scales, rtol=1e-5)
    np.testing.assert_allclose(back.positions, cloud.positions, atol=1e-5 * np.abs(cloud.positions).max())
    assert transformed(cloud, np.eye(4)).equals(cloud)


@pytest.mark.parametrize(
    ("matrix", "said"),
    [
        (affine(np.diag([1.0, 1.0, 0.0])), "scale is 0"),
        (affine(np.full((3, 3), np.nan)), "finite affine"),
        (np.eye(3), "finite affine"),
        (np.diag([1.0, 1.0, 1.0, 2.0]), "finite affine"),
    ],
)
def test_a_map_that_leaves_no_splats_is_refused(matrix: np.ndarray, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        transformed(splats(3), matrix)


def test_a_joined_cloud_has_all_splats_and_the_highest_degree() -> None:
    parts = [splats(3, degree=0, seed=1), splats(4, degree=2, seed=2)]
    whole = type(parts[0]).joined(parts)
    assert len(whole) == 7 and whole.sh_degree == 2 and not whole.sh[:3, 1:].any()
    assert whole.chosen(np.arange(7) >= 3).equals(parts[1])
    assert replace(whole.chosen(np.arange(3)), sh=whole.sh[:3, :1]).equals(parts[0])
