"""The gradients of ``cpu_blending``, by everything that a splat is on the screen.

With w_i = alpha_i T_i the weight of splat i in a pixel and s_i = dL/dw_i (what the loss gains a unit of that weight),

    dL/dalpha_i = T_i s_i - (sum of w_j s_j over all j behind i) / (1 - alpha_i).

Pixels are walked front to back, as in the forward pass: what lies behind is the total, known from the
pictures, minus what has been passed. So nothing is remembered a pixel and both passes take the same decisions. A splat
collects its moments over each tile's pixels in a slot of its own; the slots are then added up splat by splat.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange

from .compiled import kernel, reordered, serial
from .contract import ALPHA_MAX
from .cpu_binning import (
    ACROSS,
    ALONG,
    BLUE,
    DEPTH,
    GREEN,
    MEAN_X,
    MEAN_Y,
    OPACITY,
    RED,
    SHEAR,
    TILE_HEIGHT,
    TILE_PIXELS,
    TILE_WIDTH,
    view_of_rank,
)
from .cpu_blending import COLUMN, P1, P2, P3, P4, P5, P6, PAIRS_BETWEEN_LOOKS, ROW, any_light, corner
from .pixel_math import LOG2_E, cover

Array = Any
Scalar = Any

PLANES = 7  # light, total of what lies behind, the gradients by red, green, blue, depth and weight
MOMENTS = 10  # sums over pixels of h (1, t, y, t t, t y, y y) with h = alpha dL/dalpha, and of w dL/d(feature)


@kernel
def start_backward(
    color: Array, alpha: Array, depth: Array, background: Array, by_color: Array, by_alpha: Array, by_depth: Array
) -> Array:
    """State before the first splat: all light, and the whole sum of w_j s_j."""
    views, height, width = alpha.shape
    tiles = views * ((width + TILE_WIDTH - 1) // TILE_WIDTH) * ((height + TILE_HEIGHT - 1) // TILE_HEIGHT)
    state = np.zeros(tiles * PLANES * TILE_PIXELS, alpha.dtype)
    for tile in prange(tiles):
        v, x0, y0 = corner(tile, width, height)
        base = tile * PLANES * TILE_PIXELS
        state[base : base + TILE_PIXELS] = -1
        for y in range(y0, min(y0 + TILE_HEIGHT, height)):
            for x in range(x0, min(x0 + TILE_WIDTH, width)):
                p = base + (y - y0) * TILE_WIDTH + x - x0
                behind = by_depth[v, y, x] * depth[v, y, x] + by_alpha[v, y, x] * alpha[v, y, x]
                by_weight = by_alpha[v, y, x]
                for c in range(3):
                    behind += by_color[v, y, x, c] * (color[v, y, x, c] - background[v, c])
                    by_weight -= by_color[v, y, x, c] * background[v, c]
                    state[p + (2 + c) * TILE_PIXELS] = by_color[v, y, x, c]
                state[p] = 1
                state[p + TILE_PIXELS] = behind
                state[p + 5 * TILE_PIXELS] = by_depth[v, y, x]
                state[p + 6 * TILE_PIXELS] = by_weight
    return state


@reordered
def _pass_splat(
    moments: Array,
    state: Array,
    base: Any,
    first: Any,
    end: Any,
    dx0: Scalar,
    dy0: Scalar,
    across: Scalar,
    shear: Scalar,
    along: Scalar,
    opacity: Scalar,
    red: Scalar,
    green: Scalar,
    blue: Scalar,
    depth: Scalar,
) -> None:
    real = state.dtype.type
    none = real(0)
    m0, m1, m2, m3, m4, m5, m6, m7, m8, m9 = none, none, none, none, none, none, none, none, none, none
    for k in range(first, end):
        p = base + k
        dx, dy = real(COLUMN[k]) + dx0, real(ROW[k]) + dy0
        light = state[p]
        raw, alpha, weight, left = cover(real, dx, dy, across, shear, along, opacity, light)
        gain = (
            red * state[p + P2] + green * state[p + P3] + blue * state[p + P4] + depth * state[p + P5] + state[p + P6]
        )
        behind = state[p + P1] - weight * gain
        h = weight * gain - alpha * behind / (real(1) - alpha)
        h = h if (weight > none) & (raw <= real(ALPHA_MAX)) else none
        t = dx + shear * dy
        m0 += h
        m1 += h * t
        m2 += h * dy
        m3 += h * t * t
        m4 += h * t * dy
        m5 += h * dy * dy
        m6 += weight * state[p + P2]
        m7 += weight * state[p + P3]
        m8 += weight * state[p + P4]
        m9 += weight * state[p + P5]
        state[p] = left
        state[p + P1] = behind
    moments[0], moments[1], moments[2], moments[3], moments[4] = m0, m1, m2, m3, m4
    moments[5], moments[6], moments[7], moments[8], moments[9] = m5, m6, m7, m8, m9


@serial
def _pass_tile(
    moments: Array,
    state: Array,
    tile: int,
    x0: int,
    y0: int,
    table: Array,
    rank_of_slot: Array,
    rows_of_slot: Array,
    slots: Array,
) -> None:
    real = state.dtype.type
    base = np.uint64(tile * PLANES * TILE_PIXELS)
    scale = real(-0.5 * LOG2_E)
    for i in range(len(slots)):
        if i % PAIRS_BETWEEN_LOOKS == 0 and not any_light(state, base):
            for j in range(i, len(slots)):
                moments[slots[j]] = 0
            break
        rows, s = rows_of_slot[slots[i]], table[rank_of_slot[slots[i]]]
        _pass_splat(
            moments[slots[i]],
            state,
            base,
            np.uint64((rows & 255) * TILE_WIDTH),
            np.uint64((rows >> 8) * TILE_WIDTH),
            real(x0) - s[MEAN_X],
            real(y0) - s[MEAN_Y],
            scale * s[ACROSS],
            s[SHEAR],
            scale * s[ALONG],
            s[OPACITY],
            s[RED],
            s[GREEN],
            s[BLUE],
            s[DEPTH],
        )


@kernel
def pass_light(
    state: Array,
    width: int,
    height: int,
    table: Array,
    rank_of_slot: Array,
    rows_of_slot: Array,
    slots: Array,
    tile_begin: Array,
) -> Array:
    """The moments [slots, 10] of one chunk; the state moves behind it."""
    moments = np.empty((len(slots), MOMENTS), state.dtype)
    for tile in prange(len(tile_begin) - 1):
        v, x0, y0 = corner(tile, width, height)
        mine = slots[tile_begin[tile] : tile_begin[tile + 1]]
        _pass_tile(moments, state, tile, x0, y0, table, rank_of_slot, rows_of_slot, mine)
    return moments


@kernel
def gather(
    moments: Array,
    table: Array,
    splat_of_rank: Array,
    pairs_before: Array,
    begin: Array,
    end: Array,
    by_means2d: Array,
    by_ellipses: Array,
    by_depths: Array,
    by_opacities: Array,
    by_colors: Array,
) -> None:
    """Add up each splat's slots, in their order, and turn moments into gradients a view: of A, k, E and the mean.

    The exponent is -1/2 (A t^2 + E y^2) with t = dx + k dy, y = dy.
    """
    real = table.dtype.type
    views = len(begin)
    first_slot, first_rank = np.zeros(views + 1, np.int64), np.zeros(views + 1, np.int64)
    for v in range(views):
        first_slot[v + 1] = first_slot[v] + pairs_before[end[v]] - pairs_before[begin[v]]
        first_rank[v + 1] = first_rank[v] + end[v] - begin[v]
    half = real(0.5)
    for i in prange(first_rank[views]):
        v = view_of_rank(first_rank, i)
        r = begin[v] + i - first_rank[v]
        a = first_slot[v] + pairs_before[r] - pairs_before[begin[v]]
        b = first_slot[v] + pairs_before[r + 1] - pairs_before[begin[v]]
        if a == b:
            continue
        total = moments[a].copy()
        for slot in range(a + 1, b):
            for m in range(MOMENTS):
                total[m] += moments[slot, m]
        n = splat_of_rank[r]
        across, shear, along = table[r, ACROSS], table[r, SHEAR], table[r, ALONG]
        by_means2d[v, n, 0] = across * total[1]
        by_means2d[v, n, 1] = across * shear * total[1] + along * total[2]
        by_ellipses[v, n, 0] = -half * total[3]
        by_ellipses[v, n, 1] = -across * total[4]
        by_ellipses[v, n, 2] = -half * total[5]
        by_opacities[v, n] = total[0] / table[r, OPACITY]
        by_colors[v, n, 0], by_colors[v, n, 1], by_colors[v, n, 2] = total[6], total[7], total[8]
        by_depths[v, n] = total[9]


@kernel
def sum_over_views(parts: Array) -> Array:
    """[V, N, K] to [N, K], the views in their order."""
    total = np.empty(parts.shape[1:], parts.dtype)
    for n in prange(parts.shape[1]):
        for k in range(parts.shape[2]):
            part = parts[0, n, k]
            for v in range(1, len(parts)):
                part += parts[v, n, k]
            total[n, k] = part
    return total
