"""Score the exported model as a user gets it: samples of held-out and of trained captions, autoencoder, sizes.

python -m prior.evaluate --count 200 --grid docs/images/prior-samples.png

Held-out captions have a class and a colour that were never shown together; every other one also a held-out material.
All name side, height and background; of the prop each row names more of what was drawn at random.
The Fréchet distance is between samples and fresh renders of the same scenes, in the classifier's features.
"""

import argparse
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
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
    HELD_OUT_MATERIALS,
    MATERIALS,
    RADIUS_RANGE,
    RESOLUTION,
    SETTINGS,
    SIZES,
    Description,
    Scene,
    caption,
    view_phrase,
)
from lucid_blender.backend.grammar.classifier import classify, load_classifier
from lucid_blender.backend.grammar.vocabulary import azimuth_bin
from lucid_blender.backend.quality.frechet import frechet_distance
from lucid_blender.backend.quality.judge import classifier_features

from .pictures import load_pictures, picture
from .storage import BUILTIN
from .train_vae import psnr_by_class

STEPS = 25
EVERYTHING = ("second_color", "material", "size", "setting")
ROWS = (  # of the table: captions of combinations that were held out or not, and what of the prop they name
    ("held out: class, color", True, ()),
    ("held out: class, color, material", True, ("material",)),
    ("held out: everything", True, EVERYTHING),
    ("trained: everything", False, EVERYTHING),
)
MATERIAL, SECOND, SIZED, SET = 0.5, 0.4, 0.25, 0.15  # shares of the wishes that name one


@dataclass(frozen=True)
class Wish:
    """What a sample is asked to show."""

    prop: Description
    azimuth: float
    elevation: float
    background: str

    @property
    def caption(self) -> str:
        return caption(self.prop, self.background, view_phrase(self.azimuth, self.elevation))


def asking_for(names: Sequence[str], wish: Wish) -> Wish:
    """The same class and colour from the same side, and of all else only what has these names."""
    kept = {name: getattr(wish.prop, name) for name in names}
    return replace(wish, prop=Description(wish.prop.class_name, wish.prop.color, **kept))


def wishes(held_out: bool, count: int, seed: int) -> list[Wish]:
    """Classes in turn, everything else at random, from random sides on random backgrounds."""
    generator = np.random.default_rng(seed)

    def one_of(values: Iterable[str], share: float = 1.0) -> str | None:
        known = list(values)
        choice = known[int(generator.integers(len(known)))]
        return choice if generator.random() < share else None

    classes = [name for name in CLASSES if not held_out or any(name == n for n, _ in HELD_OUT)]
    asked, order = [], generator.permutation(len(classes))
    for i in range(count):
        name = classes[order[i % len(classes)]]
        color = one_of(c for c in COLORS if ((name, c) in HELD_OUT) == held_out) or ""
        unseen = held_out and i // len(classes) % 2 == 1 and any(name == n for n, _ in HELD_OUT_MATERIALS)
        materials = [m for m in MATERIALS if ((name, m) in HELD_OUT_MATERIALS) == unseen]
        material = one_of(materials, 1.0 if unseen else MATERIAL)
        prop = Description(
            name, color, one_of((c for c in COLORS if c != color), SECOND), material, one_of(SIZES, SIZED),
            one_of(SETTINGS, SET),
        )  # fmt: skip
        azimuth, elevation = float(generator.uniform(-180, 180)), float(generator.uniform(*ELEVATION_RANGE))
        asked.append(Wish(prop, azimuth, elevation, one_of(BACKGROUNDS) or ""))
    return asked


def truths(asked: list[Wish], seed: int) -> Tensor:
    """Fresh renders of what was asked, [B, 3, H, W], 0..1, in random shapes."""
    generator = np.random.default_rng(seed + 1)
    pictures = []
    for wish in asked:
        scene = Scene(**asdict(wish.prop), seed=int(generator.integers(2**31)))
        radius = float(generator.uniform(*RADIUS_RANGE))
        seen = picture(scene, wish.azimuth, wish.elevation, radius, wish.background)
        pictures.append(torch.from_numpy(seen.rgb).permute(2, 0, 1))
    return torch.stack(pictures)


def load_frozen(folder: Path) -> StableDiffusionPipeline:
    """A model's folder in single precision on the CPU, nothing of it to be trained."""
    pipeline = StableDiffusionPipeline.from_pretrained(folder, dtype=torch.float32, safety_checker=None)
    pipeline.set_progress_bar_config(disable=True)
    for network in (pipeline.unet, pipeline.vae, pipeline.text_encoder):
        network.requires_grad_(False).eval()
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
    """Shares of samples that the classifier takes for what was asked, and the classes that fail most.

    Of second colours and materials only where one was asked for; the classifier's own share of right answers on fresh
    renders is the most that can be reached.
    """
    pairs = list(zip([(w.prop, w) for w in asked], classify(load_classifier(), pictures), strict=True))
    kind = np.mean([p.class_name == v.class_name for (p, _), v in pairs])
    color = np.mean([p.color == v.color for (p, _), v in pairs])
    seconds = [p.second_color == v.second_color for (p, _), v in pairs if p.second_color]
    materials = [p.material == v.material for (p, _), v in pairs if p.material]
    side = np.mean([(azimuth_bin(w.azimuth) - v.azimuth_bin + 1) % 8 < 3 for (_, w), v in pairs])
    wrong = [f"{p.class_name} as {v.class_name}" for (p, _), v in pairs if p.class_name != v.class_name]
    common = sorted(set(wrong), key=wrong.count, reverse=True)[:6]
    return (
        f"class {kind:.1%}, color {color:.1%}, "
        + (f"second color {np.mean(seconds):.1%}, " if seconds else "")
        + (f"material {np.mean(materials):.1%}, " if materials else "")
        + f"azimuth within one bin {side:.1%}; "
        f"most frequent: {', '.join(f'{name} ({wrong.count(name)})' for name in common) or 'none'}"
    )


def distance(a: Tensor, b: Tensor) -> float:
    """Fréchet distance of two sets of pictures."""
    return frechet_distance(classifier_features(a).numpy(), classifier_features(b).numpy())


def grid(pipeline: StableDiffusionPipeline, path: Path, scale: float) -> None:
    """Every class once, in a held-out or a trained colour in turn, in rows of ten."""
    asked = [wishes(i % 2 == 1, len(CLASSES), 7)[i] for i in range(len(CLASSES))]
    pictures = sample(pipeline, [w.caption for w in asked], scale, 7)
    rows = [torch.cat(list(pictures[i : i + 10]), 2) for i in range(0, len(asked), 10)]
    pixels = torch.cat(rows, 1).permute(1, 2, 0).mul(255).round().byte().numpy()
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=BUILTIN)
    parser.add_argument("--count", type=int, default=200, help="samples a table entry")
    parser.add_argument("--scales", type=float, nargs="*", default=[4.0, 7.5], help="guidance scales")
    parser.add_argument("--grid", type=Path, help="also write a picture of samples")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--no-vae", action="store_true", help="leave the autoencoder out (it needs training pictures)")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    files = [file for file in arguments.folder.rglob("*") if file.is_file()]
    print(f"size: {sum(file.stat().st_size for file in files) / 1e6:.2f} MB")
    pipeline = load_frozen(arguments.folder)
    if arguments.grid:
        grid(pipeline, arguments.grid, arguments.scales[0])
    if not arguments.no_vae:
        mean, classes = psnr_by_class(pipeline.vae, load_pictures())
        worst = min(classes, key=lambda name: classes[name])
        print(f"VAE: {mean:.2f} dB, worst class {worst} {classes[worst]:.2f} dB")
    for scale in arguments.scales:
        for name, held_out, named in ROWS:
            asked = [asking_for(named, wish) for wish in wishes(held_out, arguments.count, arguments.seed)]
            began = time.monotonic()
            pictures = sample(pipeline, [w.caption for w in asked], scale, arguments.seed)
            seconds = time.monotonic() - began
            fresh = truths(asked, arguments.seed)
            print(f"CFG {scale}, {name}, {len(asked)} samples, {seconds:.0f} s: {agreement(asked, pictures)}")
            print(f"    Fréchet distance {distance(pictures, fresh):.2f}; of fresh renders: {agreement(asked, fresh)}")


if __name__ == "__main__":
    main()
