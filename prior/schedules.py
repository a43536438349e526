"""How learning rates fall."""

import math

WARM_UP = 100  # steps
LAST = 0.01  # of the rate


def cosine(step: int, steps: int) -> float:
    """Share of the rate: a short warm-up, then half a cosine down to ``LAST``."""
    return min(1.0, step / WARM_UP) * (LAST + (1 - LAST) * 0.5 * (1 + math.cos(math.pi * step / steps)))
