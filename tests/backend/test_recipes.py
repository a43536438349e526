"""The recipes of the scene grammar: in the frame, a front where there should be one, an accent part."""

import numpy as np
import pytest

from lucid_blender.backend.grammar import CLASSES, COLORS, FOV_Y, Picture, Scene, focal_length, look_at, render
from lucid_blender.backend.grammar.scene import RECIPES
from lucid_blender.backend.grammar.vocabulary import ACCENTS

SIZE = 48
AZIMUTHS = range(0, 360, 45)
SEEDS = (None, 1, 2, 3, 4)
REACH = 0.95  # metres

SIDED = (  # the others look alike, or mirrored, from the front and from the back
    "rocket", "car", "chair", "cube", "house", "robot", "snowman", "duck", "airplane", "train", "truck", "helicopter",
    "lighthouse", "castle", "windmill", "guitar", "chest", "barrel", "bed", "sofa", "fish", "penguin", "rabbit",
    "snail", "turtle", "bottle", "flower",
)  # fmt: skip


def picture(scene: Scene, azimuth: float, elevation: float = 15.0, fov: float = FOV_Y) -> Picture:
    focal = focal_length(fov, SIZE)
    view = look_at(azimuth, elevation, 3.8)
    return render(scene, view, focal, focal, SIZE / 2, SIZE / 2, SIZE, SIZE, (0.5, 0.5, 0.5))


def reach(scene: Scene, azimuth: float, elevation: float) -> float:
    """How far from the origin the seen surface goes, from its depth; wide enough to see past the bound."""
    fov = 0.62
    depth = picture(scene, azimuth, elevation, fov).depth
    row, column = np.nonzero(depth)
    z, focal = depth[row, column], focal_length(fov, SIZE)
    seen = np.stack([(column + 0.5 - SIZE / 2) / focal * z, (row + 0.5 - SIZE / 2) / focal * z, z], axis=1)
    view = look_at(azimuth, elevation, 3.8)
    return float(np.linalg.norm(seen - view[:3, 3], axis=1).max())  # a rotation keeps lengths


def paints(shown: Picture) -> np.ndarray:
    """Chromaticity [H, W, 3], black where there is no prop: shading hardly changes it."""
    bright = shown.rgb / (shown.rgb.sum(axis=2, keepdims=True) + 0.05)
    return np.where(shown.alpha[..., None] > 0.9, bright, 0.0)


def changed(a: np.ndarray, b: np.ndarray) -> float:
    """The share of the frame's pixels whose paint, or presence, differs."""
    return float((np.abs(a - b).max(axis=2) > 0.08).mean())


@pytest.mark.parametrize("name", CLASSES)
def test_a_prop_stays_within_reach_of_the_origin(name: str) -> None:
    for seed in SEEDS:
        scene = Scene(name, "red", seed=seed)
        assert max(reach(scene, azimuth, e) for azimuth, e in ((0, 0), (90, 0), (45, 50), (225, -50))) < REACH


def test_every_class_has_a_recipe_and_an_accent_word() -> None:
    assert len(set(CLASSES)) == len(CLASSES)
    assert set(ACCENTS) == set(RECIPES) == set(CLASSES)
    assert all(word.isalpha() and word.islower() and word not in COLORS for word in ACCENTS.values())


@pytest.mark.parametrize("name", CLASSES)
def test_the_accent_part_shows_from_half_of_the_sides_and_is_not_the_whole(name: str) -> None:
    shares = []
    for azimuth in AZIMUTHS:
        one, other = (picture(Scene(name, "green", second_color=color), azimuth) for color in ("purple", "yellow"))
        shares.append(changed(paints(one), paints(other)) / float((one.alpha > 0.9).mean()))
    assert sum(share > 0.015 for share in shares) >= len(AZIMUTHS) // 2
    assert np.mean(shares) < 0.6


@pytest.mark.parametrize("name", SIDED)
def test_a_front_differs_from_the_mirrored_back(name: str) -> None:
    front, back = (paints(picture(Scene(name, "green"), azimuth)) for azimuth in (0, 180))
    assert changed(front, back[:, ::-1]) > 0.008


def test_every_class_differs_from_every_other_in_outline() -> None:
    outlines = [np.stack([picture(Scene(name, "red"), azimuth).alpha for azimuth in AZIMUTHS]) for name in CLASSES]
    overlaps = [np.minimum(a, b).sum() / np.maximum(a, b).sum() for i, a in enumerate(outlines) for b in outlines[:i]]
    assert max(overlaps) < 0.9
