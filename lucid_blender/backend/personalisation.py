"""LoRA and textual inversion: what other people's small files add to the frozen network, loaded by diffusers.

A LoRA is merged into the matrices, W + weight * alpha / rank * B A (Hu et al. 2021, Eq. 3), because it does not change
during a run: the network then costs what it did before. Only .safetensors are read.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors
from diffusers import StableDiffusionPipeline
from diffusers.loaders.textual_inversion import load_textual_inversion_state_dicts
from diffusers.utils import (
    USE_PEFT_BACKEND,
    convert_state_dict_to_diffusers,
    convert_state_dict_to_peft,
    convert_unet_state_dict_to_peft,
)
from torch import Tensor, nn

from ..core.errors import ModelError
from ..core.options import DiffusionModel, Lora, TextualInversion
from ..core.wanted import PEFT_CONFIG, Wanted
from .numbered_lora import in_peft_names, read_numbered
from .weight_files import find

logger = logging.getLogger(__name__)

Tensors = dict[str, Tensor]

LOADING_ERRORS = (
    *(OSError, ValueError, RuntimeError, TypeError, AttributeError, KeyError, ImportError),
    safetensors.SafetensorError,
)
UNET, TEXT_ENCODER = "unet", "text_encoder"
PEFT_PREFIX = "base_model.model."
NAMELESS = "emb_params"  # the key of textual inversions that do not carry their token
KNOWN_FORMATS = "Give a LoRA in diffusers', PEFT's, kohya's or lora_diffusion's format."
UNREADABLE = "The file is damaged or something else. Download it again."
WIDTHS = "Stable Diffusion 1.x has 768, 2.x 1024, XL 2048"


@dataclass(frozen=True)
class Adapter:
    """The matrices of a LoRA for each network, PEFT's settings for them where the file has any, and learned words."""

    networks: dict[str, Tensors]  # "unet", "text_encoder" -> "module.lora_A.weight" and so on
    metadata: dict[str, Any] | None = None  # "unet.lora_alpha" and so on; without, the scale of all matrices is 1
    words: dict[str, Tensor] = field(default_factory=dict)  # token -> embedding [D]

    def metadata_of(self, network: str) -> dict[str, Any] | None:
        """None where a file describes the other network only: diffusers would take that for an empty description."""
        found = {name: value for name, value in (self.metadata or {}).items() if name.startswith(f"{network}.")}
        return found or None


def personalise(pipeline: StableDiffusionPipeline, options: DiffusionModel) -> None:
    """Merge the LoRAs into the networks and teach the tokenizer the new words.

    Raises ModelError when a file cannot be read or does not fit the model.
    """
    for inversion in options.textual_inversions:
        add_inversion(pipeline, inversion, options)
    for lora in options.loras:
        merge_lora(pipeline, lora, options)


# ---------------------------------------------------------------- LoRA


def merge_lora(pipeline: StableDiffusionPipeline, lora: Lora, options: DiffusionModel) -> None:
    """Add ``lora.weight`` times the change to the matrices of the pipeline's networks."""
    if not USE_PEFT_BACKEND:
        raise ModelError("LoRA needs the package peft", advice="Install the backend's environment again.")
    adapter = read_lora(pipeline, lora, options)
    for name, tensors in adapter.networks.items():
        check_fit(getattr(pipeline, name), tensors, lora.source)
    if not lora.weight:
        return
    for token, embedding in adapter.words.items():
        add_word(pipeline, token, embedding, f"the LoRA {lora.source!r}")
    if not adapter.networks:
        return
    try:
        _merge(pipeline, adapter, lora.weight)
    except LOADING_ERRORS as error:
        raise ModelError(
            f"cannot use the LoRA {lora.source!r}: {error}", advice="It may be made for another kind of model."
        ) from error
    logger.info("merged the LoRA %s, weight %g, into %s", lora.source, lora.weight, ", ".join(adapter.networks))


def _merge(pipeline: StableDiffusionPipeline, adapter: Adapter, weight: float) -> None:
    loaders = {UNET: pipeline.load_lora_into_unet, TEXT_ENCODER: pipeline.load_lora_into_text_encoder}
    name = "lora"
    for network, tensors in adapter.networks.items():
        loaders[network](
            {f"{network}.{key}": tensor for key, tensor in tensors.items()},
            None,
            getattr(pipeline, network),
            adapter_name=name,
            metadata=adapter.metadata_of(network),
        )
    pipeline.set_adapters(name, weight)
    pipeline.fuse_lora(components=list(adapter.networks), adapter_names=[name])
    pipeline.unload_lora_weights()


def read_lora(pipeline: StableDiffusionPipeline, lora: Lora, options: DiffusionModel) -> Adapter:
    """A LoRA's matrices by network. Raises ModelError when it holds none, or something else."""
    path = find(Wanted(source=lora.source, part="lora", allow_download=options.allow_download))
    try:
        numbered = read_numbered(path)
        if numbered is not None:
            networks = {name: in_peft_names(numbered, name, getattr(pipeline, name)) for name in numbered.pairs}
            return Adapter(networks, words=numbered.words)
        state, alphas, metadata = pipeline.lora_state_dict(
            str(path.parent),
            weight_name=path.name,
            use_safetensors=True,
            local_files_only=True,
            unet_config=pipeline.unet.config,
            return_lora_metadata=True,
        )
    except LOADING_ERRORS as error:
        raise ModelError(f"cannot read the LoRA {lora.source!r}: {error}", advice=UNREADABLE) from error
    if any(key.startswith(PEFT_PREFIX) for key in state):
        return _from_peft(pipeline, state, path, lora.source)
    return Adapter(_by_network(_with_alphas(state, alphas or {}), lora.source), metadata)


def _by_network(state: Tensors, source: str) -> dict[str, Tensors]:
    """The matrices of each network in PEFT's names, from diffusers' formats, the old and the new."""
    networks: dict[str, Tensors] = {}
    for key, tensor in state.items():
        network, _, rest = key.partition(".")
        if network not in (UNET, TEXT_ENCODER):
            raise ModelError(
                f"the LoRA {source!r} changes {network!r}, which a Stable Diffusion 1.x or 2.x does not have",
                advice="It is made for another kind of model, such as Stable Diffusion XL.",
            )
        networks.setdefault(network, {})[rest] = tensor
    try:
        return {network: _in_peft_names(network, tensors) for network, tensors in networks.items()}
    except ValueError as error:
        raise ModelError(f"the LoRA {source!r} has unknown names: {error}", advice=KNOWN_FORMATS) from error


def _in_peft_names(network: str, tensors: Tensors) -> Tensors:
    """Diffusers' own scripts save attention under the older names and all else under today's, in one file."""
    if not any(key.endswith(".down.weight") for key in tensors):
        return tensors
    if network == UNET:
        return dict(convert_unet_state_dict_to_peft(tensors))
    return dict(convert_state_dict_to_peft(convert_state_dict_to_diffusers(tensors)))


def _with_alphas(state: Tensors, alphas: dict[str, float]) -> Tensors:
    """Each B times its alpha / rank, as they are read from files with kohya's names.

    Diffusers would lose alphas that differ between attention layers: it looks for them under other names.
    """
    scaled = dict(state)
    for key, tensor in state.items():
        alpha = alphas.get(f"{key.partition('.lora.')[0]}.alpha")
        if alpha is not None and ".down." in key:
            up = key.replace(".down.", ".up.")
            scaled[up] = state[up] * (alpha / len(tensor))
    return scaled


def _from_peft(pipeline: StableDiffusionPipeline, state: Tensors, path: Path, source: str) -> Adapter:
    """PEFT's own format: one network's matrices, and their scale in a JSON file beside them."""
    config = path.with_name(PEFT_CONFIG)
    if not config.is_file():
        raise ModelError(
            f"the LoRA {source!r} is in PEFT's format, but there is no {PEFT_CONFIG} beside it",
            advice=f"Give the folder that holds both files; {PEFT_CONFIG} has the scale.",
        )
    tensors = {key.removeprefix(PEFT_PREFIX): tensor for key, tensor in state.items()}
    try:
        settings = json.loads(config.read_text("utf-8"))
        scales = {name: settings[name] for name in ("r", "lora_alpha")}
        scales |= {name: settings.get(name) or {} for name in ("rank_pattern", "alpha_pattern")}
        scales |= {name: bool(settings.get(name)) for name in ("use_rslora", "use_dora")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"cannot read {config}: {error}", advice="Download the LoRA again.") from error
    scales["target_modules"] = sorted({name for name, _, _ in matrices(tensors)})
    network = UNET if _shares_modules(pipeline.unet, tensors) else TEXT_ENCODER
    return Adapter({network: tensors}, {f"{network}.{name}": value for name, value in scales.items()})


def matrices(tensors: Tensors) -> Iterator[tuple[str, str, Tensor]]:
    """(module, "A" or "B", matrix) of each matrix among the tensors."""
    for key, tensor in tensors.items():
        found = re.fullmatch(r"(.+)\.lora_(A|B)\.weight", key)
        if found:
            yield found[1], found[2], tensor


def _shares_modules(network: nn.Module, tensors: Tensors) -> bool:
    modules = dict(network.named_modules())
    return any(name in modules for name, _, _ in matrices(tensors))


def check_fit(network: nn.Module, tensors: Tensors, source: str) -> None:
    """Raise ModelError unless every matrix has its module in the network, and that module's width."""
    modules = dict(network.named_modules())
    if not any(matrices(tensors)):
        raise ModelError(f"{source!r} holds no LoRA matrices", advice=KNOWN_FORMATS)
    for key in tensors:
        if ".lora_" not in key and not key.endswith(".alpha"):
            raise ModelError(f"the LoRA {source!r} has an unknown name: {key}", advice=KNOWN_FORMATS)
    for name, side, matrix in matrices(tensors):
        module = modules.get(name) or modules.get(name.removeprefix("text_model."))
        weight = getattr(module, "weight", None)
        if not isinstance(weight, Tensor) or weight.ndim < 2:
            raise ModelError(
                f"the LoRA {source!r} changes {name}, which this model does not have",
                advice="It is made for another kind of model. Choose the model that it names as its base.",
            )
        found, wanted = (matrix.shape[1], weight.shape[1]) if side == "A" else (matrix.shape[0], weight.shape[0])
        if found != wanted:
            raise ModelError(
                f"the LoRA {source!r} does not fit: {name} takes {found} numbers there and {wanted} in this model",
                advice=f"Choose the model that it was trained on. Of text widths, {WIDTHS}.",
            )


# ---------------------------------------------------------------- textual inversion


def add_inversion(pipeline: StableDiffusionPipeline, inversion: TextualInversion, options: DiffusionModel) -> None:
    """Teach the tokenizer the word, and the text encoder its embeddings."""
    token, embedding = read_inversion(inversion, options)
    add_word(pipeline, token, embedding, f"the textual inversion {inversion.source!r}")


def add_word(pipeline: StableDiffusionPipeline, token: str, embedding: Tensor, of: str) -> None:
    """Give the pipeline's text encoder the embeddings [K, D] or [D] for a new token; ``of`` is where they are from."""
    width = pipeline.text_encoder.get_input_embeddings().weight.shape[-1]
    if embedding.shape[-1] != width:
        raise ModelError(
            f"{of} has embeddings of {embedding.shape[-1]} numbers; this model's have {width}",
            advice=f"Choose the model that it was trained on. Of text widths, {WIDTHS}.",
        )
    try:
        pipeline.load_textual_inversion({token: embedding}, token=token)
    except LOADING_ERRORS as error:
        raise ModelError(
            f"cannot use {of}: {error}", advice="Give it a token that the model does not know yet."
        ) from error
    logger.info("taught the text encoder %s from %s", token, of)


def read_inversion(inversion: TextualInversion, options: DiffusionModel) -> tuple[str, Tensor]:
    """The word and its embeddings [K, D]."""
    path = find(Wanted(source=inversion.source, part="textual_inversion", allow_download=options.allow_download))
    try:
        (state,) = load_textual_inversion_state_dicts(
            [str(path.parent)],
            weight_name=path.name,
            use_safetensors=True,
            local_files_only=True,
        )
    except LOADING_ERRORS as error:
        raise ModelError(
            f"cannot read the textual inversion {inversion.source!r}: {error}", advice=UNREADABLE
        ) from error
    if len(state) != 1 or next(iter(state.values())).ndim not in (1, 2):
        raise ModelError(
            f"{inversion.source!r} holds {', '.join(list(state)[:3]) or 'nothing'}; wanted one word's embeddings",
            advice="Textual inversions for models with two text encoders, such as Stable Diffusion XL, do not fit.",
        )
    ((name, embedding),) = state.items()
    own = path.stem if name == NAMELESS else name
    return inversion.token or own, embedding.reshape(-1, embedding.shape[-1])
