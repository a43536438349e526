"""The rasterizer for processors: exact gradients, any number of threads, no compiler on the user's machine.

Same pictures as ``torch_oracle``, and the same results to the bit whatever the number of threads. Inputs on another
device are brought to the processor and the results taken back.

Peak memory, in numbers of 4 bytes (8 in float64), for V views of P pixels and N splats, R of them drawn (summed over
the views): 17 V N + 14 R for the splats, about 17 V P for the pictures, and 14 a pair of splat and tile (8 x 32
pixels). Pairs are held ``PAIRS_AT_ONCE`` at a time, those in front first, so however large the splats are this last
part stays below 240 MB (400 MB).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from lucid_blender.core.cameras import Camera

from . import cpu_binning, cpu_blending, cpu_gradients, cpu_projection
from .contract import Rendered, check_inputs

Array = npt.NDArray[Any]
Size = tuple[int, int]

PAIRS_AT_ONCE = 1 << 22
"""Pairs of splat and tile in memory at a time, over all views."""

CHANNELS = 3
"""Colour channels a pass; more channels take more passes."""


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
    device, size = means.device, (cameras[0].width, cameras[0].height)
    means2d, ellipses, depths, radii = _Project.apply(  # type: ignore[no-untyped-call]
        means.cpu(), quats.cpu(), scales.cpu(), _view_rows(cameras, means.dtype), size
    )
    means2d = means2d.to(device)
    colors = colors.cpu() if colors.ndim == 3 else colors.cpu()[None]
    background = background.cpu().expand(len(cameras), -1)
    passes = [
        _Blend.apply(  # type: ignore[no-untyped-call]
            means2d.cpu(),
            ellipses,
            depths,
            opacities.cpu(),
            _three_channels(colors, first),
            _three_channels(background, first),
            radii,
            size,
        )
        for first in range(0, colors.shape[-1], CHANNELS)
    ]
    color, alpha, depth = passes[0]
    if colors.shape[-1] != CHANNELS:
        color = torch.cat([part for part, _, _ in passes], dim=-1)[..., : colors.shape[-1]]
    return Rendered(
        color=color.to(device), alpha=alpha.to(device), depth=depth.to(device), means2d=means2d, radii=radii.to(device)
    )


def _view_rows(cameras: Sequence[Camera], dtype: torch.dtype) -> Tensor:
    """[V, 16] rotation row by row, translation, fx, fy, cx, cy."""
    rows = np.empty((len(cameras), 16))
    for row, camera in zip(rows, cameras, strict=True):
        row[:9] = camera.viewmat[:3, :3].ravel()
        row[9:12] = camera.viewmat[:3, 3]
        row[12:] = camera.fx, camera.fy, camera.cx, camera.cy
    return torch.from_numpy(rows).to(dtype)


def _three_channels(values: Tensor, first: int) -> Tensor:
    part = values[..., first : first + CHANNELS]
    return torch.nn.functional.pad(part, (0, CHANNELS - part.shape[-1])) if part.shape[-1] < CHANNELS else part


def _array(tensor: Tensor) -> Array:
    return tensor.detach().contiguous().numpy()


class _Project(torch.autograd.Function):
    """(means, quats, scales) to (means2d, ellipses, depths, radii) of all views."""

    @staticmethod
    def forward(
        ctx: Any, means: Tensor, quats: Tensor, scales: Tensor, views: Tensor, size: Size
    ) -> tuple[Tensor, ...]:
        arrays = cpu_projection.project_all(_array(means), _array(quats), _array(scales), _array(views), *size)
        means2d, depths, ellipses, radii = map(torch.from_numpy, arrays)
        ctx.save_for_backward(means, quats, scales, views, ellipses, radii)
        ctx.size = size
        ctx.mark_non_differentiable(radii)
        return means2d, ellipses, depths, radii

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, by_means2d: Tensor, by_ellipses: Tensor, by_depths: Tensor, _by_radii: None
    ) -> tuple[Tensor | None, ...]:
        means, quats, scales, views, ellipses, radii = map(_array, ctx.saved_tensors)
        gradients = cpu_projection.project_all_gradient(
            means,
            quats,
            scales,
            views,
            *ctx.size,
            ellipses,
            radii,
            _array(by_means2d),
            _array(by_depths),
            _array(by_ellipses),
        )
        return *map(torch.from_numpy, gradients), None, None


@dataclass(frozen=True)
class _Ranks:
    """The drawn splats of all views in the order in which pixels meet them."""

    table: Array
    radii: Array
    splats: Array
    first: Array  # [V + 1]
    pairs_before: Array


class _Blend(torch.autograd.Function):
    """Splats on the screens to (color, alpha, depth) of all views."""

    @staticmethod
    def forward(
        ctx: Any,
        means2d: Tensor,
        ellipses: Tensor,
        depths: Tensor,
        opacities: Tensor,
        colors: Tensor,  # [V or 1, N, 3]
        background: Tensor,  # [V, 3]
        radii: Tensor,
        size: Size,
    ) -> tuple[Tensor, Tensor, Tensor]:
        ranks = _rank(size, *map(_array, (means2d, ellipses, depths, opacities, colors, radii)))
        state = cpu_blending.start_forward(len(radii), *size, ranks.table)
        chunks = _Chunks(ranks, size)
        for _, _, pairs in chunks:
            cpu_blending.blend(state, *size, ranks.table, *pairs)
        pictures = cpu_blending.finish_forward(state, _array(background), *size)
        color, alpha, depth = map(torch.from_numpy, pictures)
        ctx.save_for_backward(color, alpha, depth, background)
        ctx.chunks, ctx.shape = chunks, (*radii.shape, len(colors))
        ctx.set_materialize_grads(False)
        return color, alpha, depth

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, by_color: Tensor | None, by_alpha: Tensor | None, by_depth: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        color, alpha, depth, background = map(_array, ctx.saved_tensors)
        gradients = [
            np.zeros_like(values) if by is None else _array(by)
            for values, by in ((color, by_color), (alpha, by_alpha), (depth, by_depth))
        ]
        chunks: _Chunks = ctx.chunks
        views, count, palettes = ctx.shape
        dtype = color.dtype
        by_means2d, by_ellipses = np.zeros((views, count, 2), dtype), np.zeros((views, count, 3), dtype)
        by_depths, by_opacities = np.zeros((views, count), dtype), np.zeros((views, count), dtype)
        by_colors = np.zeros((views, count, CHANNELS), dtype)
        state = cpu_gradients.start_backward(color, alpha, depth, background, *gradients)
        for begin, end, pairs in chunks:
            moments = cpu_gradients.pass_light(state, *chunks.size, chunks.ranks.table, *pairs)
            cpu_gradients.gather(
                moments,
                chunks.ranks.table,
                chunks.ranks.splats,
                chunks.ranks.pairs_before,
                begin,
                end,
                by_means2d,
                by_ellipses,
                by_depths,
                by_opacities,
                by_colors,
            )
        by_background = None
        if ctx.needs_input_grad[5]:
            by_background = torch.from_numpy(np.einsum("vhwc,vhw->vc", gradients[0], 1 - alpha))
        return (
            torch.from_numpy(by_means2d),
            torch.from_numpy(by_ellipses),
            torch.from_numpy(by_depths),
            torch.from_numpy(cpu_gradients.sum_over_views(by_opacities[..., None])[:, 0]),
            torch.from_numpy(by_colors if palettes > 1 else cpu_gradients.sum_over_views(by_colors)[None]),
            by_background,
            None,
            None,
        )


def _rank(
    size: Size, means2d: Array, ellipses: Array, depths: Array, opacities: Array, colors: Array, radii: Array
) -> _Ranks:
    keys = depths.view(np.int32 if depths.itemsize == 4 else np.int64)
    splats, first = cpu_binning.sort_by_depth(keys, radii)
    table, radius_of_rank = cpu_binning.tabulate(means2d, ellipses, depths, opacities, colors, radii, splats, first)
    return _Ranks(table, radius_of_rank, splats, first, cpu_binning.count_pairs(table, radius_of_rank, size))


class _Chunks:
    """The ranks of all views, front to back, in portions of limited memory; a single portion is kept for backward."""

    def __init__(self, ranks: _Ranks, size: Size) -> None:
        self.ranks, self.size = ranks, size
        self._only: tuple[Array, Array, tuple[Array, ...]] | None = None

    def __iter__(self) -> Any:
        if self._only is not None:
            yield self._only
            return
        ranks = self.ranks
        begin = ranks.first[:-1]
        while (begin < ranks.first[1:]).any():
            end = cpu_binning.next_chunk(ranks.pairs_before, ranks.first, begin, PAIRS_AT_ONCE)
            pairs = cpu_binning.bin_pairs(ranks.table, ranks.radii, ranks.pairs_before, begin, end, self.size)
            chunk = (begin, end, pairs)
            if (begin == ranks.first[:-1]).all() and (end == ranks.first[1:]).all():
                self._only = chunk
            yield chunk
            begin = end
