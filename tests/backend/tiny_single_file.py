"""Tiny models as single files under CompVis's names, written from the layout of the two and not by diffusers."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import save_file
from torch import Tensor
from transformers import CLIPTextModel

State = dict[str, Tensor]
RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}


def save_single_file(folder: Path, path: Path, *, metadata: dict[str, str] | None = None) -> Path:
    """The model in a folder as ``save_tiny_model`` makes it, in one file."""
    unet = UNet2DConditionModel.from_pretrained(folder / "unet")
    vae = AutoencoderKL.from_pretrained(folder / "vae")
    text = CLIPTextModel.from_pretrained(folder / "text_encoder")
    words = {
        name if name.startswith("text_model.") else f"text_model.{name}": t for name, t in text.state_dict().items()
    }
    state = under("model.diffusion_model.", unet_names(unet))
    state |= under("first_stage_model.", vae_names(vae))
    state |= under("cond_stage_model.transformer.", words)
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, path, metadata=metadata)
    return path


def under(prefix: str, state: State) -> State:
    return {prefix + name: tensor for name, tensor in state.items()}


def renamed(module: torch.nn.Module, names: dict[str, str]) -> State:
    """Every tensor of a module; the longest of the names that begins its own is exchanged."""
    found = {}
    for name, tensor in module.state_dict().items():
        fitting = [old for old in names if name == old or name.startswith(old + ".")]
        old = max(fitting, key=len, default="")
        found[names[old] + name[len(old) :] if old else name] = tensor
    return found


def unet_names(unet: UNet2DConditionModel) -> State:
    """A network of one layer a block, whose last stage down and first stage up have attention."""
    down, up, middle = unet.down_blocks, unet.up_blocks, unet.mid_block
    found: State = {}

    def put(place: str, module: torch.nn.Module, names: dict[str, str] | None = None) -> None:
        found.update(under(f"{place}.", renamed(module, names or {})))

    put("input_blocks.0.0", unet.conv_in)
    put("time_embed.0", unet.time_embedding.linear_1)
    put("time_embed.2", unet.time_embedding.linear_2)
    put("input_blocks.1.0", down[0].resnets[0], RESNET)
    put("input_blocks.2.0.op", down[0].downsamplers[0].conv)
    put("input_blocks.3.0", down[1].resnets[0], RESNET)
    put("input_blocks.3.1", down[1].attentions[0])
    put("middle_block.0", middle.resnets[0], RESNET)
    put("middle_block.1", middle.attentions[0])
    put("middle_block.2", middle.resnets[1], RESNET)
    put("output_blocks.0.0", up[0].resnets[0], RESNET)
    put("output_blocks.0.1", up[0].attentions[0])
    put("output_blocks.1.0", up[0].resnets[1], RESNET)
    put("output_blocks.1.1", up[0].attentions[1])
    put("output_blocks.1.2.conv", up[0].upsamplers[0].conv)
    put("output_blocks.2.0", up[1].resnets[0], RESNET)
    put("output_blocks.3.0", up[1].resnets[1], RESNET)
    put("out.0", unet.conv_norm_out)
    put("out.2", unet.conv_out)
    return found


def vae_names(vae: AutoencoderKL) -> State:
    found: State = {}
    shortcut = {"conv_shortcut": "nin_shortcut"}
    for side, blocks in ((vae.encoder, vae.encoder.down_blocks), (vae.decoder, vae.decoder.up_blocks)):
        name = "encoder" if side is vae.encoder else "decoder"
        for place in ("conv_in", "conv_out"):
            found |= under(f"{name}.{place}.", getattr(side, place).state_dict())
        found |= under(f"{name}.norm_out.", side.conv_norm_out.state_dict())
        found |= under(f"{name}.mid.block_1.", renamed(side.mid_block.resnets[0], shortcut))
        found |= under(f"{name}.mid.block_2.", renamed(side.mid_block.resnets[1], shortcut))
        attention = renamed(side.mid_block.attentions[0], ATTENTION)
        convolutions = {n: t[:, :, None, None] if t.ndim == 2 else t for n, t in attention.items()}
        found |= under(f"{name}.mid.attn_1.", convolutions)
        for k, block in enumerate(blocks):
            stage = f"down.{k}" if name == "encoder" else f"up.{len(blocks) - 1 - k}"
            for j, resnet in enumerate(block.resnets):
                found |= under(f"{name}.{stage}.block.{j}.", renamed(resnet, shortcut))
            sampler = block.downsamplers if name == "encoder" else block.upsamplers
            if sampler:
                sample = "downsample" if name == "encoder" else "upsample"
                found |= under(f"{name}.{stage}.{sample}.conv.", sampler[0].conv.state_dict())
    found |= under("quant_conv.", vae.quant_conv.state_dict())
    found |= under("post_quant_conv.", vae.post_quant_conv.state_dict())
    return found
