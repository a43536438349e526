"""A curve of numbers in a line of text, however many come."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from statistics import fmean

BARS = "▁▂▃▄▅▆▇█"
MOST_POINTS = 256  # an even number


@dataclass
class Curve:
    """Each point is the mean of ``stride`` values; when there are too many points, neighbours are merged."""

    points: list[float] = field(default_factory=list)
    stride: int = 1
    _waiting: list[float] = field(default_factory=list)

    def add(self, value: float) -> None:
        self._waiting.append(value)
        if len(self._waiting) < self.stride:
            return
        self.points.append(fmean(self._waiting))
        self._waiting.clear()
        if len(self.points) >= MOST_POINTS:
            self.points = [fmean(pair) for pair in zip(self.points[::2], self.points[1::2], strict=True)]
            self.stride *= 2

    def bars(self, width: int) -> str:
        """At most ``width`` bars, each the mean of its share of the points, from the lowest of them to the highest."""
        count = min(len(self.points), width)
        edges = [len(self.points) * k // count for k in range(count + 1)] if count else []
        means = [fmean(self.points[start:end]) for start, end in pairwise(edges)]
        lowest, span = min(means, default=0.0), max(means, default=0.0) - min(means, default=0.0)
        heights = [(mean - lowest) / span if span else 0.0 for mean in means]
        return "".join(BARS[round(height * (len(BARS) - 1))] for height in heights)
