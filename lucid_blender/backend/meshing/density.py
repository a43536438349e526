"""The density of a cloud on a regular grid, and the colour that goes with it.

density(x) = sum_i opacity_i exp(-d_i(x)^2 / 2), with d_i the Mahalanobis distance to splat i, cut off at d = 3;
color(x) = sum_i opacity_i exp(-d_i(x)^2 / 2) color_i / density(x).
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...core.errors import InvalidInput
from ...core.splats import SplatCloud
from ..rasterizers.compiled import serial

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

CUTOFF = 3.0  # standard deviations
MIN_OPACITY = 0.02
STRAY_SHARE = 0.02  # of the opacity, on either side of an axis, that does not decide where the prop is
REACH = 0.5  # x the prop's longest side: splats farther off than this are strays
GIANT = 0.25  # x the prop's longest side: splats with a larger standard deviation are haze, not surface
PADDING = 4  # samples around the splats, so that a surface never touches the border
SMOOTHING = 0.5  # samples: standard deviation added to every splat, so that none falls between two samples
SLAB = 8  # planes a task


@dataclass(frozen=True, kw_only=True, eq=False)
class Grid:
    """Samples at ``origin + step * (i, j, k)``, metres.

    density  [X, Y, Z] float32, zero on the border
    color    [X, Y, Z, 3] float32, density times sRGB colour
    """

    origin: Array
    step: float
    density: npt.NDArray[np.float32]
    color: npt.NDArray[np.float32]


def density_grid(cloud: SplatCloud, resolution: int) -> Grid:
    """The field of ``cloud`` with ``resolution`` samples along its longest side.

    Splats that are all but transparent, far from the rest or larger than the prop are left out. Bit by bit the same
    for any number of threads. Raises InvalidInput when nothing is left.
    """
    covariances = _covariances(cloud)
    spreads = np.sqrt(np.diagonal(covariances, axis1=1, axis2=2))  # [N, 3] standard deviations along the world axes
    kept = _kept(cloud, spreads)
    positions = cloud.positions[kept].astype(np.float64)
    low = (positions - CUTOFF * spreads[kept]).min(axis=0)
    high = (positions + CUTOFF * spreads[kept]).max(axis=0)
    step = float((high - low).max()) / max(resolution - 2 * PADDING - 1, 1)
    origin = low - PADDING * step
    shape = tuple(int(n) for n in np.ceil((high - low) / step).astype(int) + 2 * PADDING + 1)
    covariances = covariances[kept] + np.eye(3) * (SMOOTHING * step) ** 2

    values = np.zeros((*shape, 4), dtype=np.float32)
    arguments = (
        (positions - origin) / step,
        np.asarray(np.linalg.inv(covariances / step**2), dtype=np.float64),
        CUTOFF * np.sqrt(np.diagonal(covariances, axis1=1, axis2=2)) / step,
        cloud.opacities[kept].astype(np.float64),
        np.clip(cloud.base_colors[kept], 0, 1).astype(np.float64),
    )
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        starts = range(0, shape[0], SLAB)
        list(pool.map(lambda start: _accumulate(values, start, min(start + SLAB, shape[0]), *arguments), starts))
    return Grid(origin=origin, step=step, density=values[..., 0].copy(), color=values[..., 1:].copy())


def _covariances(cloud: SplatCloud) -> Array:
    """[N, 3, 3] square metres: R S S^T R^T (3D Gaussian Splatting, Eq. 6)."""
    w, x, y, z = cloud.rotations.astype(np.float64).T
    rotation = np.empty((len(cloud), 3, 3))
    rotation[:, 0] = np.stack([1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)], axis=1)
    rotation[:, 1] = np.stack([2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)], axis=1)
    rotation[:, 2] = np.stack([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)], axis=1)
    scaled = rotation * cloud.scales.astype(np.float64)[:, None, :]
    return np.asarray(scaled @ scaled.transpose(0, 2, 1))


def _kept(cloud: SplatCloud, spreads: Array) -> Mask:
    """[N] which splats make up the prop."""
    visible = cloud.opacities >= MIN_OPACITY
    if not visible.any():
        raise InvalidInput(
            f"none of the {len(cloud)} splats has an opacity of {MIN_OPACITY} or more: there is nothing to draw",
            advice="Let the run go on for longer, or make the mesh from other splats.",
        )
    positions, weights = cloud.positions.astype(np.float64), cloud.opacities * visible
    low = _quantile(positions - spreads, weights, STRAY_SHARE)
    high = _quantile(positions + spreads, weights, 1 - STRAY_SHARE)
    side = float((high - low).max())
    near = ((positions > low - REACH * side) & (positions < high + REACH * side)).all(axis=1)
    largest = cloud.scales.max(axis=1).astype(np.float64)
    # A splat alone is as large as its prop, so the limit never falls below the usual splat's size.
    small = largest <= max(GIANT * side, 2 * float(_quantile(largest[:, None], weights, 0.5)[0]))
    kept = visible & near & small
    return np.asarray(kept if kept.any() else visible)


def _quantile(values: Array, weights: npt.NDArray[np.floating], share: float) -> Array:
    """[C] the value in each column of values [N, C] below which ``share`` of the weight lies."""
    order = np.argsort(values, axis=0, kind="stable")
    cumulative = np.cumsum(weights.astype(np.float64)[order], axis=0)
    found = [np.searchsorted(column, share * column[-1]) for column in cumulative.T]
    return np.array([values[order[row, k], k] for k, row in enumerate(found)])


@serial
def _accumulate(
    values: npt.NDArray[np.float32],  # [X, Y, Z, 4] density, density * color; planes start..stop are written
    start: int,
    stop: int,
    centres: Array,  # [N, 3] samples
    inverses: Array,  # [N, 3, 3] inverse covariances, 1 / samples^2
    reaches: Array,  # [N, 3] half sides of the boxes around the cut-off ellipsoids, samples
    opacities: Array,  # [N]
    colors: Array,  # [N, 3]
) -> None:
    """Add every splat to the planes start..stop, in the order of the splats."""
    _, height, depth, _ = values.shape
    for n in range(centres.shape[0]):
        cx, cy, cz = centres[n, 0], centres[n, 1], centres[n, 2]
        first = max(start, int(np.ceil(cx - reaches[n, 0])))
        last = min(stop - 1, int(np.floor(cx + reaches[n, 0])))
        if first > last:
            continue
        a, b, c = inverses[n, 0, 0], inverses[n, 1, 1], inverses[n, 2, 2]
        ab, ac, bc = inverses[n, 0, 1], inverses[n, 0, 2], inverses[n, 1, 2]
        for i in range(first, last + 1):
            x = i - cx
            for j in range(
                max(0, int(np.ceil(cy - reaches[n, 1]))), min(height - 1, int(np.floor(cy + reaches[n, 1]))) + 1
            ):
                y = j - cy
                # d^2 = c z^2 + 2 half z + rest; the samples of this row with d <= 3 lie between the roots.
                half = ac * x + bc * y
                rest = a * x * x + 2.0 * ab * x * y + b * y * y
                root = half * half - c * (rest - CUTOFF * CUTOFF)
                if root < 0.0:
                    continue
                width = np.sqrt(root) / c
                middle = cz - half / c
                for k in range(max(0, int(np.ceil(middle - width))), min(depth - 1, int(np.floor(middle + width))) + 1):
                    z = k - cz
                    weight = opacities[n] * np.exp(-0.5 * (c * z * z + 2.0 * half * z + rest))
                    values[i, j, k, 0] += weight
                    values[i, j, k, 1] += weight * colors[n, 0]
                    values[i, j, k, 2] += weight * colors[n, 1]
                    values[i, j, k, 3] += weight * colors[n, 2]
