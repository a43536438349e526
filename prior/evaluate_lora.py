"""Say whether a LoRA of prior.train_lora works: samples with and without it, and whole runs.

python -m prior.evaluate_lora                                  # samples
python -m prior.evaluate_lora --runs docs/images/lora.png      # and runs with their pictures

The measure is how dipped a picture is: where it lies between the grammar's ordinary picture of what the caption asks
for and its dipped one. 0 is the ordinary one, 1 the dipped one; what is tinted as a whole, or empty, is near 0.
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from lucid_blender.backend.diffusion import load
from lucid_blender.backend.grammar import BACKGROUNDS, COLORS, Description, Scene
from lucid_blender.backend.job import Job
from lucid_blender.backend.pictures import contact_sheet, save_png
from lucid_blender.backend.quality.known import BACKGROUND, ELEVATIONS, named_scene, view_camera
from lucid_blender.backend.run import generate, result_of
from lucid_blender.backend.scores import look_through
from lucid_blender.core.options import DiffusionModel, Lora, TextualInversion
from lucid_blender.core.presets import preset

from .evaluate import Wish
from .lora_pictures import SHOWN, UNSEEN, Dipped, with_word
from .pictures import picture
from .train_lora import INVERSION_FILE, TARGET

Floats = NDArray[np.float32]
STEPS, SCALE = 25, 4.0
RUNS = ("a yellow duck", "a blue mug")  # the first never seen dipped
PICTURE = 128  # pixels a side of a view in the picture of the runs
MIDDLE_RADIUS = 3.8  # metres
SOLID = 0.5  # coverage above which a pixel belongs to the prop


def dippedness(seen: Floats, name: str, color: str, azimuth: float, elevation: float, background: str) -> float:
    """The projection of the picture's difference from the ordinary one on the dipped one's, within the silhouette.

    The mean of the latter is taken off, so that only the pattern counts.
    """
    ordinary, dipped = (
        picture(kind(name, color), azimuth, elevation, MIDDLE_RADIUS, background) for kind in (Scene, Dipped)
    )
    inside = ordinary.alpha > SOLID
    pattern = (dipped.rgb - ordinary.rgb)[inside]
    pattern = pattern - pattern.mean(0)
    return float(((seen - ordinary.rgb)[inside] * pattern).sum() / np.square(pattern).sum())


def middle(azimuth: float, elevation: float) -> tuple[float, float]:
    """The camera in the middle of those that the view phrase stands for."""
    return round(azimuth / 45) * 45.0, -7.5 if elevation < 0 else 10.0 if elevation < 20 else 32.5


def wishes(classes: tuple[str, ...], count: int, seed: int) -> list[Wish]:
    random = np.random.default_rng([seed, 80])
    sides = [middle(random.uniform(-180, 180), random.uniform(-15, 45)) for _ in range(count)]
    return [
        Wish(Description(classes[i % len(classes)], str(random.choice(list(COLORS)))), *side, background="gray")
        for i, side in enumerate(sides)
    ]


def measure_samples(folder: Path, count: int) -> None:
    """Props that were shown in the style, and props that never were."""
    lora, word = (Lora(source=str(folder)),), (TextualInversion(source=str(folder / INVERSION_FILE)),)
    models = {
        "as shipped": DiffusionModel(device="cpu"),
        "word alone": DiffusionModel(device="cpu", textual_inversions=word),
        "LoRA alone": DiffusionModel(device="cpu", loras=lora),
        "both": DiffusionModel(device="cpu", loras=lora, textual_inversions=word),
    }
    for name, options in models.items():
        model = load(options)
        for said in (False, True):
            if said and not options.textual_inversions:
                continue
            found = []
            for kind, classes in (("shown", SHOWN), ("unseen", UNSEEN)):
                scores = []
                for i, wish in enumerate(wishes(classes, count, seed=1)):
                    text = with_word(wish.caption) if said else wish.caption
                    generator = torch.Generator().manual_seed(i)
                    pixels = model.sample(text, "", 1, steps=STEPS, guidance_scale=SCALE, generator=generator)
                    seen = pixels[0].permute(1, 2, 0).numpy()
                    prop = wish.prop
                    scores.append(
                        dippedness(seen, prop.class_name, prop.color, wish.azimuth, wish.elevation, wish.background)
                    )
                nearer = np.mean(np.array(scores) > 0.5)
                found.append(f"{kind} classes {np.mean(scores):.2f} (nearer to dipped: {nearer:.0%})")
            print(f"{name}, {'with' if said else 'without'} the word: {', '.join(found)}", flush=True)


def measure_runs(folder: Path, sheet: Path) -> None:
    """Whole runs of the draft preset, a line a prop: four sides without, and four with."""
    with_both = DiffusionModel(
        loras=(Lora(source=str(folder)),),
        textual_inversions=(TextualInversion(source=str(folder / INVERSION_FILE)),),
    )
    sides = [view_camera(azimuth, size=PICTURE) for azimuth in (0.0, 90.0, 180.0, 270.0)]
    background = torch.tensor(BACKGROUNDS[BACKGROUND])
    tiles: list[Floats] = []
    for prompt in RUNS:
        scene = named_scene(prompt)
        for options in (DiffusionModel(), with_both):
            text = with_word(prompt) if options.loras else prompt
            generation = replace(preset("draft", text, model=options), seed=0)
            model = load(generation.model)
            with tempfile.TemporaryDirectory() as place:
                job = Job.create(Path(place) / "run", generation)
                with job.running():
                    *_, finished = generate(job, model)
                result = result_of(job, model)
            level = look_through(result.render).level.pictures
            step = 360 / len(level)
            scores = [
                dippedness(seen, scene.class_name, scene.color, k * step, ELEVATIONS[0], BACKGROUND)
                for k, seen in enumerate(level)
            ]
            print(f"{text}: dipped {np.mean(scores):.2f}, worst side {min(scores):.2f}, {finished.seconds:.0f} s")
            with torch.no_grad():
                tiles += list(result.render(sides, background).color.cpu().numpy())
    save_png(sheet, contact_sheet(tiles, 2 * len(sides), 4))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20, help="samples of each kind")
    parser.add_argument("--folder", type=Path, default=TARGET, help="with both files")
    parser.add_argument("--runs", type=Path, help="where to write the picture of whole runs")
    arguments = parser.parse_args()
    if arguments.runs:
        measure_runs(arguments.folder, arguments.runs)
    else:
        measure_samples(arguments.folder, arguments.count)


if __name__ == "__main__":
    main()
