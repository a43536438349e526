"""What a run wants of the hub: its model, LoRAs, learned words, ControlNets, Shap-E. Which files of a repository each
needs, and where the cache has them: core/model_files.py knows the cache and the models' files.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Literal, assert_never

from .errors import ModelError
from .model_files import configuration, files_below, find_cached, needed, snapshot, weights_at
from .models import HUB_ID, NEWEST, SINGLE_FILE, HubPlace, kind_of, places_to_ask
from .options import BUILTIN, DiffusionModel, Generation, ShapE

Part = Literal["model", "configuration", "lora", "textual_inversion", "controlnet", "shap_e"]
PARTS: tuple[Part, ...] = ("model", "lora", "textual_inversion", "controlnet", "shap_e")  # that are asked for by name
NAMES: Mapping[Part, str] = {  # as users read them
    "model": "model",
    "configuration": "model",
    "lora": "LoRA",
    "textual_inversion": "learned word",
    "controlnet": "ControlNet",
    "shap_e": "Shap-E",
}
# The names under which diffusers, PEFT and the scripts around them save.
LORA_FILES = ("pytorch_lora_weights.safetensors", "adapter_model.safetensors")
INVERSION_FILES = ("learned_embeds.safetensors",)
PEFT_CONFIG = "adapter_config.json"
CONTROLNET = "diffusion_pytorch_model"
SHAP_E_NETWORKS = {"prior": CONTROLNET, "shap_e_renderer": CONTROLNET, "text_encoder": "model"}
ONLY_SAFETENSORS = "Only .safetensors are read, because other formats can run code. Convert the file first."


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A thing of the hub. Of a LoRA or a learned word the source may name the file: owner/name/file.safetensors."""

    source: str
    revision: str = ""  # branch, tag or commit; "" is the default branch
    part: Part = "model"  # "configuration": of a model all but its weights
    allow_download: bool = True

    @property
    def id(self) -> str:
        return "/".join(self.source.split("/")[:2])

    @property
    def file(self) -> str:
        """The file that is named; "" where the usual one is meant."""
        return "/".join(self.source.split("/")[2:])

    @property
    def places(self) -> tuple[HubPlace, ...]:
        """Where it is downloaded from, in order."""
        if self.part in ("model", "configuration"):
            return places_to_ask(self.source, self.revision)
        return (HubPlace(self.id, self.revision or NEWEST),)


def of_model(model: DiffusionModel) -> Wanted:
    return Wanted(source=model.source, revision=model.revision, allow_download=model.allow_download)


def the(part: Part) -> str:
    """It in a sentence."""
    return NAMES[part] if part == "shap_e" else f"the {NAMES[part]}"


def is_of_the_hub(source: str, part: Part) -> bool:
    """Whether a source means something of the hub, rather than a file, a folder, or what comes with the extension."""
    if part in ("model", "configuration"):
        return kind_of(source) == "hub"
    if source == BUILTIN or source.startswith(f"{BUILTIN}:") or Path(source).exists():
        return False
    wanted = Wanted(source=source, part=part)
    names_a_file = part in ("lora", "textual_inversion")
    if HUB_ID.fullmatch(wanted.id) is None or (wanted.file and not names_a_file):
        return False
    return bool(wanted.file) or not wanted.id.endswith(SINGLE_FILE)


def all_wanted(generation: Generation) -> tuple[Wanted, ...]:
    """Everything of the hub that a run is made with, the model first. A single file's configuration is not among it."""
    model = generation.model
    sources: list[tuple[Part, str, str]] = [("model", model.source, model.revision)]
    sources += [("textual_inversion", word.source, "") for word in model.textual_inversions]
    sources += [("lora", lora.source, "") for lora in model.loras]
    sources += [("controlnet", control.source, control.revision) for control in generation.controls]
    if isinstance(generation.initialiser, ShapE):
        sources += [("shap_e", generation.initialiser.source, generation.initialiser.revision)]
    found = (
        Wanted(source=source.strip(), revision=revision, part=part, allow_download=model.allow_download)
        for part, source, revision in sources
    )
    return tuple(dict.fromkeys(wanted for wanted in found if is_of_the_hub(wanted.source, wanted.part)))


def find_wanted(wanted: Wanted, cache: Path) -> Path | None:
    """The folder of the cache that has all of it."""
    match wanted.part:
        case "model" | "configuration":
            return find_cached(wanted.source, wanted.revision, cache, weights=wanted.part == "model")
    folder = snapshot(cache, *wanted.places)
    try:
        return folder if folder is not None and files_of(wanted, files_of_folder(folder, wanted)) else None
    except (ModelError, OSError):
        return None


def files_of_folder(folder: Path, wanted: Wanted) -> list[str]:
    """The names in a folder, the named file's among them however deep it lies."""
    deep = [wanted.file] if wanted.file.count("/") > 1 and (folder / wanted.file).is_file() else []
    return files_below(folder) + deep


def files_of(wanted: Wanted, names: Collection[str]) -> tuple[str, ...]:
    """What is needed among the files of its repository. Raises ModelError for what is not there."""
    match wanted.part:
        case "model":
            return needed(names, wanted.source).names
        case "configuration":
            return tuple(configuration(names, wanted.source))
        case "lora":
            (file,) = _one_file(wanted, names, LORA_FILES)
            beside = str(PurePosixPath(file).parent / PEFT_CONFIG)
            return (file, beside) if beside in names else (file,)
        case "textual_inversion":
            return _one_file(wanted, names, INVERSION_FILES)
        case "controlnet":
            return _controlnet(wanted, names)
        case "shap_e":
            return _shap_e(wanted, names)
        case other:
            assert_never(other)


def _one_file(wanted: Wanted, names: Collection[str], usual: Sequence[str]) -> tuple[str]:
    """The file that is named, the usual one, or the only one there is."""
    title, what = wanted.id, NAMES[wanted.part]
    if wanted.file:
        if wanted.file not in names:
            raise ModelError(f"{title} has no {wanted.file}", advice="Look for its name on the model's page.")
        if not wanted.file.endswith(SINGLE_FILE):
            raise ModelError(f"{wanted.source} is no .safetensors file", advice=ONLY_SAFETENSORS)
        return (wanted.file,)
    all_there = sorted(name for name in names if "/" not in name and name.endswith(SINGLE_FILE))
    found = [name for name in usual if name in names][:1] or all_there
    if not found:
        raise ModelError(f"{title} holds no {what} as .safetensors", advice=ONLY_SAFETENSORS)
    if len(found) > 1:
        listed = ", ".join(found[:3]) + (", ..." if len(found) > 3 else "")
        raise ModelError(
            f"{title} holds {len(found)} files that may be the {what}: {listed}",
            advice=f"Name one of them: {title}/{found[0]}.",
        )
    return (found[0],)


def _controlnet(wanted: Wanted, names: Collection[str]) -> tuple[str, ...]:
    weights = weights_at(CONTROLNET, names)
    if "config.json" not in names:
        raise ModelError(
            f"{wanted.id} has no config.json, so it holds no ControlNet", advice="Choose one in diffusers' layout."
        )
    if not weights:
        raise ModelError(f"{wanted.id} holds no .safetensors file", advice=ONLY_SAFETENSORS)
    return ("config.json", *weights)


def _shap_e(wanted: Wanted, names: Collection[str]) -> tuple[str, ...]:
    """Safetensors, or pickles where there are none, which are read as tensors only."""
    folders = (*SHAP_E_NETWORKS, "scheduler", "tokenizer")
    small = [
        name
        for name in sorted(names)
        if any(fnmatch(name, f"{folder}/{ending}") for folder in folders for ending in ("*.json", "*.txt"))
        and not name.endswith(".index.json")
    ]
    weights: list[str] = []
    for folder, stem in SHAP_E_NETWORKS.items():
        found = weights_at(f"{folder}/{stem}", names)
        pickled = f"{folder}/{'pytorch_model' if stem == 'model' else stem}.bin"
        found = found or ([pickled] if pickled in names else [])
        if not found or f"{folder}/config.json" not in names:
            raise ModelError(
                f"{wanted.id} has no {folder}, so it holds no Shap-E",
                advice="Give the id of one in diffusers' layout, such as openai/shap-e.",
            )
        weights += found
    if "model_index.json" not in names or not any(name.startswith("tokenizer/") for name in small):
        raise ModelError(f"{wanted.id} holds no complete Shap-E", advice="Take openai/shap-e.")
    return ("model_index.json", *small, *weights)
