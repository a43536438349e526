"""The cameras of an iteration: drawn about the prop, from ranges that relax during the run (LucidDreamer's release)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ..core.cameras import Camera, camera_at, look_at, orbit_position
from ..core.options import OrbitCameras

UP = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True)
class View:
    """A camera and the angles (degrees, before jitter) that choose its text."""

    camera: Camera
    azimuth: float
    elevation: float


@dataclass(frozen=True)
class Ranges:
    """What cameras are drawn from at one iteration: metres and radians."""

    radius: tuple[float, float]
    fov_y: tuple[float, float]


def ranges_at(options: OrbitCameras, iteration: int) -> Ranges:
    """The ranges after every relaxation up to ``iteration``, that of the iteration itself included.

    The release's flag for this acts inverted, and so it is on in all published runs; here ``relax_every`` says.
    """
    radius, fov_y = options.radius, options.fov_y
    for _ in range(iteration // options.relax_every if options.relax_every else 0):
        radius = (
            max(options.radius_limits[0], options.radius_factor * radius[0]),
            max(options.radius_limits[1], options.radius_factor * radius[1]),
        )
        fov_y = (
            max(options.fov_y_limits[0], options.fov_y_factors[0] * fov_y[0]),
            min(options.fov_y_limits[1], options.fov_y_factors[1] * fov_y[1]),
        )
    return Ranges(radius, fov_y)


def spread(ends: tuple[float, float], magnitude: float, sign: float, gamma: float) -> float:
    """A number in a range from two uniform ones: centre -+ half width x magnitude^gamma."""
    half = (ends[1] - ends[0]) / 2
    offset: float = (-1 if sign > 0.5 else 1) * half * magnitude**gamma
    return ends[0] + half + offset


def draw_views(
    options: OrbitCameras, iteration: int, *, count: int, size: int, generator: torch.Generator
) -> list[View]:
    """``count`` square views of ``size`` pixels, each drawn independently.

    Departures from the release: the field of view is drawn for each camera, not for each ten; the jittered pose is
    the one that renders, and stays a rotation.
    """
    ranges = ranges_at(options, iteration)
    return [_draw_view(options, ranges, size, generator) for _ in range(count)]


def _draw_view(options: OrbitCameras, ranges: Ranges, size: int, generator: torch.Generator) -> View:
    uniform = torch.rand(11, generator=generator, dtype=torch.float64).numpy()
    normal = torch.randn(6, generator=generator, dtype=torch.float64).numpy()
    radius = spread(ranges.radius, uniform[0], uniform[1], 1.0)
    fov_y = spread(ranges.fov_y, uniform[2], uniform[3], 1.0)
    elevation = spread(options.elevation, uniform[4], uniform[5], options.angle_gamma)
    azimuth = spread(options.azimuth, uniform[6], uniform[7], options.angle_gamma)
    position = orbit_position(radius=radius, azimuth=azimuth, elevation=elevation)
    position = position + options.position_jitter * (uniform[8:11] - 0.5)
    target = options.target_jitter * normal[:3]
    upright = -look_at(position, target, UP)[1, :3]
    viewmat = look_at(position, target, upright + options.up_jitter * normal[3:])
    return View(camera_at(viewmat, fov_y=fov_y, width=size, height=size), azimuth, elevation)
