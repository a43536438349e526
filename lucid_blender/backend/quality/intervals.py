"""Means with confidence intervals: a bootstrap over prompts, and over the seeds of each (Efron and Tibshirani 1993)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Groups = Sequence[Sequence[float]]  # values of each prompt, one a seed

REPLICATES = 2000
CONFIDENCE = 0.95
SEED = 0  # the same interval each time


@dataclass(frozen=True)
class Interval:
    """A mean over prompts of means over seeds, and where it would be with other prompts and seeds."""

    mean: float
    low: float
    high: float
    count: int  # values


def interval(groups: Groups) -> Interval | None:
    """The mean with its 95 % percentile interval; None without values.

    Each replicate draws prompts with replacement, and then seeds of each with replacement. So what differs between
    prompts widens the interval whatever the number of seeds is. With few prompts it is too narrow, as every bootstrap.
    """
    kept = [np.asarray(group, dtype=np.float64) for group in groups if len(group)]
    if not kept:
        return None
    random = np.random.default_rng(SEED)
    replicates = np.empty((REPLICATES, len(kept)))
    chosen = random.integers(len(kept), size=replicates.shape)
    for number, group in enumerate(kept):
        places = chosen == number
        replicates[places] = group[random.integers(len(group), size=(int(places.sum()), len(group)))].mean(1)
    low, high = np.quantile(replicates.mean(1), [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    mean = float(np.mean([group.mean() for group in kept]))
    return Interval(mean, float(low), float(high), sum(len(group) for group in kept))
