"""What CLIP score and 3D-FID are taken from: views of props, pictures sampled from the model, features of both.

The views are those of random cameras of the run's last iteration, on white, without jitter; the papers say "random
views" and no more. Reference pictures are sampled from the distilled model itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from ..core.errors import InvalidInput
from ..core.options import Generation, Image
from .diffusion import Diffusion
from .quality.clip import Clip
from .quality.inception import load_inception
from .quality.judge import classifier_features
from .representations.contract import Render
from .views import draw_views

SAMPLING_STEPS = 50  # of DPM-Solver++, DreamMapping table 3
SAMPLING_GUIDANCE = 7.5
Features = Callable[[Tensor], Tensor]  # pictures [N, 3, H, W] in [0, 1] -> [N, D]


def looks(render: Render, generation: Generation, count: int) -> Tensor:
    """[count, 3, H, W] in [0, 1]: the prop from random cameras, the same ones for every prop of the same settings; an
    image [1, 3, H, W] is the same from all of them."""
    if isinstance(generation.representation, Image):
        count = 1
    still = replace(generation.cameras, position_jitter=0.0, target_jitter=0.0, up_jitter=0.0)
    generator = torch.Generator().manual_seed(generation.seed)
    views = draw_views(still, generation.iterations, count=count, size=generation.resolution, generator=generator)
    with torch.no_grad():
        colors = [render([view.camera], torch.ones(3)).color.cpu() for view in views]
    return torch.cat(colors).permute(0, 3, 1, 2).clamp(0, 1).contiguous()


def sampled(model: Diffusion, generation: Generation, count: int) -> Tensor:
    """[count, 3, H, W] in [0, 1]: what the distilled model draws for the prompt, by 50 steps of DPM-Solver++."""
    return model.sample(
        generation.prompt,
        generation.negative_prompt,
        count,
        steps=SAMPLING_STEPS,
        guidance_scale=SAMPLING_GUIDANCE,
        generator=torch.Generator().manual_seed(generation.seed),
    )


def make_features(
    name: str,  # inception, clip, classifier, or none
    *,
    inception_weights: Path | None,
    clips: Sequence[Clip],
    device: torch.device,
) -> Features | None:
    """What distances to sampled pictures are measured in. Raises InvalidInput when it lacks its weights."""
    match name:
        case "none":
            return None
        case "inception":
            if inception_weights is None:
                raise InvalidInput(
                    "FID's Inception has no weights",
                    advice="Give pt_inception-2015-12-05-6726825d.pth of the pytorch-fid project: --inception-weights.",
                )
            return load_inception(inception_weights, device=device).features
        case "clip":
            if not clips:
                raise InvalidInput("distances in CLIP's features need a CLIP", advice="Give one with --clip.")
            return clips[0].embed_pictures
        case "classifier":
            return classifier_features
        case other:
            raise InvalidInput(f"there are no features {other!r}; choose inception, clip, classifier or none")
