"""The order in which splats are blended: from back to front."""

from collections.abc import Sequence

import numpy as np

CODES = 1 << 16  # numpy sorts 16 bits by radix, in time that grows with the count alone
SAMPLES = 4096  # depths that are looked at to find where most splats are
FENCE = 4.0  # times the distance between the quartiles: what is farther from them is far from the others
TAIL_CODES = 1 << 13  # for what is beyond either fence
SLABS = 64  # of the depth that several clouds share


def back_to_front(positions: np.ndarray, direction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Indices [N] from the farthest along ``direction`` [3] to the nearest, and the depths [N] in that order.

    Splats whose depths fall on one of 65 536 codes keep their order. The codes are spread over the depths where most
    splats are, so that a few far away do not take them from the others.
    """
    depths = positions @ np.asarray(direction, dtype=np.float32)
    order = np.argsort(_codes(depths), kind="stable")
    return order, depths[order]


def slabs(clouds: Sequence[np.ndarray]) -> list[tuple[int, int, int]]:
    """Pieces (cloud, first, count) of several clouds that, drawn one after the other, are drawn as one.

    ``clouds`` are their depths in the world, from back to front. Where only one cloud is, it is drawn in one piece;
    the depth that clouds share is cut into slabs, in each of which one cloud is drawn after the other.
    """
    nothing = (np.inf, -np.inf)
    spans = [_just_nearer(depths[-1], depths[0]) if len(depths) else nothing for depths in clouds]
    done = [0] * len(clouds)
    pieces: list[tuple[int, int, int]] = []
    for edge in _edges(spans):
        for k, depths in enumerate(clouds):
            end = len(depths) - int(np.searchsorted(depths[::-1], edge, side="right"))  # what is farther than the edge
            if end <= done[k]:
                continue
            if pieces and pieces[-1][0] == k:
                k, first, _ = pieces.pop()
                pieces.append((k, first, end - first))
            else:
                pieces.append((k, done[k], end - done[k]))
            done[k] = end
    return pieces


def _just_nearer(near: np.floating, far: np.floating) -> tuple[float, float]:
    """So that the nearest splat, too, is farther than the end of its cloud."""
    return float(np.nextafter(near, near.dtype.type(-np.inf))), float(far)


def _codes(depths: np.ndarray) -> np.ndarray:
    """uint16, 0 for the farthest; never decreasing from far to near."""
    if not len(depths):
        return np.empty(0, np.uint16)
    far, near = float(depths.max()), float(depths.min())
    if not np.isfinite(far - near) or far <= near:
        return np.zeros(len(depths), np.uint16)
    sample = depths[:: max(len(depths) // SAMPLES, 1)]
    lower, upper = np.quantile(sample, [0.25, 0.75])
    fence = FENCE * (upper - lower)
    knots = np.array([near, max(near, lower - fence), min(far, upper + fence), far])
    codes = np.interp(depths, knots, [CODES - 1, CODES - 1 - TAIL_CODES, TAIL_CODES, 0])
    return codes.astype(np.uint16)


def _edges(spans: list[tuple[float, float]]) -> list[float]:
    """Depths from far to near at which the next step begins; the last takes all that is left."""
    edges = {value for near, far in spans if near <= far for value in (near, far)}
    ordered = sorted(edges, reverse=True)
    cuts: list[float] = []
    for far, near in zip(ordered, ordered[1:], strict=False):
        shared = sum(low < far and high > near for low, high in spans)
        cuts += list(np.linspace(far, near, SLABS + 1)[1:-1]) if shared > 1 else []
        cuts.append(near)
    return [*cuts, -np.inf]
