"""Train a small depth ControlNet for the built-in model, within a budget of minutes on one core, and measure it.

python -m prior.train_controlnet --minutes 10
python -m prior.train_controlnet --evaluate

It starts as a copy of the frozen U-Net's encoder (Zhang et al. 2023) and sees the grammar's exact depth, drawn as
runs draw it of a mesh. The measure is how well samples keep to the silhouette of a shape that the caption does not
tell: the grammar varies proportions at random.
"""

import argparse
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import ControlNetModel, DDIMScheduler, StableDiffusionPipeline
from numpy.typing import NDArray
from torch import Tensor, nn

from lucid_blender.backend.control.pictures import depth_picture
from lucid_blender.backend.control.triangles import Seen
from lucid_blender.backend.grammar import BACKGROUNDS, FOV_Y, RADIUS_RANGE, RESOLUTION, Scene, focal_length, look_at
from lucid_blender.backend.grammar.scene import trace_scene
from lucid_blender.backend.grammar.shading import shade
from lucid_blender.backend.grammar.tracer import LAYERS

from .evaluate import Wish, load_frozen, wishes
from .network import tokens_of
from .pictures import BACKGROUND_COLORS
from .storage import BUILTIN, STATE
from .text import random_caption
from .train_diffusion import loss_weights, rate_at, spread_timesteps

FOLDER = STATE / "controlnet-depth"
ENCODER = (16, 32, 64, 96)  # of the picture: down eight, to the 16 x 16 latents
EMA_DECAY = 0.998
SOLID = 0.5  # coverage above which a pixel belongs to the prop
DIFFERENT = 0.12  # sRGB, largest of three channels: a sample's pixel that is not background
STEPS, SCALE = 25, 4.0  # of DDIM and guidance, when samples are drawn


@dataclass(frozen=True)
class Views:
    """N random props from random cameras, drawn once."""

    rgba: NDArray[np.uint8]  # [N, H, W, 4]
    depth: NDArray[np.uint8]  # [N, H, W] as the ControlNet sees it
    wishes: list[Wish]


def draw_views(count: int, held_out: bool, seed: int) -> Views:
    generator = np.random.default_rng([seed, 78])
    focal, half = focal_length(FOV_Y, RESOLUTION), RESOLUTION / 2
    size = (count, RESOLUTION, RESOLUTION)
    views = Views(np.zeros((*size, 4), np.uint8), np.zeros(size, np.uint8), wishes(held_out, count, seed))
    for i, wish in enumerate(views.wishes):
        scene = Scene(**asdict(wish.prop), seed=int(generator.integers(2**31)))
        view = look_at(wish.azimuth, wish.elevation, generator.uniform(*RADIUS_RANGE))
        layers, alpha, depth = trace_scene(scene, view, focal, focal, half, half, RESOLUTION, RESOLUTION)
        rgb = shade(layers.reshape(-1, LAYERS), *scene.paints(), scene.material).reshape(RESOLUTION, RESOLUTION, 3)
        seen = Seen(depth.astype(np.float64), np.where(alpha > SOLID, 0, -1).astype(np.int32), np.zeros((*size[1:], 3)))
        views.rgba[i] = np.round(np.concatenate([rgb, alpha[..., None]], -1) * 255)
        views.depth[i] = np.round(depth_picture(seen)[..., 0] * 255)
    return views


def shown(views: Views, indices: NDArray[np.int64]) -> Tensor:
    """Depth pictures [B, 3, H, W] in 0..1."""
    return torch.from_numpy(views.depth[indices]).float().div(255)[:, None].expand(-1, 3, -1, -1).contiguous()


def composited(views: Views, indices: NDArray[np.int64], backgrounds: NDArray[np.int64]) -> Tensor:
    """Pictures [B, 3, H, W] in -1..1."""
    rgba = views.rgba[indices].astype(np.float32) / 255
    alpha = rgba[..., 3:]
    rgb = rgba[..., :3] * alpha + BACKGROUND_COLORS[backgrounds][:, None, None] * (1 - alpha)
    return torch.from_numpy(np.ascontiguousarray((2 * rgb - 1).transpose(0, 3, 1, 2)))


@torch.no_grad()
def encoded(pipeline: StableDiffusionPipeline, views: Views, backgrounds: NDArray[np.int64]) -> Tensor:
    """Latents [N, C, h, w]."""
    parts = np.array_split(np.arange(len(views.wishes)), max(len(views.wishes) // 50, 1))
    encode = pipeline.vae.encode
    return torch.cat([encode(composited(views, part, backgrounds[part])).latent_dist.mean for part in parts])


def train(
    pipeline: StableDiffusionPipeline, views: Views, *, minutes: float, batch: int, rate: float, bf16: bool
) -> nn.Module:
    """Noise prediction as the U-Net was trained, its skip connections added to. Each view keeps one background."""
    torch.manual_seed(0)
    control = ControlNetModel.from_unet(pipeline.unet, conditioning_embedding_out_channels=ENCODER).train()
    parameters = list(control.parameters())
    ema = [p.detach().clone() for p in parameters]
    optimizer = torch.optim.AdamW(parameters, lr=rate, betas=(0.9, 0.99), weight_decay=0.01)
    alphas = pipeline.scheduler.alphas_cumprod
    weights = loss_weights(alphas, "epsilon")
    random, generator = np.random.default_rng(5), torch.Generator().manual_seed(5)
    all_backgrounds = random.integers(len(BACKGROUNDS), size=len(views.wishes))
    all_latents = encoded(pipeline, views, all_backgrounds)
    began, step, total = time.monotonic(), 0, 0.0
    while (spent := time.monotonic() - began) < 60 * minutes:
        indices = random.integers(len(views.wishes), size=batch)
        latents, backgrounds = all_latents[indices], all_backgrounds[indices]
        captions = [
            random_caption(wish.prop, wish.azimuth, wish.elevation, int(background), random)
            for wish, background in zip((views.wishes[i] for i in indices), backgrounds, strict=True)
        ]
        with torch.no_grad():
            words = pipeline.text_encoder(tokens_of(pipeline.tokenizer, captions)).last_hidden_state
        t = spread_timesteps(batch, len(alphas), generator)
        noise = torch.randn(latents.shape, generator=generator)
        alpha = alphas[t].view(-1, 1, 1, 1)
        noisy = alpha.sqrt() * latents + (1 - alpha).sqrt() * noise
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            down, mid = control(noisy, t, words, shown(views, indices), return_dict=False)
            predicted = pipeline.unet(
                noisy, t, words, down_block_additional_residuals=down, mid_block_additional_residual=mid
            ).sample
        loss = ((predicted.float() - noise).square().mean((1, 2, 3)) * weights[t]).mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        for group in optimizer.param_groups:
            group["lr"] = rate * rate_at(spent / (60 * minutes), step)
        optimizer.step()
        step, total = step + 1, total + float(loss.detach())
        torch._foreach_lerp_(ema, [p.detach() for p in parameters], 1 - min(EMA_DECAY, step / (9 + step)))
        if step % 100 == 0:
            print(f"step {step}, {step * batch} samples, {spent / 60:.1f} min, loss {total / 100:.4f}", flush=True)
            total = 0.0
    torch._foreach_copy_([p.data for p in parameters], ema)
    return control.eval()


@torch.no_grad()
def sample(
    pipeline: StableDiffusionPipeline, control: ControlNetModel | None, captions: list[str], depth: Tensor
) -> Tensor:
    """Pictures [B, 3, H, W] in 0..1 by DDIM, from the same noise with and without control."""
    scheduler = DDIMScheduler.from_config(pipeline.scheduler.config)
    scheduler.set_timesteps(STEPS)
    words = pipeline.text_encoder(tokens_of(pipeline.tokenizer, [""] * len(captions) + captions)).last_hidden_state
    config = pipeline.unet.config
    shape = (len(captions), config.in_channels, config.sample_size, config.sample_size)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    for t in scheduler.timesteps:
        both, added = x.repeat(2, 1, 1, 1), {}
        if control is not None:
            down, mid = control(both, t, words, depth.repeat(2, 1, 1, 1), return_dict=False)
            added = {"down_block_additional_residuals": down, "mid_block_additional_residual": mid}
        without, towards = pipeline.unet(both, t, words, **added).sample.chunk(2)
        x = scheduler.step(without + SCALE * (towards - without), t, x).prev_sample
    return (pipeline.vae.decode(x).sample / 2 + 0.5).clamp(0, 1)


def evaluate(pipeline: StableDiffusionPipeline, control: ControlNetModel, count: int) -> None:
    """IoU of samples' silhouettes with the shape that was shown, with and without control; pairs never trained on."""
    views = draw_views(count, held_out=True, seed=9)
    backgrounds = np.array([list(BACKGROUNDS).index(wish.background) for wish in views.wishes])
    captions = [wish.caption for wish in views.wishes]
    truth = torch.from_numpy(views.rgba[..., 3] > 255 * SOLID)
    behind = torch.from_numpy(BACKGROUND_COLORS[backgrounds])[:, :, None, None]
    for name, network in (("text alone", None), ("with depth", control)):
        pictures = sample(pipeline, network, captions, shown(views, np.arange(count)))
        found = (pictures - behind).abs().amax(1) > DIFFERENT
        iou = (found & truth).sum((1, 2)) / (found | truth).sum((1, 2))
        print(f"{name}: IoU mean {iou.mean():.3f}, median {iou.median():.3f}, worst tenth {iou.quantile(0.1):.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--pictures", type=int, default=8000)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--bf16", action="store_true", help="faster where the processor has it")
    parser.add_argument("--evaluate", action="store_true", help="only measure what is in the folder")
    parser.add_argument("--count", type=int, default=40, help="samples to measure with")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    arguments = parser.parse_args()
    pipeline = load_frozen(BUILTIN)
    if not arguments.evaluate:
        views = draw_views(arguments.pictures, held_out=False, seed=0)
        control = train(
            pipeline, views, minutes=arguments.minutes, batch=arguments.batch, rate=arguments.rate, bf16=arguments.bf16
        )
        control.half().save_pretrained(arguments.folder)
        for file in arguments.folder.iterdir():
            file.chmod(0o644)
    evaluate(pipeline, ControlNetModel.from_pretrained(arguments.folder, dtype=torch.float32), arguments.count)


if __name__ == "__main__":
    main()
