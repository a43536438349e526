"""Splats uniform in a ball: the start when nothing is known about the shape."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from ...core.options import Sphere
from ...core.splats import SplatCloud
from .neighbours import initial_scales

MID_GREY = 0.498  # sRGB; 127/255, the release's colour where none is known


def sphere(options: Sphere, generator: torch.Generator) -> SplatCloud:
    """``options.count`` grey splats, uniform in the ball of ``options.radius`` metres about the origin."""
    directions = torch.randn(options.count, 3, generator=generator, device=generator.device, dtype=torch.float64)
    directions /= torch.linalg.vector_norm(directions, dim=1, keepdim=True).clamp_min(1e-12)
    # A ball's volume grows with the cube of its radius.
    shares = torch.rand(options.count, 1, generator=generator, device=generator.device, dtype=torch.float64)
    positions = options.radius * shares.pow(1 / 3) * directions
    colors = np.full((options.count, 3), MID_GREY, dtype=np.float32)
    return round_splats(positions.cpu().numpy(), colors, opacity=options.opacity)


def round_splats(
    positions: npt.NDArray[np.floating],  # [N, 3] metres
    colors: npt.NDArray[np.float32],  # [N, 3] sRGB in [0, 1]
    *,
    opacity: float,
) -> SplatCloud:
    """A cloud of round splats as large as the distance to their neighbours."""
    points = np.asarray(positions, dtype=np.float32)
    return SplatCloud.from_colors(
        positions=points,
        scales=initial_scales(points),
        rotations=np.tile(np.array([1, 0, 0, 0], dtype=np.float32), (len(points), 1)),
        opacities=np.full(len(points), opacity, dtype=np.float32),
        colors=colors,
    )
