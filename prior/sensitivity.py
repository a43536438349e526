"""How much the model listens to each part of a caption: the rise of its error when that part is wrong.

python -m prior.sensitivity

Samples can follow class and colour perfectly and still ignore the side that a caption names, which distillation needs
most. This measures it directly: noise a picture, predict the noise with the right caption and with one attribute
changed, and compare.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lucid_blender.backend.grammar import BACKGROUNDS, CLASSES, COLORS, ELEVATION_PHRASES, caption, view_phrase

from .evaluate import load_pipeline
from .network import tokens_of
from .pictures import Pictures, load_pictures
from .storage import BUILTIN

SIDED = ("car", "chair", "duck", "mug", "boat", "teapot", "robot", "snowman")  # where the azimuth can be seen
CHANGES = {
    "class": {"class_shift": 7},
    "color": {"color_shift": 3},
    "azimuth + 90": {"azimuth_shift": 90},
    "azimuth + 180": {"azimuth_shift": 180},
    "elevation": {"elevation_shift": 1},
    "background": {"background_shift": 3},
}
TIMESTEPS = (200, 400, 600, 800, 950)


def changed_caption(
    facts: np.ndarray, background: int, *, class_shift: int = 0, color_shift: int = 0, azimuth_shift: int = 0,
    elevation_shift: int = 0, background_shift: int = 0,
) -> str:  # fmt: skip
    """The picture's caption, with one of its parts moved on."""
    elevation = float(facts[3])
    if elevation_shift:
        elevation = 40.0 if elevation < ELEVATION_PHRASES[1][0] / 2 else -10.0
    return caption(
        CLASSES[(int(facts[0]) + class_shift) % len(CLASSES)],
        list(COLORS)[(int(facts[1]) + color_shift) % len(COLORS)],
        list(BACKGROUNDS)[(background + background_shift) % len(BACKGROUNDS)],
        view_phrase(float(facts[2]) + azimuth_shift, elevation),
    )


@torch.no_grad()
def measure(folder: Path, pictures: Pictures, count: int) -> None:
    pipeline = load_pipeline(folder)
    generator = np.random.default_rng(99)
    sided = np.flatnonzero(np.isin(pictures.facts[:, 0], [CLASSES.index(name) for name in SIDED]))
    indices, backgrounds = generator.choice(sided, count), generator.integers(len(BACKGROUNDS), size=count)
    latents = pipeline.vae.encode(torch.from_numpy(pictures.over(indices, backgrounds))).latent_dist.mode()
    latents = latents * pipeline.vae.config.scaling_factor

    def words(change: dict[str, int]) -> Tensor:
        texts = [
            changed_caption(pictures.facts[i], int(b), **change) for i, b in zip(indices, backgrounds, strict=True)
        ]
        states: Tensor = pipeline.text_encoder(tokens_of(pipeline.tokenizer, texts)).last_hidden_state
        return states

    conditions = {"right": words({}), **{name: words(change) for name, change in CHANGES.items()}}
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
