"""The frozen diffusion model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .checks import require

BUILTIN = "builtin"


@dataclass(frozen=True, kw_only=True)
class Lora:
    """Low-rank changes of the network's matrices (Hu et al. 2021), in diffusers' or PEFT's format."""

    source: str  # a .safetensors file, a folder that holds one, a hub id, or "builtin:dipped" for the built-in model
    weight: float = 1.0  # 0 leaves the model as it is, 1 is as trained, more exaggerates it, below 0 takes it away
    trigger: str = ""  # the words of the prompt that it was trained with
    add_trigger: bool = False  # put them at the end of a prompt that lacks them

    def __post_init__(self) -> None:
        require(bool(self.source.strip()), "a LoRA has no source; give a .safetensors file, a folder or a hub id")
        require(abs(self.weight) <= 100, f"a LoRA's weight is {self.weight}; wanted -100 to 100")
        require(bool(self.trigger.strip()) or not self.add_trigger, "a LoRA without a trigger cannot add it")


@dataclass(frozen=True, kw_only=True)
class TextualInversion:
    """A learned word (Gal et al. 2022): one or more embeddings that stand for a token of the prompt."""

    source: str  # a .safetensors file, a folder that holds one, a hub id, or "builtin:dipped" for the built-in model
    token: str = ""  # the word; "": the one that the file names, or else the file's own name
    add_token: bool = False  # put it at the end of a prompt that lacks it

    def __post_init__(self) -> None:
        require(bool(self.source.strip()), "a textual inversion has no source; give a .safetensors file or a hub id")
        require(not any(map(str.isspace, self.token)), f"the token {self.token!r} is not one word")


@dataclass(frozen=True, kw_only=True)
class DiffusionModel:
    """Which network is distilled, and where it runs."""

    source: str = BUILTIN  # "builtin", a hub id such as "owner/name", a local folder, or a single .safetensors file
    revision: str = ""  # branch, tag or commit of a hub id; "" is the default branch
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    precision: Literal["auto", "float32", "float16", "bfloat16"] = "auto"  # auto: float16 on cuda, else float32
    prediction: Literal["auto", "epsilon", "v_prediction"] = "auto"  # what the network predicts; auto: as it says
    allow_download: bool = True  # False: use only what is in the cache
    loras: tuple[Lora, ...] = ()
    textual_inversions: tuple[TextualInversion, ...] = ()

    def __post_init__(self) -> None:
        require(
            bool(self.source.strip()),
            "the model is empty; give 'builtin', a hub id, a local folder or a .safetensors file",
        )
