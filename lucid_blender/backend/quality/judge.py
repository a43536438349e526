"""What the grammar's classifier says of a prop: its name and colour, how many fronts it has, its features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from .. import grammar
from ..grammar.classifier import Classifier, Verdict, classify, load_classifier
from .known import AZIMUTHS, truth

Floats = npt.NDArray[np.float32]

FRONTS = tuple(number for number, phrase in enumerate(grammar.AZIMUTH_PHRASES) if "front" in phrase)
READABLE = 0.85  # share of the truth's own views whose side the classifier must get right for fronts to be counted


@dataclass(frozen=True)
class Opinion:
    """Over the views of one prop."""

    class_agreement: float  # share of views that the classifier calls the right class
    color_agreement: float  # and the right colour
    second_color_agreement: float | None  # and the right second colour; None where the scene names none
    material_agreement: float | None  # and the right material; None where the scene names none
    text_score: float  # 100 x mean of its confidence in class and in colour, 0 where either is wrong
    fronts: float  # share of views that it calls a front, a front left or a front right one
    extra_fronts: float | None  # fronts less those of the scene itself; None where it cannot tell the scene's sides


def opinion(pictures: Floats, scene: grammar.Scene) -> Opinion:
    """The classifier's opinion of a prop's pictures [V, H, W, 3] from the ring of cameras."""
    verdicts = judged(pictures)
    right_class = np.array([verdict.class_name == scene.class_name for verdict in verdicts])
    right_color = np.array([verdict.color == scene.color for verdict in verdicts])
    second = [verdict.second_color == scene.second_color for verdict in verdicts]
    material = [verdict.material == scene.material for verdict in verdicts]
    confidence = np.array([verdict.class_probability * verdict.color_probability for verdict in verdicts])
    fronts, true_fronts = fronts_of(verdicts), _true_fronts(scene)
    return Opinion(
        class_agreement=float(right_class.mean()),
        color_agreement=float(right_color.mean()),
        second_color_agreement=float(np.mean(second)) if scene.second_color else None,
        material_agreement=float(np.mean(material)) if scene.material else None,
        text_score=float(100 * (confidence * right_class * right_color).mean()),
        fronts=fronts,
        extra_fronts=None if true_fronts is None else fronts - true_fronts,
    )


def judged(pictures: Floats) -> list[Verdict]:
    """One verdict for each of pictures [V, H, W, 3]."""
    return classify(_classifier(), torch.from_numpy(pictures).permute(0, 3, 1, 2))


def fronts_of(verdicts: Sequence[Verdict]) -> float:
    """The share of views called a front."""
    return float(np.mean([verdict.azimuth_bin in FRONTS for verdict in verdicts]))


@torch.no_grad()
def classifier_features(views: Tensor) -> Tensor:
    """[N, D] of the grammar's own classifier for pictures [N, 3, H, W] in [0, 1].

    It is made for the built-in model's props and nothing else.
    """
    size = (grammar.RESOLUTION, grammar.RESOLUTION)
    small = interpolate(views, size=size, mode="bilinear", antialias=True, align_corners=False)
    found: Tensor = _classifier().features(2 * small.clamp(0, 1) - 1)
    return found.flatten(1)


def features_of(pictures: Floats) -> Floats:
    """``classifier_features`` of pictures [V, H, W, 3]."""
    return classifier_features(torch.from_numpy(pictures).permute(0, 3, 1, 2)).numpy()


@cache
def _classifier() -> Classifier:
    return load_classifier()


@cache
def _true_fronts(scene: grammar.Scene) -> float | None:
    """The share of the scene's own views called a front, or None for a scene without a side that can be told."""
    verdicts = judged(truth(scene).pictures)
    called = np.array([verdict.azimuth_bin in FRONTS for verdict in verdicts])
    azimuths = (np.arange(AZIMUTHS) * 360 / AZIMUTHS + 22.5) % 360 // (360 / len(grammar.AZIMUTH_PHRASES))
    right = called == np.isin(azimuths, FRONTS)
    return fronts_of(verdicts) if right.mean() >= READABLE else None
