"""Small scenes, and how two rasterizers are compared on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor

from lucid_blender.backend.rasterizers.contract import Rasterize, Rendered
from lucid_blender.core.cameras import Camera, orbit

INPUTS = ("means", "quats", "scales", "opacities", "colors", "background")


@dataclass(frozen=True)
class Scene:
    means: Tensor
    quats: Tensor
    scales: Tensor
    opacities: Tensor
    colors: Tensor
    background: Tensor

    def to(self, dtype: torch.dtype) -> Scene:
        return Scene(*(getattr(self, field.name).to(dtype) for field in fields(self)))


def random_scene(count: int, *, seed: int = 0, spread: float = 0.5, size: float = 0.25, channels: int = 3) -> Scene:
    """Splats about the origin; float64 values that float32 holds exactly, so that both types draw the same scene."""
    random = np.random.default_rng(seed)

    def numbers(values: np.ndarray) -> Tensor:
        return torch.from_numpy(values.astype(np.float32).astype(np.float64))

    return Scene(
        means=numbers(spread * random.standard_normal((count, 3))),
        quats=numbers(random.standard_normal((count, 4)) * random.uniform(0.1, 9, (count, 1))),
        scales=numbers(size * random.uniform(0.02, 1, (count, 3))),
        opacities=numbers(random.uniform(0, 1, count)),
        colors=numbers(random.uniform(0, 1, (count, channels))),
        background=numbers(random.uniform(0, 1, channels)),
    )


def one_splat(**changes: Tensor) -> Scene:
    """A round splat at the origin, half opaque, white on black."""
    scene = Scene(
        means=torch.zeros(1, 3, dtype=torch.float64),
        quats=torch.tensor([[1.0, 0, 0, 0]], dtype=torch.float64),
        scales=torch.full((1, 3), 0.1, dtype=torch.float64),
        opacities=torch.full((1,), 0.5, dtype=torch.float64),
        colors=torch.ones(1, 3, dtype=torch.float64),
        background=torch.zeros(3, dtype=torch.float64),
    )
    return replace(scene, **changes)


def front(*, distance: float = 2.0, width: int = 33, height: int = 33, focal: float = 40.0) -> Camera:
    """A camera on -Y that looks at the origin; with odd sizes the axis goes through the middle of the middle pixel."""
    camera = orbit(radius=distance, azimuth=0, elevation=0, fov_y=1, width=width, height=height)
    return replace(camera, fx=focal, fy=focal)


def ring(count: int, *, width: int = 29, height: int = 21, off_centre: float = 0.0) -> list[Camera]:
    """Views from around the scene, none of them symmetrical."""
    cameras = [
        orbit(radius=1.6, azimuth=20 + 97 * k, elevation=17 - 11 * k, fov_y=0.9, width=width, height=height)
        for k in range(count)
    ]
    return [replace(c, fx=1.1 * c.fx, cx=c.cx + off_centre, cy=c.cy - 0.7 * off_centre) for c in cameras]


def draw(rasterize: Rasterize, scene: Scene, cameras: Sequence[Camera]) -> Rendered:
    return rasterize(
        scene.means,
        scene.quats,
        scene.scales,
        scene.opacities,
        scene.colors,
        cameras=cameras,
        background=scene.background,
    )


def pictures_and_gradients(rasterize: Rasterize, scene: Scene, cameras: Sequence[Camera]) -> dict[str, Tensor]:
    """Everything that a rasterizer gives for the scene and a fixed random loss of its three pictures."""
    leaves = {name: getattr(scene, name).clone().requires_grad_() for name in INPUTS}
    rendered = draw(rasterize, Scene(**leaves), cameras)
    rendered.means2d.retain_grad()
    pictures = {name: getattr(rendered, name) for name in ("color", "alpha", "depth")}
    random = np.random.default_rng(5)
    loss = sum(
        (picture * torch.from_numpy(random.standard_normal(picture.shape)).to(picture.dtype)).sum()
        for picture in pictures.values()
    )
    torch.autograd.backward(loss)
    found = {name: picture.detach() for name, picture in pictures.items()}
    found |= {"means2d": rendered.means2d.detach(), "radii": rendered.radii, "d means2d": rendered.means2d.grad}
    found |= {f"d {name}": leaf.grad for name, leaf in leaves.items()}
    return found


def largest_differences(found: dict[str, Tensor], wanted: dict[str, Tensor]) -> dict[str, float]:
    """Of each quantity, by its largest value; absolute where that is below 1e-6."""
    return {
        name: float((found[name].double() - wanted[name].double()).abs().max())
        / max(float(wanted[name].abs().max()), 1e-6)
        for name in wanted
        if wanted[name].numel()
    }
