"""The measures of the yardstick: which way is better, and which of several settings is best by all of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata


def _negative(value: float) -> float:
    return -value


def _itself(value: float) -> float:
    return value


def _octaves_from_one(value: float) -> float:
    return abs(math.log2(value))


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One number of a prop, and what it says."""

    name: str  # field of scores.Score, or of a run's costs
    label: str
    digits: int
    badness: Callable[[float], float]  # the least for the truth itself, more for what is worse
    best: str  # what the truth itself has, in words of the table


MEASURES = (
    Measure(name="iou", label="IoU", digits=3, badness=_negative, best="1"),
    Measure(name="worst_view", label="worst view", digits=3, badness=_negative, best="1"),
    Measure(name="color_error", label="colour error", digits=3, badness=_itself, best="0"),
    Measure(name="spectral_distance", label="spectrum, dB", digits=2, badness=_itself, best="0"),
    Measure(name="sharpness", label="sharpness", digits=2, badness=_octaves_from_one, best="1"),
    Measure(name="chamfer", label="chamfer, m", digits=4, badness=_itself, best="0"),
    Measure(name="normal_consistency", label="normals", digits=3, badness=_negative, best="1"),
    Measure(name="extra_fronts", label="extra fronts", digits=3, badness=abs, best="0"),
    Measure(name="frechet", label="Fréchet", digits=1, badness=_itself, best="0"),
    Measure(name="class_agreement", label="class", digits=2, badness=_negative, best="1"),
    Measure(name="color_agreement", label="colour", digits=2, badness=_negative, best="1"),
    Measure(name="second_color_agreement", label="2nd colour", digits=2, badness=_negative, best="1"),
    Measure(name="material_agreement", label="material", digits=2, badness=_negative, best="1"),
    Measure(name="text_score", label="text", digits=1, badness=_negative, best="100"),
)
# Told, and not ranked.
COSTS = (
    Measure(name="seconds", label="seconds", digits=0, badness=_itself, best=""),
    Measure(name="network_evaluations", label="evaluations", digits=0, badness=_itself, best=""),
    Measure(name="splats", label="splats", digits=0, badness=_itself, best=""),
)


def clip_measure(name: str) -> Measure:
    """The score of a CLIP, told and not ranked: it knows nothing of the scene."""
    return Measure(name=name, label=name, digits=2, badness=_negative, best="")


def mean_ranks(values: Sequence[Mapping[str, float | None]]) -> list[float]:
    """The mean rank over MEASURES of each of several settings, from its mean values: 1 is best in all of them.

    Equal values share a rank; a missing one ranks last. A measure that nobody has is left out.
    """
    ranks = []
    for measure in MEASURES:
        found = [one.get(measure.name) for one in values]
        if any(value is not None for value in found):
            ranks.append(rankdata([math.inf if value is None else measure.badness(value) for value in found]))
    return [float(rank) for rank in np.mean(ranks, axis=0)] if ranks else [1.0] * len(values)
