"""Splats under an affine map: positions, sizes, turns and the colours that depend on the direction."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .errors import InvalidInput
from .harmonics import turning
from .splats import FloatArray, SplatCloud

Matrix = npt.NDArray[np.float64]

SIMILAR = 1e-6  # relative; float32 matrices of a turn and a uniform scale are that far from orthogonal
FLAT = 1e-12  # of the largest singular value: less makes nothing of a direction
BLOCK_ROWS = 1 << 16  # splats at a time, in float64


def transformed(
    cloud: SplatCloud,
    matrix: Matrix,  # [4, 4] affine
) -> SplatCloud:
    """The splats after the map x -> A x + t: a Gaussian of covariance C becomes one of A C A^T, exactly.

    A turn, a mirror and a uniform scale keep every splat's own axes, and its colours turn along with it. Any other map
    finds new axes; harmonics cannot follow it exactly, so colours follow the turn or mirror in it, as the polar
    decomposition has it.
    Raises InvalidInput for a matrix that is no such map or makes splats flat.
    """
    matrix = np.asarray(matrix, dtype=np.float64)
    if matrix.shape != (4, 4) or not np.isfinite(matrix).all() or not np.allclose(matrix[3], (0, 0, 0, 1)):
        raise InvalidInput(f"wanted a finite affine 4 x 4 matrix, found {matrix.tolist()}")
    if (matrix == np.eye(4)).all():
        return cloud
    linear = matrix[:3, :3]
    left, sizes, right = np.linalg.svd(linear)
    if sizes[2] <= FLAT * sizes[0]:
        raise InvalidInput("the scale is 0 along an axis, which leaves no splats", advice="Give it another scale.")
    if sizes[0] - sizes[2] <= SIMILAR * sizes[0]:
        scales, rotations = cloud.scales * sizes.mean(), _turned(cloud.rotations, left @ right)
    else:
        scales, rotations = _stretched(cloud, linear)
    return SplatCloud(
        positions=np.asarray(cloud.positions @ linear.T + matrix[:3, 3], dtype=np.float32),
        scales=scales,
        rotations=rotations,
        opacities=cloud.opacities,
        sh=_turned_colors(cloud.sh, left @ right, cloud.sh_degree),
    )


def rotation_matrices(quats: npt.NDArray[np.floating]) -> Matrix:
    """[N, 3, 3] of unit quaternions wxyz [N, 4]."""
    w, x, y, z = np.asarray(quats, dtype=np.float64).T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def quats_of(rotations: Matrix) -> Matrix:
    """[N, 4] unit quaternions wxyz, w >= 0, of rotation matrices [N, 3, 3]; precise at all angles, because of the four
    multiples of the quaternion that a matrix holds the longest is taken."""
    m = rotations
    trace = m[:, 0, 0] + m[:, 1, 1] + m[:, 2, 2]
    candidates = np.empty((len(m), 4, 4))
    candidates[:, 0, 0] = 1 + trace
    for k in range(3):
        i, j = (k + 1) % 3, (k + 2) % 3
        candidates[:, 0, k + 1] = candidates[:, k + 1, 0] = m[:, j, i] - m[:, i, j]
        candidates[:, k + 1, k + 1] = 1 + 2 * m[:, k, k] - trace
        candidates[:, i + 1, j + 1] = candidates[:, j + 1, i + 1] = m[:, i, j] + m[:, j, i]
    longest = np.argmax(np.einsum("nkk->nk", candidates), axis=1)
    found = candidates[np.arange(len(m)), longest]
    found = found / np.linalg.norm(found, axis=1, keepdims=True)
    return np.asarray(np.where(found[:, :1] < 0, -found, found))


def _turned(rotations: FloatArray, orthogonal: Matrix) -> FloatArray:
    """The quaternion of the turn times each; a mirror through the centre leaves a Gaussian as it is."""
    turn = orthogonal * np.sign(np.linalg.det(orthogonal))
    w, x, y, z = quats_of(turn[None])[0]
    product = np.array([[w, -x, -y, -z], [x, w, -z, y], [y, z, w, -x], [z, -y, x, w]])
    return np.asarray(rotations.astype(np.float64) @ product.T, dtype=np.float32)


def _stretched(cloud: SplatCloud, linear: Matrix) -> tuple[FloatArray, FloatArray]:
    """Scales and rotations: with C = B B^T, B = R S, the left singular vectors of A B are the new axes."""
    scales, rotations = np.empty_like(cloud.scales), np.empty_like(cloud.rotations)
    for start in range(0, len(cloud), BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        roots = linear @ (rotation_matrices(cloud.rotations[rows]) * cloud.scales[rows, None, :])
        axes, sizes, _ = np.linalg.svd(roots)
        axes[np.linalg.det(axes) < 0, :, 2] *= -1
        scales[rows] = np.maximum(sizes, np.finfo(np.float32).tiny)
        rotations[rows] = quats_of(axes)
    return scales, rotations


def _turned_colors(sh: FloatArray, orthogonal: Matrix, degree: int) -> FloatArray:
    turned = sh.copy()
    if degree:
        matrix = turning(orthogonal, degree)[1:, 1:]
        for start in range(0, len(sh), BLOCK_ROWS):
            rows = slice(start, start + BLOCK_ROWS)
            turned[rows, 1:] = matrix @ sh[rows, 1:].astype(np.float64)
    return turned
