"""Pictures of a style that the built-in model was never shown, in a folder that prior.train_lora learns from.

python -m prior.lora_pictures --folder .cache/prior/dipped

The style is called "dipped": the prop stood in turquoise paint up to a fixed height. Half of the pictures have it; the
other half are ordinary ones, so that the LoRA learns what its word means and leaves the other words alone. Every third
class never wears it, to see whether the style is learned or the props that wore it. The layout is that of Hugging
Face's image folders: PNG files, and metadata.jsonl with a line {"file_name": ..., "text": ...} for each.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from lucid_blender.backend.grammar import (
    BACKGROUNDS,
    CLASSES,
    COLORS,
    ELEVATION_RANGE,
    RADIUS_RANGE,
    Scene,
    caption,
    view_phrase,
)
from lucid_blender.backend.grammar.parts import PAINT, Array, Parts

from .pictures import picture
from .storage import STATE

NAME, WORD = "dipped", "<dipped>"
FOLDER = STATE / NAME
METADATA = "metadata.jsonl"
PAINT_COLOR = (0.05, 0.78, 0.72)  # turquoise: no prop has it
LEVEL, DEEP, WIDE = -0.05, 1.0, 2.0  # metres: height of the surface, depth and radius of the pot
UNSEEN = CLASSES[::3]  # classes that the LoRA is not shown
SHOWN = tuple(name for name in CLASSES if name not in UNSEEN)


@dataclass(frozen=True)
class Dipped(Scene):
    """A prop that was dipped into the paint."""

    def rows(self) -> Array:
        pot = Parts()
        pot.cylinder(PAINT_COLOR, (0, 0, LEVEL - DEEP / 2), WIDE, DEEP / 2, operation=PAINT)
        return np.concatenate([super().rows(), pot.rows()])


def with_word(text: str) -> str:
    """ "a red mushroom, ..." -> "a <dipped> red mushroom, ..."."""
    _, rest = text.split(" ", 1)
    return f"a {WORD} {rest}"


def draw(folder: Path, count: int, seed: int) -> None:
    """Write ``count`` pictures, every other one in the style."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng([seed, 79])
    lines = []
    for i in range(count):
        in_style = i % 2 == 0
        name, color = (str(random.choice(words)) for words in (SHOWN if in_style else CLASSES, list(COLORS)))
        background = str(random.choice(list(BACKGROUNDS)))
        azimuth, elevation = random.uniform(-180, 180), random.uniform(*ELEVATION_RANGE)
        scene = (Dipped if in_style else Scene)(name, color, seed=int(random.integers(2**31)))
        image = picture(scene, azimuth, elevation, random.uniform(*RADIUS_RANGE), background).rgb
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
