"""Initial sizes of splats from the distance to their neighbours."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

NEIGHBOURS = 3
MIN_SQUARED_DISTANCE = 1e-7  # square metres


def mean_squared_distances(points: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """[N] mean squared distance of each of points [N, 3] to its 3 nearest neighbours, square metres.

    With fewer than 4 points the mean is over those that there are; a point alone has distance 0.
    """
    neighbours = min(NEIGHBOURS, len(points) - 1)
    if neighbours < 1:
        return np.zeros(len(points))
    positions = np.asarray(points, dtype=np.float64)
    distances, _ = cKDTree(positions).query(positions, k=neighbours + 1)
    # The nearest is the point itself, or a duplicate of it: both are at distance 0.
    return np.asarray((distances[:, 1:] ** 2).mean(axis=1))


def initial_scales(points: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """[N, 3] isotropic standard deviations, metres: root of the mean squared distance, which is clamped at 1e-7.

    Source: 3D Gaussian Splatting, section 5.1, and its code (distCUDA2 and create_from_pcd).
    """
    squared = np.maximum(mean_squared_distances(points), MIN_SQUARED_DISTANCE)
    return np.repeat(np.sqrt(squared)[:, None], 3, axis=1).astype(np.float32)
