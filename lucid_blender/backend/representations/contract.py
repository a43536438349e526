"""What run.py asks of whatever is optimised, and nothing else.

One iteration: ``latents``, or ``render`` and the model's encoder; ``regularisation``; a backward pass; ``step``;
``after_step``. A representation owns its parameters and their optimiser. Everything random comes from the generator
that is handed in, and everything that the next iteration depends on is in ``state``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from ...core.cameras import Camera
from ...core.meshes import TriangleMesh
from ...core.options import Meshing, Regularisers
from ...core.splats import SplatCloud


class Pictures(Protocol):
    """Rendered views."""

    @property
    def color(self) -> Tensor:
        """[V, H, W, 3] sRGB, the background included."""

    @property
    def alpha(self) -> Tensor:
        """[V, H, W] what of each pixel is the prop's, 0 to 1."""

    @property
    def depth(self) -> Tensor:
        """[V, H, W] metres along the optical axis, times alpha."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """Pictures and nothing else."""

    color: Tensor
    alpha: Tensor
    depth: Tensor


Render = Callable[[Sequence[Camera], Tensor], Pictures]  # cameras, background [3]


class Representation(Protocol):
    """Something that is seen from cameras and learns from gradients on what is seen."""

    def __len__(self) -> int:
        """How many splats there are; 0 where it is not made of splats."""

    def latents(self, count: int) -> Tensor | None:
        """``count`` latents [V, C, h, w] that are optimised themselves; None where pictures are encoded."""

    def render(
        self, cameras: Sequence[Camera], background: Tensor, generator: torch.Generator | None = None
    ) -> Pictures:
        """Every camera's picture on a background [3]; a generator switches on what belongs to training only."""

    def regularisation(self, options: Regularisers) -> Tensor:
        """Scalar: the terms that only this representation has, of the last training render."""

    def step(self, iteration: int) -> None:
        """One step of the optimiser at the rates of this iteration; then the gradients are gone."""

    def after_step(self, iteration: int, generator: torch.Generator) -> None:
        """What happens between iterations: densification, a new occupancy grid."""

    def snapshot(self) -> SplatCloud | None:
        """The prop as splats; None where there is no prop in space."""

    def mesh(self, options: Meshing) -> TriangleMesh:
        """A coloured mesh around the prop. Raises InvalidInput where there is none."""

    def pictures(self) -> dict[str, Tensor]:
        """Pictures [H, W, 3] to keep at the end, by file name; none where a turntable shows the prop."""

    def state(self) -> dict[str, Tensor]:
        """Everything that another object, made from the same options, needs to go on bit by bit."""

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """The inverse of ``state``; its tensors are on the CPU."""
