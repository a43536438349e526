"""The definition: every rule of the rasterizer in plain PyTorch, dense (splats x pixels), any float type and device.

The rules are those of the rasterizer published with "3D Gaussian Splatting for Real-Time Radiance Field Rendering"
(Kerbl et al. 2023, sections 4 to 6; the projection is its equation 5, the blending its equation 3), because the
methods that distil images into splats were tuned on it. Every derivative is autograd's, so it is the true one. It
differs from the original on purpose in this:

- the gradient through the clamp of alpha at 0.99 is zero (the original lets it pass);
- where the projection's slope is frozen beyond the border, its derivative by depth is the true one (the original's
  is twice as large);
- the frozen region follows an off-centre principal point (the original knows only centred cameras);
- the perspective division is exact (the original adds 1e-7 to the divisor), quaternions are normalised here, and a
  splat whose projection overflows the float type is not drawn.

Use it for tests and small pictures: time and memory grow with splats x pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from lucid_blender.core.cameras import Camera

from .contract import (
    ALPHA_CUT,
    ALPHA_MAX,
    EXTENT_SIGMAS,
    EXTENT_TILE,
    JACOBIAN_MARGIN,
    LOW_PASS,
    NEAR,
    RADIUS_MAX,
    TRANSMITTANCE_MIN,
    Rendered,
    check_inputs,
)


class Projected(NamedTuple):
    """The M splats that one view draws, on its screen."""

    means2d: Tensor  # [M, 2] pixels
    covariances2d: Tensor  # [M, 2, 2] square pixels, low-pass included
    depths: Tensor  # [M] metres


def rasterize(
    means: Tensor,  # [N, 3] world, metres
    quats: Tensor,  # [N, 4] wxyz, any length but 0
    scales: Tensor,  # [N, 3] metres
    opacities: Tensor,  # [N] 0 to 1
    colors: Tensor,  # [N, C], or [V, N, C] where they differ from view to view
    *,
    cameras: Sequence[Camera],  # V of one size
    background: Tensor,  # [C] or [V, C]
) -> Rendered:
    """Pictures of the splats from every camera (see ``contract``). Raises ``InvalidInput`` naming a bad input."""
    check_inputs(means, quats, scales, opacities, colors, cameras=cameras, background=background)
    colors = colors.expand(len(cameras), *colors.shape[-2:])
    background = background.expand(len(cameras), -1)
    with torch.no_grad():
        radii = torch.stack([_radii(_project(means, quats, scales, camera), camera) for camera in cameras])
    drawn = [torch.nonzero(radii_of_view).squeeze(-1) for radii_of_view in radii]
    splats = [_project(means[d], quats[d], scales[d], camera) for d, camera in zip(drawn, cameras, strict=True)]
    nowhere = means.new_zeros(len(means), 2)
    means2d = torch.stack([nowhere.index_put((d,), s.means2d) for d, s in zip(drawn, splats, strict=True)])
    pictures = [
        _blend(
            splats[v]._replace(means2d=means2d[v, d]),  # pictures come from means2d, so that it has their gradient
            opacities[d],
            colors[v, d],
            extents=_extents(means2d[v, d].detach(), radii[v, d]),
            size=(camera.width, camera.height),
            background=background[v],
        )
        for v, (d, camera) in enumerate(zip(drawn, cameras, strict=True))
    ]
    color, alpha, depth = (torch.stack(maps) for maps in zip(*pictures, strict=True))
    return Rendered(color=color, alpha=alpha, depth=depth, means2d=means2d, radii=radii)


def _project(means: Tensor, quats: Tensor, scales: Tensor, camera: Camera) -> Projected:
    """Centres by the pinhole camera, covariances by its slope there: J W R S S^T R^T W^T J^T (equations 5 and 6)."""
    viewmat = torch.as_tensor(camera.viewmat, dtype=means.dtype, device=means.device)
    world_to_camera, translation = viewmat[:3, :3], viewmat[:3, 3]
    x, y, z = (means @ world_to_camera.T + translation).unbind(-1)
    means2d = torch.stack([camera.fx * x / z + camera.cx - 0.5, camera.fy * y / z + camera.cy - 0.5], dim=-1)

    slope_x = _clamp_beyond_border(x / z, camera.fx, camera.cx, camera.width)
    slope_y = _clamp_beyond_border(y / z, camera.fy, camera.cy, camera.height)
    none = torch.zeros_like(z)
    jacobian = torch.stack(
        [
            torch.stack([camera.fx / z, none, -camera.fx * slope_x / z], dim=-1),
            torch.stack([none, camera.fy / z, -camera.fy * slope_y / z], dim=-1),
        ],
        dim=-2,
    )
    axes = jacobian @ world_to_camera @ _rotations(quats) @ torch.diag_embed(scales)
    covariances2d = axes @ axes.mT + LOW_PASS * torch.eye(2, dtype=means.dtype, device=means.device)
    return Projected(means2d, covariances2d, z)


def _clamp_beyond_border(slope: Tensor, focal: float, centre: float, size: int) -> Tensor:
    margin = JACOBIAN_MARGIN * size / 2
    return slope.clamp(-(centre + margin) / focal, (size - centre + margin) / focal)


def _rotations(quats: Tensor) -> Tensor:
    w, x, y, z = (quats / quats.norm(dim=-1, keepdim=True)).unbind(-1)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)


def _radii(splats: Projected, camera: Camera) -> Tensor:
    """[N] int32 whole pixels, 0 for what is not drawn: too near, off the screen, or too large for the float type."""
    a, b, c = splats.covariances2d[:, 0, 0], splats.covariances2d[:, 0, 1], splats.covariances2d[:, 1, 1]
    determinant, middle = a * c - b * b, 0.5 * (a + c)
    longest = middle + (middle * middle - determinant).clamp(min=0.1).sqrt()
    radii = torch.ceil(EXTENT_SIGMAS * longest.sqrt())
    drawable = (splats.depths > NEAR) & (determinant > 0) & (radii < RADIUS_MAX) & splats.means2d.isfinite().all(-1)
    left, top, right, bottom = _extents(splats.means2d, radii).unbind(-1)
    columns = right.clamp(0, camera.width) - left.clamp(0, camera.width)
    rows = bottom.clamp(0, camera.height) - top.clamp(0, camera.height)
    on_screen = (columns > 0) & (rows > 0)
    return torch.where(drawable & on_screen, radii, 0).to(torch.int32)


def _extents(means2d: Tensor, radii: Tensor) -> Tensor:
    """[N, 4] left, top, right, bottom in pixels, the last two excluded: the tiles that mean +- radius touches."""
    first = torch.floor((means2d - radii[:, None]) / EXTENT_TILE)
    end = torch.floor((means2d + radii[:, None] + (EXTENT_TILE - 1)) / EXTENT_TILE)
    return torch.cat([first, end], dim=-1) * EXTENT_TILE


def _blend(
    splats: Projected,
    opacities: Tensor,  # [M]
    colors: Tensor,  # [M, C]
    *,
    extents: Tensor,  # [M, 4] pixels
    size: tuple[int, int],  # width, height
    background: Tensor,  # [C]
) -> tuple[Tensor, Tensor, Tensor]:
    """Front to back: weight = alpha * transmittance (equation 3). Gives [H, W, C], [H, W], [H, W]."""
    width, height = size
    order = torch.argsort(splats.depths.detach(), stable=True)  # equal depths: the lower index is in front
    alphas = _alphas(splats, opacities, extents, size)[order]  # [M, H * W]
    with torch.no_grad():  # what is seen is a decision, not a quantity with a slope
        left = torch.cumprod(1 - torch.where(alphas >= ALPHA_CUT, alphas, 0), dim=0)
        seen = (alphas >= ALPHA_CUT) & (left >= TRANSMITTANCE_MIN)
    alphas = torch.where(seen, alphas, 0)
    left = torch.cumprod(torch.cat([alphas.new_ones(1, alphas.shape[1]), 1 - alphas]), dim=0)
    weights = alphas * left[:-1]
    color = weights.T @ colors[order] + left[-1, :, None] * background
    depth = weights.T @ splats.depths[order]
    return color.view(height, width, -1), weights.sum(0).view(height, width), depth.view(height, width)


def _alphas(splats: Projected, opacities: Tensor, extents: Tensor, size: tuple[int, int]) -> Tensor:
    """[M, H * W] how much of each pixel a splat covers: opacity * exp(-1/2 d^T covariance^-1 d), clamped."""
    rows = torch.arange(size[1], dtype=opacities.dtype, device=opacities.device)
    columns = torch.arange(size[0], dtype=opacities.dtype, device=opacities.device)
    pixels = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), dim=-1).reshape(-1, 2)
    offsets = pixels - splats.means2d[:, None]
    distances = torch.einsum("npi,nij,npj->np", offsets, torch.linalg.inv(splats.covariances2d), offsets)
    inside = (pixels >= extents[:, None, :2]) & (pixels < extents[:, None, 2:])
    alphas = (opacities[:, None] * torch.exp(-0.5 * distances)).clamp(max=ALPHA_MAX)
    return torch.where(inside.all(-1), alphas, 0)
