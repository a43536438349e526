"""How much the model listens to each part of a caption: the rise of its error when that part is wrong.

python -m prior.sensitivity

Samples can follow class and colour perfectly and still ignore the side that a caption names, which distillation needs
most. This measures it directly: noise a picture, predict the noise with the right caption and with one attribute
changed, and compare.
"""

import argparse
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lucid_blender.backend.grammar import (
    BACKGROUNDS,
    CLASSES,
    COLORS,
    ELEVATION_PHRASES,
    MATERIALS,
    Description,
    caption,
    view_phrase,
)

from .evaluate import load_frozen
from .network import tokens_of
from .pictures import AZIMUTH, CLASS, ELEVATION, Pictures, draw, load_pictures
from .storage import BUILTIN

SIDED = (  # where the azimuth can be seen
    "car", "chair", "duck", "mug", "boat", "teapot", "robot", "snowman", "airplane", "train", "truck", "sofa", "fish",
    "rabbit",
)  # fmt: skip
CHANGES = ("class", "color", "second color", "material", "azimuth + 90", "azimuth + 180", "elevation", "background")
TIMESTEPS = (200, 400, 600, 800, 950)


def next_of(value: str | None, values: Iterable[str], step: int) -> str:
    """The value some steps on; of none, the first."""
    known = list(values)
    return known[(known.index(value) + step) % len(known)] if value in known else known[0]


def changed_caption(
    prop: Description, azimuth: float, elevation: float, background: str, change: str | None = None
) -> str:
    """The picture's caption, with one of its parts wrong."""
    match change:
        case "class":
            prop = replace(prop, class_name=next_of(prop.class_name, CLASSES, 7))
        case "color":
            prop = replace(prop, color=next_of(prop.color, COLORS, 3))
        case "second color":
            prop = replace(prop, second_color=next_of(prop.second_color, COLORS, 3))
        case "material":
            prop = replace(prop, material=next_of(prop.material, MATERIALS, 2))
        case "azimuth + 90" | "azimuth + 180":
            azimuth += float(change.split()[-1])
        case "elevation":
            elevation = 40.0 if elevation < ELEVATION_PHRASES[1][0] / 2 else -10.0
        case "background":
            background = next_of(background, BACKGROUNDS, 3)
    return caption(prop, background, view_phrase(azimuth, elevation))


@torch.no_grad()
def measure(folder: Path, pictures: Pictures, count: int) -> None:
    pipeline = load_frozen(folder)
    generator = np.random.default_rng(99)
    sided = np.flatnonzero(np.isin(pictures.facts[:, CLASS], [CLASSES.index(name) for name in SIDED]))
    indices = generator.choice(sided, count)
    pixels, props, backgrounds = draw(pictures, indices, generator)
    latents = pipeline.vae.encode(torch.from_numpy(pixels)).latent_dist.mode() * pipeline.vae.config.scaling_factor
    sides = [(float(facts[AZIMUTH]), float(facts[ELEVATION])) for facts in pictures.facts[indices]]
    names = [list(BACKGROUNDS)[number] for number in backgrounds]

    def words(change: str | None) -> Tensor:
        texts = [changed_caption(p, *side, name, change) for p, side, name in zip(props, sides, names, strict=True)]
        states: Tensor = pipeline.text_encoder(tokens_of(pipeline.tokenizer, texts)).last_hidden_state
        return states

    conditions = {"right": words(None), **{change: words(change) for change in CHANGES}}
    torch.manual_seed(0)
    for t in TIMESTEPS:
        alpha = pipeline.scheduler.alphas_cumprod[t]
        noise = torch.randn_like(latents)
        noisy = alpha.sqrt() * latents + (1 - alpha).sqrt() * noise
        errors = {
            name: (pipeline.unet(noisy, t, encoder_hidden_states=states).sample - noise).square().mean((1, 2, 3))
            for name, states in conditions.items()
        }
        right = errors.pop("right")
        rises = (
            f"{name} {float(e.mean() / right.mean()) - 1:+.1%} ({float((e > right).float().mean()):.0%})"
            for name, e in errors.items()
        )
        print(f"t {t}, error {float(right.mean()):.4f}: {', '.join(rises)}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=BUILTIN)
    parser.add_argument(
        "--count", type=int, default=160, help="pictures; in brackets: where the right caption is better"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    measure(arguments.folder, load_pictures(), arguments.count)


if __name__ == "__main__":
    main()
