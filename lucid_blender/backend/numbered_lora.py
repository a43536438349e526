"""The LoRA files of LucidDreamer's release (its ts_lora.yaml): the format of the package lora_diffusion.

One .safetensors file holds numbered pairs of matrices for each network, NETWORK:NUMBER:up and NETWORK:NUMBER:down, and
learned words. Its metadata says of a network the classes of modules whose linear (and convolution) layers were changed,
in the network's order; of a word, that it is one. There is no alpha: the change is weight * up down.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import safetensors
from torch import Tensor, nn

from ..core.errors import ModelError

EMBEDDING = "<embed>"  # what the metadata says of a word
ATTENTION = {"CrossAttention": "Attention"}  # classes by the names that diffusers had for them, and has
# In older diffusers a transformer block had its parts in this order; today the feed-forward net comes last.
EARLIER_ORDER = ("attn1", "ff", "attn2")
IN_BLOCK = re.compile(rf"(.*\.transformer_blocks\.\d+)\.({'|'.join(EARLIER_ORDER)})\.")


@dataclass(frozen=True)
class NumberedLora:
    """What such a file holds."""

    words: dict[str, Tensor]  # token -> embedding [D]
    classes: dict[str, frozenset[str]]  # network -> classes of modules whose layers are changed
    pairs: dict[str, list[tuple[Tensor, Tensor]]]  # network -> (up [out, r], down [r, in]) in the file's order


def read_numbered(path: Path) -> NumberedLora | None:
    """The file's content; None when it is in another format. Raises ModelError when numbers are missing."""
    with safetensors.safe_open(path, framework="pt") as file:
        metadata = file.metadata() or {}
        keys = list(file.keys())
        networks = {key.partition(":")[0] for key in keys if key.count(":") == 2} & metadata.keys()
        words = [key for key in keys if metadata.get(key) == EMBEDDING]
        if not networks and not words:
            return None
        found = {key: file.get_tensor(key) for key in keys}
    try:
        pairs = {name: _in_order(name, found) for name in networks}
        classes = {name: frozenset(ATTENTION.get(c, c) for c in json.loads(metadata[name])) for name in networks}
    except (KeyError, ValueError, TypeError) as error:
        raise ModelError(f"{path} is not complete: {error}", advice="Download the LoRA again.") from error
    return NumberedLora({word: found[word] for word in words}, classes, pairs)


def _in_order(network: str, found: dict[str, Tensor]) -> list[tuple[Tensor, Tensor]]:
    count = sum(key.startswith(f"{network}:") for key in found) // 2
    return [(found[f"{network}:{i}:up"], found[f"{network}:{i}:down"]) for i in range(count)]


def in_peft_names(lora: NumberedLora, name: str, network: nn.Module) -> dict[str, Tensor]:
    """The pairs under PEFT's names. Raises ModelError unless there is one for each layer, of the layer's shape.

    The numbers follow the order of the layers in the diffusers that wrote the file, of which there were two.
    """
    layers = _layers(network, lora.classes[name])
    pairs = lora.pairs[name]
    for order in (layers, _in_earlier_order(layers)):
        if _fits(network, order, pairs):
            named = zip(order, pairs, strict=True)
            sides = {layer: {"lora_A": down, "lora_B": up} for layer, (up, down) in named}
            return {f"{layer}.{side}.weight": m for layer, both in sides.items() for side, m in both.items()}
    raise ModelError(
        f"the LoRA has {len(pairs)} numbered changes of the {name}, which do not fit this model's {len(layers)} layers "
        f"in {', '.join(sorted(lora.classes[name]))}",
        advice="Choose the model that it was trained on.",
    )


def _layers(network: nn.Module, classes: frozenset[str]) -> list[str]:
    """Names of the layers below modules of these classes; convolutions count where residual blocks are among them."""
    kinds = (nn.Linear, nn.Conv2d) if "ResnetBlock2D" in classes else (nn.Linear,)
    found = (
        f"{above}.{below}"
        for above, module in network.named_modules()
        if type(module).__name__ in classes
        for below, layer in module.named_modules()
        if isinstance(layer, kinds)
    )
    return list(dict.fromkeys(found))


def _in_earlier_order(layers: list[str]) -> list[str]:
    """The feed-forward net of a transformer block before its cross-attention, the blocks as they were."""
    parts = [IN_BLOCK.match(layer) for layer in layers]
    blocks = [part[1] if part else layer for part, layer in zip(parts, layers, strict=True)]
    first = {block: k for k, block in reversed(list(enumerate(blocks)))}
    ranks = [EARLIER_ORDER.index(part[2]) if part else 0 for part in parts]
    order = sorted(range(len(layers)), key=lambda k: (first[blocks[k]], ranks[k]))
    return [layers[k] for k in order]


def _fits(network: nn.Module, layers: list[str], pairs: list[tuple[Tensor, Tensor]]) -> bool:
    weights = [network.get_parameter(f"{layer}.weight") for layer in layers]
    return len(weights) == len(pairs) and all(
        (up.shape[0], down.shape[1]) == tuple(weight.shape[:2])
        for weight, (up, down) in zip(weights, pairs, strict=True)
    )
