"""What the built-in points are trained on, and by which distance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from lucid_blender.backend.grammar import COLORS, HELD_OUT, Scene
from prior import surfaces
from prior.surfaces import load_surfaces, make_shard, on_surface
from prior.train_points import chamfer, drawn


@pytest.fixture(scope="module")
def shard(tmp_path_factory: pytest.TempPathFactory) -> surfaces.Surfaces:
    folder = tmp_path_factory.mktemp("surfaces")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(surfaces, "SHARD", 6)
        make_shard(0, folder)
    return load_surfaces(folder)


def test_points_are_on_the_surface_and_as_dense_everywhere() -> None:
    scene = Scene("cube", "red")
    points, _ = on_surface(scene, 3000, np.random.default_rng(0))
    assert np.abs(scene.distance(points.astype(np.float64))).max() < 0.02
    upper, lower = (points[:, 2] > points[:, 2].max() - 0.05).mean(), (points[:, 2] < points[:, 2].min() + 0.05).mean()
    assert upper == pytest.approx(lower, abs=0.04)  # 5 standard errors of 3000 draws


def test_a_shape_is_read_in_the_colours_of_what_it_is_said_to_show(shard: surfaces.Surfaces) -> None:
    generator = np.random.default_rng(1)
    for index in range(len(shard)):
        for held_out in (False, True):
            places, colors, prop = shard.read(index, 500, generator, held_out)
            assert places.shape == colors.shape == (500, 3) and np.abs(places).max() < 1
            assert held_out or (prop.class_name, prop.color) not in HELD_OUT
            if prop.material is None:
                near = np.abs(colors - COLORS[prop.color]).max(1) < 0.06
                assert near.mean() > 0.02, prop


def test_the_same_number_gives_the_same_shard_and_another_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surfaces, "SHARD", 2)
    for number, name in ((0, "a"), (0, "b"), (1, "c")):
        (tmp_path / name).mkdir()
        make_shard(number, tmp_path / name)
    a, b, c = (load_surfaces(tmp_path / name).places for name in "abc")
    assert np.array_equal(a, b) and not np.array_equal(a, c)


def test_the_distance_is_that_of_chamfer_with_colours_of_the_nearest() -> None:
    torch.manual_seed(0)
    points, colors = torch.rand(2, 7, 3, requires_grad=True), torch.rand(2, 7, 3)
    places, paints = torch.rand(2, 5, 3), torch.rand(2, 5, 3)
    gaps = torch.cdist(points.detach(), places)
    away, off = chamfer(points, colors, places, paints)
    assert away.item() == pytest.approx(float(0.5 * (gaps.amin(2).mean() + gaps.amin(1).mean())), rel=1e-5)
    there = torch.stack([paints[b, gaps[b].argmin(1)] for b in range(2)])
    here = torch.stack([colors[b, gaps[b].argmin(0)] for b in range(2)])
    wanted = 0.5 * ((colors - there).norm(dim=2).mean() + (paints - here).norm(dim=2).mean())
    assert off.item() == pytest.approx(wanted.item(), rel=1e-5)
    (gradient,) = torch.autograd.grad(away, points)
    assert (gradient.norm(dim=2) > 0).all()  # every point is drawn


def test_tests_see_only_the_last_props(shard: surfaces.Surfaces, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prior.train_points.TEST", 1)
    monkeypatch.setattr("prior.train_points.TARGETS", 8)
    last = {prop.class_name for prop in drawn(shard, 5, np.random.default_rng(0), test=True)[0]}
    others = {prop.class_name for prop in drawn(shard, 50, np.random.default_rng(0))[0]}
    assert len(last) == 1 and len(others) == 5 and not last & others
