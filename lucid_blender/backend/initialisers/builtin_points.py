"""Points on a prop that the built-in model knows: a small network reads the caption and says where its surface is.

It stands where LucidDreamer has Point-E. `python -m prior.train_points` made it from the same grammar's scenes.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizer

from ...core.options import BuiltinPoints
from ...core.splats import SplatCloud
from ..builtin_words import named_prop
from ..weight_files import MODELS
from .sphere import grey, round_splats

WEIGHTS = MODELS / "points" / "points.safetensors"
POINTS = 1024
WORDS, HIDDEN, BASIS, PAINTS = 128, 512, 256, 128  # widths


def builtin_points(options: BuiltinPoints, prompt: str, generator: torch.Generator) -> SplatCloud:
    """``options.count`` splats at the points of what ``options.prompt``, or else ``prompt``, names, a little off them.

    Raises InvalidInput when that names no prop that the built-in model knows.
    """
    device = generator.device
    order = torch.randperm(POINTS, generator=generator, device=device).cpu()
    offsets = torch.randn(options.count, 3, generator=generator, device=device, dtype=torch.float64).cpu()
    with torch.no_grad():
        points, colors = load_network()(CaptionReader()([named_prop(options.prompt or prompt)]))
    chosen = order[torch.arange(options.count) % POINTS]
    positions = options.scale * (points[0, chosen].double() + options.jitter * offsets)
    seen = colors[0, chosen].numpy() if options.use_colors else grey(options.count)
    cloud = round_splats(positions.numpy(), seen, opacity=options.opacity)
    # A point away from all others would be a large blob.
    return replace(cloud, scales=np.minimum(cloud.scales, np.median(cloud.scales)))


class CaptionReader:
    """What a caption says, as the built-in model's text encoder gathers it in the end tokens."""

    def __init__(self, folder: Path = MODELS / "builtin") -> None:
        self._tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer")
        self._encoder = CLIPTextModel.from_pretrained(folder / "text_encoder", dtype=torch.float32).eval()

    @torch.no_grad()
    def __call__(self, captions: list[str]) -> Tensor:
        """[B, WORDS]."""
        tokens = self._tokenizer(captions, padding="max_length", truncation=True, return_tensors="pt").input_ids
        states: Tensor = self._encoder(input_ids=tokens).last_hidden_state
        ends = (tokens == self._tokenizer.eos_token_id).float().unsqueeze(-1)
        gathered: Tensor = (states * ends).sum(1) / ends.sum(1)
        return gathered


class PointNetwork(nn.Module):
    """From what a caption says to points on the prop, and their colours without light.

    A point's colour is a mixture of the two paints that captions name and one of its own. The paints are read apart
    from the shape, so that a class and a colour that were never shown together still meet.
    """

    def __init__(self) -> None:
        super().__init__()
        self.shape = nn.Sequential(
            *(nn.Linear(WORDS, HIDDEN), nn.SiLU()),
            *(nn.Linear(HIDDEN, HIDDEN), nn.SiLU()),
            *(nn.Linear(HIDDEN, BASIS), nn.SiLU()),
        )
        self.places = nn.Linear(BASIS, 3 * POINTS)
        self.shares = nn.Linear(BASIS, 3 * POINTS)
        self.own = nn.Linear(BASIS, 3 * POINTS)
        self.paints = nn.Sequential(nn.Linear(WORDS, PAINTS), nn.SiLU(), nn.Linear(PAINTS, 2 * 3))

    def forward(self, said: Tensor) -> tuple[Tensor, Tensor]:
        """[B, WORDS] -> points [B, POINTS, 3] in metres and their sRGB colours [B, POINTS, 3] in [0, 1]."""
        basis = self.shape(said)
        places = self.places(basis).unflatten(1, (POINTS, 3))
        shares = self.shares(basis).unflatten(1, (POINTS, 3)).softmax(2)
        own = self.own(basis).unflatten(1, (POINTS, 3)).sigmoid()
        paints = self.paints(said).unflatten(1, (2, 3)).sigmoid()
        return places, shares[..., :2] @ paints + shares[..., 2:] * own


def load_network(path: Path = WEIGHTS) -> PointNetwork:
    """The shipped network."""
    network = PointNetwork()
    network.load_state_dict({name: value.float() for name, value in load_file(path).items()})
    return network.eval()
