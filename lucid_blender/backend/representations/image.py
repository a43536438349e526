"""A picture that is optimised by itself: text to image, and editing (LucidDreamer Fig. 8; DreamMapping Figs. 10, 14).

There is no camera: every view of a batch is the same picture, noised anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NoReturn, Protocol

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from ...core.cameras import Camera
from ...core.errors import InvalidInput
from ...core.jobs import PICTURE_FILE
from ...core.options import Image, Meshing, Regularisers
from ...core.splats import SplatCloud
from ..schedules import log_linear
from . import adam
from .contract import Pictures, Shown

MID_GREY = 0.5
GAP = 4  # pixels between the pictures before and after


class Codec(Protocol):
    """Between pictures [V, 3, H, W], sRGB in [0, 1], and latents [V, C, h, w]: what a Diffusion does."""

    @property
    def device(self) -> torch.device: ...

    def encode(self, images: Tensor, generator: torch.Generator) -> Tensor: ...

    def decode(self, latents: Tensor) -> Tensor: ...


class ImageCanvas:
    """One picture [1, C, h, w], of latents or of pixels, and its Adam."""

    def __init__(
        self,
        options: Image,
        codec: Codec,
        generator: torch.Generator,
        *,
        size: int,  # pixels, height and width
        iterations: int,
        before: Tensor | None = None,  # [3, size, size] sRGB in [0, 1]: the picture to edit
    ) -> None:
        self.options = options
        self._codec = codec
        self._iterations = iterations
        self._before = before
        self._set_values(self._first_values(size, generator))

    def __len__(self) -> int:
        return 0

    def latents(self, count: int) -> Tensor | None:
        """The latents themselves, ``count`` times; None for pixels, which the model encodes."""
        return self.values.expand(count, -1, -1, -1) if self.options.space == "latents" else None

    def render(
        self, cameras: Sequence[Camera], background: Tensor, generator: torch.Generator | None = None
    ) -> Pictures:
        """The picture, once for every camera and of its size; it fills the frame, so the background never shows."""
        image, size = self._image(), (cameras[0].height, cameras[0].width)
        if image.shape[-2:] != size:
            image = interpolate(image, size, mode="bicubic", antialias=True)
        color = image.permute(0, 2, 3, 1).expand(len(cameras), -1, -1, -1)
        return Shown(color=color, alpha=torch.ones_like(color[..., 0]), depth=torch.zeros_like(color[..., 0]))

    def regularisation(self, options: Regularisers) -> Tensor:
        """0, on the graph: a picture has no term of its own."""
        return (0 * self.values).sum()

    def step(self, iteration: int) -> None:
        """One step of Adam; pixels stay in [0, 1]."""
        for group in self.optimiser.param_groups:
            group["lr"] = log_linear(self.options.learning_rate, iteration, self._iterations)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        if self.options.space == "pixels":
            with torch.no_grad():
                self.values.clamp_(0, 1)

    def after_step(self, iteration: int, generator: torch.Generator) -> None:
        """Nothing happens between iterations."""

    def snapshot(self) -> SplatCloud | None:
        """None: a picture is not in space."""
        return None

    def mesh(self, options: Meshing) -> NoReturn:
        raise InvalidInput("an image has no surface", advice="Leave the mesh out, or choose another representation.")

    @torch.no_grad()
    def picture(self) -> Tensor:
        """[3, H, W] sRGB in [0, 1], as it is now."""
        return self._image()[0].clamp(0, 1).cpu()

    @torch.no_grad()
    def pictures(self) -> dict[str, Tensor]:
        """image.png; where a picture was edited also before.png and both side by side."""
        after = self.picture().permute(1, 2, 0)
        if self._before is None:
            return {PICTURE_FILE: after}
        before = self._before.permute(1, 2, 0)
        both = torch.cat([before, torch.ones(len(before), GAP, 3), after], 1)
        return {PICTURE_FILE: after, "before.png": before, "before-after.png": both}

    # ------------------------------------------------------------ state, for checkpoints

    def state(self) -> dict[str, Tensor]:
        named = {"values": self.values}
        return {name: value.detach().clone() for name, value in (named | adam.memory_of(self.optimiser, named)).items()}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        self._set_values(state["values"])
        adam.remind(self.optimiser, {"values": self.values}, state)

    # ------------------------------------------------------------ inside

    def _image(self) -> Tensor:
        """[1, 3, H, W] sRGB."""
        return self._codec.decode(self.values) if self.options.space == "latents" else self.values

    def _set_values(self, values: Tensor) -> None:
        self.values = values.detach().clone().to(self._codec.device).requires_grad_()
        self.optimiser = torch.optim.Adam([self.values], lr=0.0)

    @torch.no_grad()
    def _first_values(self, size: int, generator: torch.Generator) -> Tensor:
        """The picture to edit, or noise: about mid-grey for pixels, about 0 for latents."""
        grey = torch.full((3, size, size), MID_GREY)
        first = (grey if self._before is None else self._before)[None]
        in_latents = self.options.space == "latents"
        values = self._codec.encode(first, generator).cpu() if in_latents else first
        if self._before is not None:
            return values
        noise = self.options.deviation * torch.randn(values.shape, generator=generator)
        return noise if in_latents else (values + noise).clamp(0, 1)
