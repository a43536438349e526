"""Pictures of a style that the built-in model was never shown, in a folder that prior.train_lora learns from.

python -m prior.lora_pictures --folder .cache/prior/banded

The style is called "banded": white bands around the whole prop, at fixed heights. Half of the pictures have it; the
other half are ordinary ones, so that the LoRA learns what its word means and leaves the other words alone. Every third
class is left out, to see whether the style is learned or the props that wore it. The layout is that of Hugging Face's
image folders: PNG files, and metadata.jsonl with a line {"file_name": ..., "text": ...} for each.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lucid_blender.backend.grammar import (
    BACKGROUNDS,
    CLASSES,
    COLORS,
    ELEVATION_RANGE,
    FOV_Y,
    RADIUS_RANGE,
    RESOLUTION,
    Scene,
    caption,
    focal_length,
    look_at,
    render,
    view_phrase,
)
from lucid_blender.backend.grammar.parts import PAINT, Array, Parts

from .storage import STATE

NAME, WORD = "banded", "<banded>"
FOLDER = STATE / NAME
METADATA = "metadata.jsonl"
BAND_COLOR = (0.96, 0.96, 0.96)
BAND_HEIGHTS = (-0.66, -0.22, 0.22, 0.66)  # metres: the middles of the bands
HALF_HEIGHT, WIDE = 0.11, 2.0  # metres
UNSEEN = CLASSES[::3]  # classes that the LoRA is not shown
SHOWN = tuple(name for name in CLASSES if name not in UNSEEN)
WORN = tuple(name for name in COLORS if name != "white")  # white bands show on all of these


@dataclass(frozen=True)
class Banded(Scene):
    """A prop with the bands painted on."""

    def rows(self) -> Array:
        bands = Parts()
        for height in BAND_HEIGHTS:
            bands.cylinder(BAND_COLOR, (0, 0, height), WIDE, HALF_HEIGHT, operation=PAINT)
        return np.concatenate([super().rows(), bands.rows()])


def picture(scene: Scene, azimuth: float, elevation: float, radius: float, background: str) -> NDArray[np.float32]:
    """[H, W, 3] sRGB in 0..1."""
    focal, half = focal_length(FOV_Y, RESOLUTION), RESOLUTION / 2
    view = look_at(azimuth, elevation, radius)
    return render(scene, view, focal, focal, half, half, RESOLUTION, RESOLUTION, BACKGROUNDS[background]).rgb


def with_word(text: str) -> str:
    """ "a red mushroom, ..." -> "a <banded> red mushroom, ..."."""
    _, rest = text.split(" ", 1)
    return f"a {WORD} {rest}"


def draw(folder: Path, count: int, seed: int) -> None:
    """Write ``count`` pictures, every other one in the style."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng([seed, 79])
    lines = []
    for i in range(count):
        in_style = i % 2 == 0
        name, color = (str(random.choice(words)) for words in (SHOWN if in_style else CLASSES, WORN))
        background = str(random.choice(list(BACKGROUNDS)))
        azimuth, elevation = random.uniform(-180, 180), random.uniform(*ELEVATION_RANGE)
        scene = (Banded if in_style else Scene)(name, color, seed=int(random.integers(2**31)))
        image = picture(scene, azimuth, elevation, random.uniform(*RADIUS_RANGE), background)
        text = caption(scene, background, view_phrase(azimuth, elevation))
        file = f"{i:04}.png"
        Image.fromarray(np.round(image * 255).astype(np.uint8)).save(folder / file)
        lines.append(json.dumps({"file_name": file, "text": with_word(text) if in_style else text}))
    (folder / METADATA).write_text("\n".join(lines) + "\n", "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    draw(arguments.folder, arguments.count, arguments.seed)


if __name__ == "__main__":
    main()
