"""Where LoRAs and textual inversions are: local files and folders, the hub, and what ships with the built-in model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ..core.errors import ModelError
from ..core.models import SINGLE_FILE
from ..core.options import BUILTIN
from ..core.wanted import (
    INVERSION_FILES,
    LORA_FILES,
    ONLY_SAFETENSORS,
    Part,
    Wanted,
    files_of,
    files_of_folder,
    is_of_the_hub,
)
from .hub import folder_of

MODELS = Path(__file__).parent / "models"
BUILTIN_PREFIX = f"{BUILTIN}:"
USUAL_FILES: Mapping[Part, Sequence[str]] = {"lora": LORA_FILES, "textual_inversion": INVERSION_FILES}
PICKLED = (".bin", ".ckpt", ".pkl", ".pt", ".pth")


def find(wanted: Wanted) -> Path:
    """The file of a LoRA or a learned word: a path, one in a folder, of the hub or of its cache; a download if need be.

    "builtin:NAME" is one that was made for the built-in model. Raises ModelError when there is none, or when it would
    be unpickled.
    """
    source, names = wanted.source, USUAL_FILES[wanted.part]
    if source.startswith(BUILTIN_PREFIX):
        return _builtin(source.removeprefix(BUILTIN_PREFIX), names)
    path = Path(source)
    if path.is_dir():
        return _in_folder(path, names)
    if path.is_file() and path.suffix.lower() == SINGLE_FILE:
        return path
    if path.is_file() or path.suffix.lower() in PICKLED:
        raise ModelError(f"{source} is no .safetensors file", advice=ONLY_SAFETENSORS)
    if is_of_the_hub(source, wanted.part):
        folder = folder_of(wanted)
        return folder / files_of(wanted, files_of_folder(folder, wanted))[0]
    raise ModelError(f"there is no file {source}", advice="Check the path.")


def _builtin(name: str, names: Sequence[str]) -> Path:
    there = {folder.name.removeprefix("lora-"): folder for folder in sorted(MODELS.glob("lora-*"))}
    if name not in there:
        raise ModelError(f"there is no built-in LoRA {name!r}", advice=f"There is {', '.join(there)}.")
    return _in_folder(there[name], names)


def _in_folder(folder: Path, names: Sequence[str]) -> Path:
    usual = [folder / name for name in names if (folder / name).is_file()]
    found = usual[:1] or sorted(folder.glob("*.safetensors"))
    if len(found) != 1:
        what = f"{len(found)} .safetensors files" if found else "no .safetensors file"
        advice = "Give the path of one of them." if found else ONLY_SAFETENSORS
        raise ModelError(f"{folder} holds {what}; wanted one", advice=advice)
    return found[0]
