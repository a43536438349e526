"""The built-in points: the shipped network, held against the exact surfaces of the props that it was trained for."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from lucid_blender.backend.builtin_words import check_words
from lucid_blender.backend.grammar import CLASSES, COLORS, HELD_OUT, Description, Scene, caption
from lucid_blender.backend.initialisers.builtin_points import (
    POINTS,
    CaptionReader,
    PointNetwork,
    builtin_points,
    load_network,
)
from lucid_blender.backend.quality.known import named_scene
from lucid_blender.core.errors import InvalidInput
from lucid_blender.core.options import BuiltinPoints, DiffusionModel, Generation
from lucid_blender.core.presets import initialiser, preset
from lucid_blender.core.splats import SplatCloud

EXACT = BuiltinPoints(count=POINTS, jitter=0)


def made(prompt: str, *, seed: int = 0, options: BuiltinPoints = EXACT, **changes: object) -> SplatCloud:
    return builtin_points(replace(options, **changes), prompt, torch.Generator().manual_seed(seed))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def network() -> PointNetwork:
    return load_network()


@pytest.fixture(scope="module")
def reader() -> CaptionReader:
    return CaptionReader()


def test_points_lie_on_the_surface_of_every_class(network: PointNetwork, reader: CaptionReader) -> None:
    """Mean distance to the canonical shape, which no training had. Shapes vary by centimetres themselves."""
    props = [Description(name, next(c for c in COLORS if (name, c) not in HELD_OUT)) for name in CLASSES]
    with torch.no_grad():
        points, _ = network(reader([caption(prop) for prop in props]))
    away = [
        np.abs(Scene(**asdict(prop)).distance(p.double().numpy())).mean() for prop, p in zip(props, points, strict=True)
    ]
    assert np.mean(away) < 0.025
    assert max(away) < 0.05, props[int(np.argmax(away))]


@pytest.mark.parametrize("name", ["airplane", "mug", "chair", "helicopter", "teapot"])
def test_points_reach_every_part(name: str) -> None:
    """From each vertex of the exact surface the next point is near: handles, spouts, legs and tails among them."""
    cloud = made(f"a red {name}")
    vertices = named_scene(f"a red {name}").mesh(48).vertices
    gaps = np.linalg.norm(vertices[:, None] - cloud.positions[None], axis=2).min(1)
    assert np.quantile(gaps, 0.98) < 0.12 and gaps.mean() < 0.05


def test_a_word_about_size_or_a_setting_changes_the_shape() -> None:
    plain, tall, small, on = (
        made(f"a {words}") for words in ("red mug", "tall red mug", "small red mug", "red mug on a green rug")
    )
    assert np.ptp(tall.positions[:, 0]) < 0.85 * np.ptp(plain.positions[:, 0])
    assert np.ptp(tall.positions[:, 2]) == pytest.approx(np.ptp(plain.positions[:, 2]), rel=0.1)
    assert np.ptp(small.positions[:, 2]) == pytest.approx(0.66 * np.ptp(plain.positions[:, 2]), rel=0.1)
    assert np.ptp(on.positions[:, 0]) > 1.4  # the rug


def test_colours_are_named_also_where_class_and_colour_never_met() -> None:
    pink = np.median(made("a pink car").base_colors, axis=0)
    assert ("car", "pink") in HELD_OUT
    assert np.abs(pink - COLORS["pink"]).max() < 0.15
    assert not np.allclose(made("a red car").base_colors, made("a red car", use_colors=False).base_colors, atol=0.1)


def test_count_jitter_scale_and_opacity_are_kept_and_the_seed_decides() -> None:
    cloud = made("a red mug", count=2500, jitter=0.02, opacity=0.3)
    assert len(cloud) == 2500 and np.allclose(cloud.opacities, 0.3)
    again, other = made("a red mug", count=2500, jitter=0.02), made("a red mug", count=2500, jitter=0.02, seed=1)
    assert np.array_equal(cloud.positions, again.positions) and not np.array_equal(cloud.positions, other.positions)
    exact = made("a red mug").positions
    gaps = np.linalg.norm(cloud.positions[:, None] - exact[None], axis=2).min(1)
    assert 0 < gaps.max() < 6 * 0.02
    assert np.ptp(made("a red mug", scale=0.5).positions) == pytest.approx(0.5 * np.ptp(exact), rel=1e-5)


def test_the_prompt_is_read_for_its_prop_and_another_text_can_stand_for_it() -> None:
    plain = made("a red mug").positions
    assert np.array_equal(
        made("A shiny little Red MUG, best quality").positions, made("a small glossy red mug").positions
    )
    assert np.array_equal(made("a steaming red mug").positions, plain)
    assert np.array_equal(made("whatever", options=replace(EXACT, prompt="a red mug")).positions, plain)
    assert len(made("a mug")) == POINTS


def test_a_prop_that_is_not_known_is_refused_before_a_model_is_loaded() -> None:
    generation = preset("draft", "a dragon", model=DiffusionModel(source="someone/model"))
    generation = replace(generation, initialiser=initialiser("builtin", generation))
    with pytest.raises(InvalidInput, match="know no prop in 'a dragon'") as refused:
        check_words(generation)
    assert "sphere" in refused.value.advice and "mushroom" in refused.value.advice
    assert isinstance(generation.initialiser, BuiltinPoints)
    check_words(replace(generation, initialiser=replace(generation.initialiser, prompt="a turtle")))
    with pytest.raises(InvalidInput, match="know no prop"):
        made("a dragon")


def test_other_models_get_it_in_the_size_of_their_cameras() -> None:
    other = initialiser("builtin", Generation(prompt="x", model=DiffusionModel(source="someone/model")))
    assert isinstance(other, BuiltinPoints) and other.scale * 0.95 == pytest.approx(0.6, abs=0.01)
    own = initialiser("builtin", preset("draft", "a red mug"))
    assert isinstance(own, BuiltinPoints) and own.scale == 1
