"""ControlNets (Zhang et al., ICCV 2023): what they add to the frozen network, and whether they fit it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import ControlNetModel, UNet2DConditionModel
from torch import Tensor

from ..core.errors import ModelError
from ..core.options import BUILTIN, Control, DiffusionModel
from ..core.wanted import ONLY_SAFETENSORS, Wanted, is_of_the_hub
from .hub import folder_of
from .personalisation import LOADING_ERRORS, WIDTHS

logger = logging.getLogger(__name__)

BUILTIN_FOLDER = Path(__file__).parent / "models" / "depth-control"  # for the built-in model

# What the two networks must share so that the ControlNet's outputs can be added to the network's.
SHARED = {
    "cross_attention_dim": f"text width ({WIDTHS})",
    "in_channels": "number of latent channels",
    "block_out_channels": "widths of its blocks",
    "layers_per_block": "number of layers a block",
    "down_block_types": "kinds of blocks",
}


@dataclass(frozen=True)
class ControlNet:
    """One loaded ControlNet and how it is to act."""

    options: Control
    network: ControlNetModel

    @property
    def factor(self) -> int:
        """Pixels of its picture a latent, along each side: each stage of its encoder but the first halves it."""
        return int(2 ** (len(self.network.config.conditioning_embedding_out_channels) - 1))

    def acts(self, timestep: int, length: int) -> bool:
        low, high = self.options.timesteps
        return self.options.weight > 0 and low * length <= timestep <= high * length


def load_controls(
    controls: Sequence[Control], unet: UNet2DConditionModel, model: DiffusionModel, dtype: torch.dtype
) -> tuple[ControlNet, ...]:
    """The ControlNets for a network. Raises ModelError when one is not there or does not fit."""
    return tuple(ControlNet(control, _load(control, unet, model, dtype)) for control in controls)


def _load(control: Control, unet: UNet2DConditionModel, model: DiffusionModel, dtype: torch.dtype) -> ControlNetModel:
    folder = _folder(control, model)
    try:
        network = ControlNetModel.from_pretrained(folder, dtype=dtype, use_safetensors=True, local_files_only=True)
    except LOADING_ERRORS as error:
        raise ModelError(
            f"cannot load the ControlNet {control.source!r}: {error}",
            advice="Its files are damaged, or it is none in diffusers' layout. Download it again, or choose another.",
        ) from error
    check_fit(network, unet, control)
    logger.info("loaded the ControlNet %s for %s, weight %g", control.source, control.kind, control.weight)
    return network.requires_grad_(False).eval()


def _folder(control: Control, model: DiffusionModel) -> Path:
    """Where the ControlNet's files are, after a download if need be."""
    folder = Path(control.source)
    if control.source == BUILTIN:
        if control.kind != "depth":
            raise ModelError(
                f"there is no built-in ControlNet for {control.kind}", advice="Use depth, or name another ControlNet."
            )
        folder = BUILTIN_FOLDER
    elif not folder.is_dir():
        if not is_of_the_hub(control.source, "controlnet"):
            raise ModelError(f"there is no folder {control.source}", advice="Check the path, or give a hub id.")
        return folder_of(
            Wanted(
                source=control.source,
                revision=control.revision,
                part="controlnet",
                allow_download=model.allow_download,
            )
        )
    if not any(folder.glob("*.safetensors")):
        raise ModelError(f"{folder} holds no .safetensors file", advice=ONLY_SAFETENSORS)
    return folder


def check_fit(network: ControlNetModel, unet: UNet2DConditionModel, control: Control) -> None:
    """Raise ModelError unless the ControlNet was made for networks of this shape."""
    for name, meaning in SHARED.items():
        found, wanted = (_plain(getattr(n.config, name)) for n in (network, unet))
        if found != wanted:
            raise ModelError(
                f"the ControlNet {control.source!r} does not fit the model: its {meaning} is {found}, "
                f"the model's {wanted}",
                advice="Choose a ControlNet that was trained for this model.",
            )
    if network.config.conditioning_channels != 3:
        raise ModelError(
            f"the ControlNet {control.source!r} takes pictures of {network.config.conditioning_channels} channels",
            advice="Choose one that takes colour pictures.",
        )


def _plain(value: object) -> object:
    return list(value) if isinstance(value, (list, tuple)) else value


def additions(
    controls: Sequence[ControlNet],
    pictures: Sequence[Tensor],  # of each [V, 3, S, S], sRGB in [0, 1]
    latents: Tensor,  # [B, C, h, w], B a multiple of V: the views, once for each text
    timestep: int,
    embeddings: Tensor,  # [B, L, D]
    *,
    length: int,
) -> dict[str, Any]:
    """What the active ControlNets add to the network's skip connections and its middle; nothing where none acts."""
    down: list[Tensor] = []
    mid: Tensor | None = None
    for control, picture in zip(controls, pictures, strict=True):
        if not control.acts(timestep, length):
            continue
        shown = picture.to(latents).repeat(len(latents) // len(picture), 1, 1, 1)
        skips, middle = control.network(
            latents,
            torch.tensor(timestep, device=latents.device),
            encoder_hidden_states=embeddings,
            controlnet_cond=shown,
            conditioning_scale=control.options.weight,
            return_dict=False,
        )
        down = [a + b for a, b in zip(down, skips, strict=True)] if down else list(skips)
        mid = middle if mid is None else mid + middle
    return {"down_block_additional_residuals": down, "mid_block_additional_residual": mid} if down else {}
