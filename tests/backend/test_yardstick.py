"""The yardstick against what is known to be bad: each fault shows in the measure that names it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

import numpy as np
import pytest

from lucid_blender.backend.choices import make_rasterizer
from lucid_blender.backend.grammar import Scene
from lucid_blender.backend.meshing.surface import extract
from lucid_blender.backend.quality.known import truth
from lucid_blender.backend.quality.measures import MEASURES, mean_ranks
from lucid_blender.backend.quality.report import Run, summaries
from lucid_blender.backend.scores import Score, look, score
from lucid_blender.core.options import Generation, Meshing
from lucid_blender.core.splats import SplatCloud

from .known_props import blurred, flat, noise, splats_of, two_faced

CAR = Scene("car", "red")
RASTERIZE = make_rasterizer(Generation(prompt="a car").rasterizer)
FAULTS: dict[str, Callable[[], SplatCloud]] = {
    "none": lambda: splats_of(CAR),
    "wrong colour": lambda: splats_of(Scene("car", "green")),
    "wrong class": lambda: splats_of(Scene("mug", "red")),
    "flat": lambda: flat(splats_of(CAR)),
    "two faces": lambda: two_faced(splats_of(CAR)),
    "blurred": lambda: blurred(splats_of(CAR)),
    "noise": lambda: noise(splats_of(CAR)),
}


def scored(cloud: SplatCloud, scene: Scene = CAR) -> Score:
    return score(look(cloud, RASTERIZE), extract(cloud, Meshing(resolution=96, triangles=8000), RASTERIZE), scene)


@pytest.fixture(scope="module")
def scores() -> dict[str, Score]:
    return {fault: scored(make()) for fault, make in FAULTS.items()}


def test_splats_of_the_scene_itself_score_as_well_as_splats_can(scores: dict[str, Score]) -> None:
    found = scores["none"]
    assert found.iou > 0.93 and found.worst_view > 0.92  # splats bulge by half a pixel
    assert found.yaw == 0 and 0.95 <= found.scale <= 1.0
    assert found.color_error < 0.05
    assert found.class_agreement == found.color_agreement == 1 and found.text_score > 90
    assert found.spectral_distance is not None and found.spectral_distance < 2.5
    assert found.sharpness is not None and 0.75 < found.sharpness < 1.1
    assert found.chamfer is not None and found.chamfer < 0.025  # the default mesh lies outside of the splats
    assert found.normal_consistency is not None and found.normal_consistency > 0.95
    assert found.extra_fronts is not None and abs(found.extra_fronts) < 0.1
    assert found.iou - found.iou_other > 0.2


# The measure that names a fault, and by how much it must be worse than for the scene's own splats: about half of what
# was seen, and several times what the measure moves by between classes.
@pytest.mark.parametrize(
    ("fault", "name", "margin"),
    [
        ("wrong colour", "color_error", 0.1),
        ("wrong colour", "color_agreement", 0.9),
        ("wrong colour", "text_score", 80),
        ("wrong colour", "frechet", 200),
        ("wrong class", "iou", 0.15),
        ("wrong class", "class_agreement", 0.9),
        ("wrong class", "text_score", 80),
        ("wrong class", "frechet", 300),
        ("flat", "worst_view", 0.25),
        ("flat", "chamfer", 0.05),
        ("flat", "normal_consistency", 0.2),
        ("two faces", "extra_fronts", 0.06),
        ("two faces", "frechet", 30),
        ("blurred", "spectral_distance", 3),
        ("blurred", "sharpness", 0.5),  # octaves
        ("noise", "iou", 0.15),
        ("noise", "spectral_distance", 1),
        ("noise", "chamfer", 0.05),
        ("noise", "normal_consistency", 0.15),
        ("noise", "color_error", 0.15),
        ("noise", "frechet", 500),
    ],
)
def test_a_fault_shows_in_the_measure_that_names_it(
    scores: dict[str, Score], fault: str, name: str, margin: float
) -> None:
    (measure,) = (measure for measure in MEASURES if measure.name == name)
    assert measure.badness(getattr(scores[fault], name)) > measure.badness(getattr(scores["none"], name)) + margin


def test_another_class_fits_a_wrong_prop_better(scores: dict[str, Score]) -> None:
    assert scores["wrong class"].best_other == "mug" and scores["wrong class"].iou_other > 0.9
    assert scores["noise"].best_other == "ball"
    assert scores["none"].iou_other < scores["none"].iou


def test_two_faces_have_more_fronts(scores: dict[str, Score]) -> None:
    fronts = scores["two faces"].extra_fronts
    assert fronts is not None and fronts > 0.08


def test_the_table_ranks_the_scene_itself_first_and_noise_or_the_wrong_class_last(scores: dict[str, Score]) -> None:
    runs = []
    for fault, found in scores.items():
        values = asdict(found)
        del values["best_other"]
        runs.append(Run(setting=fault, prompt="a red car", seed=0, values=values, notes={}))
    ranks = {one.setting: one.mean_rank for one in summaries(runs, {}, {})}
    ordered = sorted(ranks, key=lambda fault: ranks[fault])
    assert ordered[0] == "none" and set(ordered[-2:]) == {"noise", "wrong class"}
    assert ranks[ordered[1]] - ranks["none"] > 0.5


@pytest.mark.parametrize("name", ["robot", "duck"])
def test_two_faces_are_seen_in_other_classes_too(name: str) -> None:
    scene = Scene(name, "red")
    true, spoilt = (score(look(cloud, RASTERIZE), None, scene) for cloud in with_two_faces(scene))
    assert true.extra_fronts is not None and spoilt.extra_fronts is not None
    assert spoilt.extra_fronts > true.extra_fronts + 0.15
    assert true.chamfer is None and true.normal_consistency is None  # without a mesh


def with_two_faces(scene: Scene) -> tuple[SplatCloud, SplatCloud]:
    cloud = splats_of(scene)
    return cloud, two_faced(cloud)


def test_fronts_are_not_counted_where_the_classifier_cannot_tell_them() -> None:
    table, ball = Scene("table", "red"), Scene("ball", "blue")  # one has two like sides, the other is lit on one side
    assert score(truth(table), None, table).extra_fronts is None
    assert score(truth(ball), None, ball).extra_fronts == 0


def test_a_round_prop_stays_as_it_stands() -> None:
    ball = Scene("ball", "blue")
    assert score(truth(ball), None, ball).yaw == 0  # all yaws fit it alike


def test_the_scenes_own_pictures_and_mesh_have_the_best_score_that_there_is() -> None:
    found = score(truth(CAR), CAR.mesh(), CAR)
    assert found.iou > 0.99 and found.yaw == 0 and found.scale == 1
    assert found.color_error == 0 and found.spectral_distance == 0 and found.sharpness == 1
    # 40 000 points on about 4 m^2: the nearest of another sample is half a spacing of 10 mm away
    assert found.chamfer is not None and found.chamfer < 0.007
    assert found.frechet == pytest.approx(0, abs=1e-6) and found.extra_fronts == 0


def test_a_prop_that_stands_turned_and_larger_is_scored_as_if_it_did_not() -> None:
    found = score(truth(CAR, 20.0, 0.9), None, CAR)
    assert found.yaw == 20 and found.scale == 0.9  # what makes it fit, so it is seen larger
    assert found.iou > 0.98 and found.iou_unaligned < found.iou - 0.05
    assert found.color_error == 0 and found.spectral_distance == 0  # the truth is drawn as large, nothing is resampled


def test_missing_values_rank_last_and_equal_ones_share() -> None:
    good, same, none = {"iou": 0.9, "sharpness": 2.0}, {"iou": 0.9, "sharpness": 0.5}, {"iou": 0.2, "sharpness": None}
    assert mean_ranks([good, same, none]) == [1.5, 1.5, 3.0]
    assert mean_ranks([none, {"iou": 0.3, "sharpness": 8.0}]) == [2.0, 1.0]
    assert mean_ranks([{}, {}]) == [1.0, 1.0]


def test_an_empty_prop_has_a_score(scores: dict[str, Score]) -> None:
    empty = truth(CAR)
    nothing = type(empty)(np.ones_like(empty.pictures), np.zeros_like(empty.alphas))
    found = score(nothing, None, CAR)
    assert found.iou == 0 and found.color_error == 1 and found.spectral_distance is None
    assert found.frechet > scores["none"].frechet
