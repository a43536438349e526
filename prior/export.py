"""Write the trained weights as a StableDiffusionPipeline folder in half precision, with lucid.json beside them.

python -m prior.export

Takes the averaged (EMA) weights of the newest checkpoint, so it can run while training goes on.
"""

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import torch
from diffusers import StableDiffusionPipeline
from transformers import CLIPTokenizer

from lucid_blender.backend.grammar import (
    ACCENTS,
    AZIMUTH_PHRASES,
    BACKGROUNDS,
    CLASSES,
    COLORS,
    ELEVATION_PHRASES,
    ELEVATION_RANGE,
    FOV_Y,
    HELD_OUT,
    HELD_OUT_MATERIALS,
    MATERIALS,
    OTHER_WORDS,
    RADIUS_RANGE,
    RESOLUTION,
    SETTINGS,
    SIZES,
)
from lucid_blender.backend.grammar.vocabulary import PLAIN_VIEWS, SYNONYMS

from .network import Denoiser, make_scheduler
from .storage import BUILTIN, load
from .text import write_tokenizer
from .train_diffusion import CHECKPOINT
from .train_vae import load_autoencoder

KEPT = ("README.md",)  # written by hand, survives an export


def description(samples: int) -> dict[str, Any]:
    """What lucid.json says: everything that a user of the model has to know about its small world."""
    return {
        "name": "Lucid built-in props",
        "license": "GPL-3.0-or-later",
        "resolution": RESOLUTION,
        "caption": "a {size} {material} {color} {class} with a {second color} {accent} {setting}, {view}, on a "
        "{background} background; all but class and color can be left out",
        "classes": list(CLASSES),
        "colors": list(COLORS),
        "accents": ACCENTS,
        "materials": list(MATERIALS),
        "sizes": list(SIZES),
        "settings": list(SETTINGS),
        "backgrounds": {name: list(rgb) for name, rgb in BACKGROUNDS.items()},
        "other_words": list(OTHER_WORDS),
        "synonyms": SYNONYMS,
        "view_phrases": {
            "template": "{azimuth} {elevation}",
            "azimuth_bin_deg": 45.0,
            "azimuth": list(AZIMUTH_PHRASES),
            "elevation": [{"below_deg": upper, "phrase": phrase} for upper, phrase in ELEVATION_PHRASES],
            "plain": list(PLAIN_VIEWS),
        },
        "training_cameras": {
            "radius": list(RADIUS_RANGE),
            "fov_y": FOV_Y,
            "elevation_deg": list(ELEVATION_RANGE),
            "azimuth": "0 looks at the front from -Y, +90 stands at +X",
        },
        "held_out": [list(pair) for pair in HELD_OUT],
        "held_out_materials": [list(pair) for pair in HELD_OUT_MATERIALS],
        "training_samples": samples,
    }


def export(checkpoint: Path, folder: Path) -> int:
    """Write the folder; returns its size in bytes."""
    state = load(checkpoint)
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    write_tokenizer(partial / "tokenizer")
    tokenizer = CLIPTokenizer.from_pretrained(partial / "tokenizer")
    denoiser = Denoiser(tokenizer)
    denoiser.load_state_dict(state["ema"], strict=False)
    missing = {name for name, _ in denoiser.named_parameters()} - set(state["ema"])
    if missing:
        raise SystemExit(f"{checkpoint} lacks {sorted(missing)[:3]}")
    pipeline = StableDiffusionPipeline(
        vae=load_autoencoder(),
        text_encoder=denoiser.text_encoder,
        tokenizer=tokenizer,
        unet=denoiser.unet,
        scheduler=make_scheduler(state["prediction"]),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.to(dtype=torch.float16)
    pipeline.save_pretrained(partial)
    for file in partial.rglob("*.safetensors"):
        file.chmod(0o644)
    write_tokenizer(partial / "tokenizer")
    (partial / "lucid.json").write_text(json.dumps(description(state["samples"]), indent=2) + "\n", "utf-8")
    for name in KEPT:
        if (folder / name).exists():
            shutil.copy(folder / name, partial / name)
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, default=CHECKPOINT)
    parser.add_argument("--folder", type=Path, default=BUILTIN)
    arguments = parser.parse_args()
    size = export(arguments.checkpoint, arguments.folder)
    print(f"{arguments.folder}: {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
