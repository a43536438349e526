"""What every rasterizer takes and gives, the constants of the method, and the check at the door.

A rasterizer is a module with one function::

    rasterize(means, quats, scales, opacities, colors, *, cameras, background) -> Rendered

``torch_oracle`` is the definition of what it computes; the others are held against it.

**Pixels.** Pixel (column i, row j) is sampled at (i, j): centres are at integers, as in the 3D Gaussian Splatting
paper's rasterizer. A point (x, y, z) of camera space lands at (fx x / z + cx - 1/2, fy y / z + cy - 1/2), so with
cx = width / 2 the optical axis lands at (width - 1) / 2, between the two middle pixels of an even width.
``Rendered.means2d`` is in these coordinates.

**Screen-space gradients.** ``Rendered.means2d`` lies between the splats and the pictures in the autograd graph::

    rendered = rasterize(...)
    rendered.means2d.retain_grad()
    loss(rendered.color).backward()
    rendered.means2d.grad           # [V, N, 2], of the loss by each splat's position in each view, per pixel

It works when ``means`` requires a gradient. The gradient of a splat that was not drawn (radius 0) is 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from lucid_blender.core.cameras import Camera
from lucid_blender.core.errors import InvalidInput

NEAR = 0.2
"""Metres; a splat whose centre is no deeper is not drawn."""

LOW_PASS = 0.3
"""Square pixels added to both variances on the screen, so that no splat falls between the pixels; not compensated."""

JACOBIAN_MARGIN = 0.3
"""Half pictures beyond the border where the projection's slope is frozen (1.3 tan(fov / 2) for a centred camera)."""

ALPHA_CUT = 1 / 255
"""A splat that would cover less of a pixel than this is not seen there."""

ALPHA_MAX = 0.99
"""No splat covers more of a pixel than this."""

TRANSMITTANCE_MIN = 1e-4
"""Where a splat would leave less light than this it is dropped, and so is all behind it."""

EXTENT_SIGMAS = 3
"""The radius is this many standard deviations along the longest axis, rounded up to whole pixels."""

EXTENT_TILE = 16
"""Pixels; a splat may reach every pixel of the square tiles that its square of the radius touches, and no other."""

RADIUS_MAX = 1e9
"""Pixels; a splat larger than this is not drawn: its radius would not fit in an int32."""


@dataclass(frozen=True)
class Rendered:
    """The pictures of V views and what densification needs to know about the N splats."""

    color: Tensor
    """[V, H, W, C]: sum of color * weight, plus background * what light is left."""
    alpha: Tensor
    """[V, H, W]: sum of the weights, 0 to 1."""
    depth: Tensor
    """[V, H, W] metres: sum of depth along the optical axis * weight, not divided by alpha."""
    means2d: Tensor
    """[V, N, 2] pixels; 0 where the radius is 0."""
    radii: Tensor
    """[V, N] int32, pixels; 0 for a splat that was not drawn."""


class Rasterize(Protocol):
    def __call__(
        self,
        means: Tensor,
        quats: Tensor,
        scales: Tensor,
        opacities: Tensor,
        colors: Tensor,
        *,
        cameras: Sequence[Camera],
        background: Tensor,
    ) -> Rendered: ...


def check_inputs(
    means: Tensor,
    quats: Tensor,
    scales: Tensor,
    opacities: Tensor,
    colors: Tensor,
    *,
    cameras: Sequence[Camera],
    background: Tensor,
) -> None:
    """Raise ``InvalidInput``, naming the input, unless all of them can be rasterized together."""
    _check_cameras(cameras)
    views, count = len(cameras), len(means)
    channels = colors.shape[-1] if colors.ndim else 0
    inputs: dict[str, tuple[Tensor, list[tuple[int, ...]]]] = {
        "means": (means, [(count, 3)]),
        "quats": (quats, [(count, 4)]),
        "scales": (scales, [(count, 3)]),
        "opacities": (opacities, [(count,)]),
        "colors": (colors, [(count, channels), (views, count, channels)]),
        "background": (background, [(channels,), (views, channels)]),
    }
    for name, (tensor, wanted) in inputs.items():
        if tuple(tensor.shape) not in wanted or channels < 1:
            choices = " or ".join(str(list(shape)) for shape in wanted)
            raise InvalidInput(f"{name} has shape {list(tensor.shape)}; {count} splats in {views} views need {choices}")
        if tensor.dtype != means.dtype or tensor.device != means.device:
            raise InvalidInput(
                f"{name} are {tensor.dtype} on {tensor.device}, means {means.dtype} on {means.device}; they must agree"
            )
    if means.dtype not in (torch.float32, torch.float64):
        raise InvalidInput(f"means are {means.dtype}; a rasterizer takes float32 or float64")
    for name, (tensor, _) in inputs.items():
        _check_values(name, tensor.detach())


def _check_cameras(cameras: Sequence[Camera]) -> None:
    sizes = {(camera.width, camera.height) for camera in cameras}
    if len(sizes) != 1:
        raise InvalidInput(f"cameras have the sizes {sorted(sizes)}; all views of one call need the same, at least one")
    for camera in cameras:
        if not all(map(math.isfinite, (camera.fx, camera.fy, camera.cx, camera.cy))):
            raise InvalidInput(
                f"cameras hold NaN or infinity: fx {camera.fx}, fy {camera.fy}, cx {camera.cx}, cy {camera.cy}"
            )


def _check_values(name: str, tensor: Tensor) -> None:
    """NaN and infinity survive the extremes of ``aminmax``, so one pass finds them."""
    if tensor.numel() == 0:
        return
    if name == "quats":
        tensor = tensor.square().sum(-1)
    lowest, highest = (float(extreme) for extreme in torch.aminmax(tensor))
    if not (math.isfinite(lowest) and math.isfinite(highest)):
        bad = int((~torch.isfinite(tensor)).sum())
        raise InvalidInput(f"{name} hold NaN or infinity ({bad} of {tensor.numel()} values)")
    if name == "quats" and lowest < torch.finfo(tensor.dtype).tiny:
        raise InvalidInput(
            f"quats[{int(tensor.argmin())}] has length 0; a rotation needs a quaternion of any other length"
        )
    if name == "opacities" and not 0 <= lowest <= highest <= 1:
        raise InvalidInput(f"opacities range from {lowest} to {highest}; wanted 0 to 1")
