"""The clock of a run."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

from ..core.messages import Progress
from ..core.options import Generation

RECENT_STEPS = 20  # over which the time left is estimated


@dataclass
class Pace:
    """When snapshots and checkpoints are due, and how long the rest will take."""

    generation: Generation
    steps: list[float] = field(default_factory=list)  # when the last ones ended; the first, which compiles, starts it
    snapshot: float = 0.0  # so that the first step is shown
    checkpoint: float = field(default_factory=time.monotonic)

    def progress(self, iteration: int, splats: int, gradient_norm: float) -> Progress:
        """Of the iteration that has just ended."""
        self.steps = [*self.steps[-RECENT_STEPS:], time.monotonic()]
        taken = len(self.steps) - 1
        pace = (self.steps[-1] - self.steps[0]) / taken if taken else 0.0
        steps = self.generation.iterations
        return Progress(
            stage="Distilling",
            step=iteration,
            steps=steps,
            seconds_left=pace * (steps - iteration) if taken else -1.0,
            splats=splats,
            gradient_norm=gradient_norm if math.isfinite(gradient_norm) else -1.0,
        )

    def snapshot_is_due(self) -> bool:
        now = time.monotonic()
        due = now - self.snapshot >= self.generation.snapshot_seconds
        self.snapshot = now if due else self.snapshot
        return due

    def checkpoint_is_due(self) -> bool:
        now = time.monotonic()
        due = now - self.checkpoint >= self.generation.checkpoint_seconds
        self.checkpoint = now if due else self.checkpoint
        return due
