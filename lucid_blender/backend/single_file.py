"""What is in single .safetensors files, as CompVis's and Stability's own programs and most sites have them.

Such a file holds the networks' weights and nothing else: what they look like, the tokenizer and the schedule come from
a folder in diffusers' layout. That is the file's own folder where it is one, else the small files of the model on offer
that the file is made like, 1.6 MB from the hub.
"""

from __future__ import annotations

import os
from pathlib import Path

from safetensors import SafetensorError, safe_open

from ..core.errors import ModelError
from ..core.model_files import INDEX
from ..core.models import KNOWN, KnownModel

NETWORK = "model.diffusion_model."
PARTS = {NETWORK: "network", "first_stage_model.": "autoencoder", "cond_stage_model.": "text encoder"}
FIRST_LAYER = f"{NETWORK}input_blocks.0.0.weight"  # [width, channels, 3, 3]
READS_TEXT = "attn2.to_k.weight"  # ends the names of [width, text width] matrices
TEXT_WIDTHS = {1024: KNOWN[0], 768: KNOWN[1]}
LATENT_CHANNELS = 4
ADVICE = "Give a whole Stable Diffusion 1.x or 2.x, or the id of one on the hub. A LoRA is added to a model."
# How modelspec's metadata, which some programs write, calls what a network predicts.
SAID = {"v": "v_prediction", "v_prediction": "v_prediction", "epsilon": "epsilon", "eps": "epsilon"}


def family(path: Path) -> KnownModel:
    """The model on offer that the file is made like, by the shapes in its header. Raises ModelError."""
    shapes, _ = _header(path)
    missing = [title for prefix, title in PARTS.items() if not any(name.startswith(prefix) for name in shapes)]
    if missing:
        raise ModelError(f"{path} holds no {missing[0]} of a Stable Diffusion", advice=ADVICE)
    widths = {shape[-1] for name, shape in shapes.items() if name.startswith(NETWORK) and name.endswith(READS_TEXT)}
    if len(widths) != 1 or not widths <= set(TEXT_WIDTHS):
        found = ", ".join(map(str, sorted(widths))) or "no"
        raise ModelError(f"{path} reads texts of width {found}; wanted 768 (1.x) or 1024 (2.x)", advice=ADVICE)
    channels = shapes.get(FIRST_LAYER, (0, LATENT_CHANNELS))[1]
    if channels != LATENT_CHANNELS:
        raise ModelError(
            f"{path} sees {channels} channels, as models for inpainting do; wanted {LATENT_CHANNELS}", advice=ADVICE
        )
    return TEXT_WIDTHS[widths.pop()]


def prediction(path: Path) -> str:
    """What the file says that it predicts, "epsilon" or "v_prediction"; "" where it says nothing."""
    _, metadata = _header(path)
    told = metadata.get("modelspec.prediction_type") or metadata.get("modelspec.predict_key") or ""
    return SAID.get(told.lower(), "")


def own_configuration(path: Path) -> Path | None:
    """The file's folder, where it says what the networks look like."""
    return path.parent if (path.parent / INDEX).is_file() else None


def _header(path: Path) -> tuple[dict[str, tuple[int, ...]], dict[str, str]]:
    """Names and shapes of the tensors, and the metadata; no weights are read."""
    try:
        with safe_open(os.fspath(path), framework="np") as file:
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}
            return shapes, file.metadata() or {}
    except FileNotFoundError as error:
        raise ModelError(f"there is no file {path}", advice="Check the path.") from error
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path} cannot be read: {error}", advice="It is damaged. Download it again.") from error
