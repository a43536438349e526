"""Score the exported model as a user gets it: samples of held-out and of trained captions, autoencoder, sizes.

python -m prior.evaluate --count 100 --grid docs/images/prior-samples.png

Floors: VAE 30 dB in the mean and 27 dB in the worst class; samples 85 % in class and 95 % in colour; 16 MB.
"""

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from PIL import Image
from torch import Tensor

from lucid_blender.backend.grammar import (
    BACKGROUNDS,
    CLASSES,
    COLORS,
    ELEVATION_RANGE,
    HELD_OUT,
    RESOLUTION,
    caption,
    view_phrase,
)
from lucid_blender.backend.grammar.classifier import classify, load_classifier
from lucid_blender.backend.grammar.vocabulary import azimuth_bin

from .pictures import COMBINATIONS, load_pictures
from .storage import BUILTIN
from .train_vae import psnr_by_class

STEPS = 25


@dataclass(frozen=True)
class Wish:
    """What a sample is asked to show."""

    class_name: str
    color: str
    azimuth: float
    elevation: float
    background: str

    @property
    def caption(self) -> str:
        return caption(self.class_name, self.color, self.background, view_phrase(self.azimuth, self.elevation))


def wishes(combinations: list[tuple[str, str]], count: int, seed: int) -> list[Wish]:
    """Combinations in turn, shuffled, from random sides on random backgrounds."""
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(combinations))
    backgrounds = list(BACKGROUNDS)
    return [
        Wish(
            combinations[order[i % len(order)]][0],
            combinations[order[i % len(order)]][1],
            float(generator.uniform(-180, 180)),
            float(generator.uniform(*ELEVATION_RANGE)),
            backgrounds[int(generator.integers(len(backgrounds)))],
        )
        for i in range(count)
    ]


def load_pipeline(folder: Path) -> StableDiffusionPipeline:
    """The shipped folder, in single precision on the CPU."""
    pipeline = StableDiffusionPipeline.from_pretrained(folder, torch_dtype=torch.float32, safety_checker=None)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def sample(pipeline: StableDiffusionPipeline, captions: list[str], scale: float, seed: int) -> Tensor:
    """Pictures [B, 3, H, W], 0..1."""
    parts = []
    for start in range(0, len(captions), 20):
        generator = torch.Generator().manual_seed(seed + start)
        out = pipeline(
            captions[start : start + 20], height=RESOLUTION, width=RESOLUTION,
            num_inference_steps=STEPS, guidance_scale=scale, generator=generator, output_type="np",
        )  # fmt: skip
        parts.append(torch.from_numpy(out.images).permute(0, 3, 1, 2))
    return torch.cat(parts)


def agreement(asked: list[Wish], pictures: Tensor) -> str:
    """Shares of samples that the classifier takes for what was asked, and the classes that fail most."""
    verdicts = classify(load_classifier(), pictures)
    pairs = list(zip(asked, verdicts, strict=True))
    kind = np.mean([w.class_name == v.class_name for w, v in pairs])
    color = np.mean([w.color == v.color for w, v in pairs])
    side = np.mean([(azimuth_bin(w.azimuth) - v.azimuth_bin + 1) % 8 < 3 for w, v in pairs])
    wrong = [f"{w.class_name} as {v.class_name}" for w, v in pairs if w.class_name != v.class_name]
    common = sorted(set(wrong), key=wrong.count, reverse=True)[:6]
    return (
        f"class {kind:.1%}, color {color:.1%}, azimuth within one bin {side:.1%}; "
        f"most frequent: {', '.join(f'{name} ({wrong.count(name)})' for name in common) or 'none'}"
    )


def grid(pipeline: StableDiffusionPipeline, path: Path, scale: float) -> None:
    """Every class once in a trained colour and once in a held-out or another one, in four rows of ten."""
    colors, held_out = list(COLORS), dict(HELD_OUT)
    asked = []
    for i, name in enumerate(CLASSES):
        trained = colors[i % len(colors)] if held_out.get(name) != colors[i % len(colors)] else colors[i % 7 + 1]
        asked.append(Wish(name, trained, 40.0, 25.0, "white" if i % 2 else "gray"))
    for i, name in enumerate(CLASSES):
        asked.append(Wish(name, held_out.get(name, colors[(i + 3) % 10]), -60.0 + 30 * (i % 5), 10.0, "cream"))
    pictures = sample(pipeline, [w.caption for w in asked], scale, 7)
    rows = [torch.cat(list(pictures[i : i + 10]), 2) for i in range(0, 40, 10)]
    pixels = torch.cat(rows, 1).permute(1, 2, 0).mul(255).round().byte().numpy()
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=BUILTIN)
    parser.add_argument("--count", type=int, default=100, help="samples a table entry")
    parser.add_argument("--scales", type=float, nargs="*", default=[4.0, 7.5], help="guidance scales")
    parser.add_argument("--grid", type=Path, help="also write a picture of samples")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--no-vae", action="store_true", help="leave the autoencoder out (it needs training pictures)")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    files = [file for file in arguments.folder.rglob("*") if file.is_file()]
    print(f"size: {sum(file.stat().st_size for file in files) / 1e6:.2f} MB")
    pipeline = load_pipeline(arguments.folder)
    if arguments.grid:
        grid(pipeline, arguments.grid, arguments.scales[0])
    if not arguments.no_vae:
        mean, classes = psnr_by_class(pipeline.vae, load_pictures())
        worst = min(classes, key=lambda name: classes[name])
        print(f"VAE: {mean:.2f} dB, worst class {worst} {classes[worst]:.2f} dB")
    for scale in arguments.scales:
        for name, combinations in (("held out", list(HELD_OUT)), ("trained", COMBINATIONS)):
            asked = wishes(combinations, arguments.count, arguments.seed)
            began = time.monotonic()
            pictures = sample(pipeline, [w.caption for w in asked], scale, arguments.seed)
            seconds = time.monotonic() - began
            print(
                f"CFG {scale}, {name}, {len(asked)} samples, {seconds:.0f} s: {agreement(asked, pictures)}", flush=True
            )


if __name__ == "__main__":
    main()
