"""Where LoRAs and textual inversions are: local files and folders, the hub, and what ships with the built-in model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import ModelError
from ..core.options import BUILTIN, DiffusionModel

MODELS = Path(__file__).parent / "models"
BUILTIN_PREFIX = f"{BUILTIN}:"
# The names under which diffusers, PEFT and the scripts around them save.
LORA_FILES = ("pytorch_lora_weights.safetensors", "adapter_model.safetensors")
INVERSION_FILES = ("learned_embeds.safetensors",)
PICKLED = (".bin", ".ckpt", ".pkl", ".pt", ".pth")
HUB_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
ONLY_SAFETENSORS = "Only .safetensors are read, because other formats can run code. Convert the file first."


@dataclass(frozen=True)
class Place:
    """Where a .safetensors file is: a local folder or a hub id, and its name there."""

    folder: str
    name: str
    local: bool

    @property
    def path(self) -> Path:
        return Path(self.folder, self.name)


def find(source: str, names: Sequence[str]) -> Place:
    """The file that a source means: a path, a folder that holds one, "owner/repository" or "owner/repository/file".

    "builtin:NAME" is one that was made for the built-in model. ``names`` are the usual ones. Raises ModelError when
    there is none, or when it would be unpickled.
    """
    if source.startswith(BUILTIN_PREFIX):
        return _builtin(source.removeprefix(BUILTIN_PREFIX), names)
    path = Path(source)
    if path.is_dir():
        return _in_folder(path, names)
    if path.is_file() and path.suffix.lower() == ".safetensors":
        return Place(str(path.parent), path.name, True)
    if path.is_file() or path.suffix.lower() in PICKLED:
        raise ModelError(f"{source} is no .safetensors file", advice=ONLY_SAFETENSORS)
    owner, _, rest = source.partition("/")
    repository, _, name = rest.partition("/")
    if HUB_NAME.fullmatch(owner) and HUB_NAME.fullmatch(repository) and (name or path.suffix != ".safetensors"):
        return Place(f"{owner}/{repository}", name or names[0], False)
    raise ModelError(f"there is no file {source}", advice="Check the path.")


def _builtin(name: str, names: Sequence[str]) -> Place:
    there = {folder.name.removeprefix("lora-"): folder for folder in sorted(MODELS.glob("lora-*"))}
    if name not in there:
        raise ModelError(f"there is no built-in LoRA {name!r}", advice=f"There is {', '.join(there)}.")
    return _in_folder(there[name], names)


def _in_folder(folder: Path, names: Sequence[str]) -> Place:
    usual = [folder / name for name in names if (folder / name).is_file()]
    found = usual[:1] or sorted(folder.glob("*.safetensors"))
    if len(found) != 1:
        what = f"{len(found)} .safetensors files" if found else "no .safetensors file"
        advice = "Give the path of one of them." if found else ONLY_SAFETENSORS
        raise ModelError(f"{folder} holds {what}; wanted one", advice=advice)
    return Place(str(folder), found[0].name, True)


def unreadable_advice(place: Place, options: DiffusionModel) -> str:
    """What to do about a file that was found and cannot be read."""
    return "The file is damaged or something else. Download it again." if place.local else download_advice(options)


def download_advice(options: DiffusionModel) -> str:
    """What to do about a file of the hub that does not come."""
    if not options.allow_download:
        return "Downloads are switched off. Allow online access in Blender's preferences, or give a local file."
    return "Check the name and the network, or give a local .safetensors file or folder."
