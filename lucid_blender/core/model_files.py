"""Which files of a Stable Diffusion in diffusers' layout are needed, and where a hub's cache keeps them.

The layout of the cache is the one that Hugging Face documents and every program shares: models--OWNER--NAME with
refs/BRANCH, which holds a commit, and snapshots/COMMIT. Blender reads it without the hub's library.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from .errors import ModelError
from .models import HubPlace, places_to_find

INDEX = "model_index.json"
SMALL_FILES = (
    INDEX,
    "scheduler/scheduler_config.json",
    "text_encoder/config.json",
    "tokenizer/*.json",
    "tokenizer/*.txt",
    "unet/config.json",
    "vae/config.json",
)
STEMS = {"text_encoder": "model", "unet": "diffusion_pytorch_model", "vae": "diffusion_pytorch_model"}
VARIANTS = ("", "fp16")  # the full weights, or halves where there are no others


@dataclass(frozen=True)
class NeededFiles:
    """What is needed of a repository. ``variant`` is part of the weights' names, as diffusers takes it."""

    names: tuple[str, ...]
    variant: str


def needed(names: Collection[str], title: str) -> NeededFiles:
    """What is needed among the files of a repository or a folder. Raises ModelError for what is not there."""
    small = configuration(names, title)
    for variant in VARIANTS:
        weights = [weights_of(network, names, variant) for network in STEMS]
        if all(weights):
            return NeededFiles((*small, *(name for files in weights for name in files)), variant)
    lacking = next(network for network in STEMS if not weights_of(network, names, ""))
    raise ModelError(
        f"{title} holds no .safetensors of its {lacking}",
        advice="Only safetensors are read, because other formats can run code. Choose another model, or convert it.",
    )


def configuration(names: Collection[str], title: str) -> list[str]:
    """What says what the networks look like, their tokenizer and their schedule. Raises ModelError."""
    small = [name for name in sorted(names) if any(fnmatch(name, pattern) for pattern in SMALL_FILES)]
    missing = [name for name in SMALL_FILES if "*" not in name and name not in small]
    if any(name.startswith("text_encoder_2/") for name in names):
        advice = "Choose a Stable Diffusion 1.x or 2.x model."
        raise ModelError(f"{title} has two text encoders, as Stable Diffusion XL does", advice=advice)
    if INDEX in missing:
        advice = "Give the id or the folder of one in diffusers' layout."
        raise ModelError(f"{title} has no {INDEX}, so it holds no diffusers model", advice=advice)
    if missing or not any(name.startswith("tokenizer/") for name in small):
        advice = "Choose a Stable Diffusion 1.x or 2.x model that is complete."
        raise ModelError(f"{title} has no {missing[0] if missing else 'tokenizer'}", advice=advice)
    return small


def weights_of(network: str, names: Collection[str], variant: str) -> list[str]:
    """The weights of one network: a file, or all its shards and their index; empty where they are not all there."""
    stem = f"{network}/{STEMS[network]}"
    if variant:
        return [name for name in (f"{stem}.{variant}.safetensors",) if name in names]
    return weights_at(stem, names)


def weights_at(stem: str, names: Collection[str]) -> list[str]:
    """A file of weights by its name without the ending, or its shards and their index; empty where it is not whole."""
    if f"{stem}.safetensors" in names:
        return [f"{stem}.safetensors"]
    shard = re.compile(re.escape(stem) + r"-\d{5}-of-(\d{5})\.safetensors")
    shards = [(name, match[1]) for name in sorted(names) if (match := shard.fullmatch(name))]
    index = f"{stem}.safetensors.index.json"
    if index not in names or not shards or len(shards) != int(shards[0][1]):
        return []
    return [index, *(name for name, _ in shards)]


def files_below(folder: Path) -> list[str]:
    """The files of a model's folder by their names as the hub has them."""
    return [path.relative_to(folder).as_posix() for path in folder.glob("*") if path.is_file()] + [
        path.relative_to(folder).as_posix() for path in folder.glob("*/*") if path.is_file()
    ]


# ---------------------------------------------------------------- the cache


def hub_cache(environ: Mapping[str, str]) -> Path:
    """Where the hub's library keeps what it downloads, by its environment variables."""
    if environ.get("HF_HUB_CACHE"):
        return Path(environ["HF_HUB_CACHE"]).expanduser()
    return _home(environ) / "hub"


def _home(environ: Mapping[str, str]) -> Path:
    base = environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(environ.get("HF_HOME") or f"{base}/huggingface").expanduser()


def own_login(environ: Mapping[str, str]) -> str:
    """Where the hub's library finds a token that was set up for it: a variable's name, or the file of `hf auth login`.

    "" where there is none.
    """
    variables = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
    named = next((name for name in variables if environ.get(name, "").strip()), "")
    if named:
        return named
    path = Path(environ.get("HF_TOKEN_PATH") or _home(environ) / "token").expanduser()
    try:
        return str(path) if path.read_text("utf-8").strip() else ""
    except (OSError, UnicodeDecodeError):
        return ""


def snapshot(cache: Path, place: HubPlace) -> Path | None:
    """The folder of a place at its revision, complete or not."""
    repository = cache / f"models--{place.id.replace('/', '--')}"
    commit = place.revision
    try:
        commit = (repository / "refs" / place.revision).read_text("utf-8").strip() or commit
    except (OSError, UnicodeDecodeError):
        pass  # no branch or tag that was asked for: a commit
    folder = repository / "snapshots" / commit
    return folder if folder.is_dir() else None


def is_complete(folder: Path, *, weights: bool = True) -> bool:
    """Whether the folder has all that is needed. A file appears there when it has been downloaded whole."""
    try:
        (needed if weights else configuration)(files_below(folder), str(folder))
    except (ModelError, OSError):
        return False
    return True


def find_cached(source: str, revision: str, cache: Path, *, weights: bool = True) -> Path | None:
    """The folder in the cache that has the model of a hub id, whole, or all but its weights."""
    folders = (snapshot(cache, place) for place in places_to_find(source, revision))
    return next((folder for folder in folders if folder is not None and is_complete(folder, weights=weights)), None)


def cached_ids(cache: Path) -> list[str]:
    """The hub ids whose models are in the cache, whole."""
    ids = (folder.name.removeprefix("models--").replace("--", "/", 1) for folder in cache.glob("models--*--*"))
    return sorted(id for id in ids if find_cached(id, "", cache))
