"""Set the encoder analytically and train the decoder on it. Resumes by itself; prints PSNR as it goes.

python -m prior.train_vae --steps 3500
"""

import argparse
import time

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn

from lucid_blender.backend.grammar import CLASSES

from .analytic_encoder import install, make_autoencoder, principal_components
from .pictures import Pictures, draw, load_pictures
from .schedules import cosine
from .storage import STATE, load, save_atomically

CHECKPOINT = STATE / "vae.pt"


def random_batch(pictures: Pictures, size: int, generator: np.random.Generator) -> Tensor:
    return torch.from_numpy(draw(pictures, generator.integers(len(pictures), size=size), generator)[0])


@torch.no_grad()
def psnr_by_class(autoencoder: AutoencoderKL, pictures: Pictures, count: int = 1000) -> tuple[float, dict[str, float]]:
    """Mean PSNR in dB of single pictures with values in 0..1, and the mean of each class."""
    generator = np.random.default_rng(4321)
    indices = generator.integers(len(pictures), size=count)
    scores = []
    for part in np.array_split(indices, max(count // 50, 1)):
        batch = torch.from_numpy(draw(pictures, part, generator)[0]).to(autoencoder.device)
        out = autoencoder.decode(autoencoder.encode(batch).latent_dist.mode()).sample.clamp(-1, 1)
        scores.append(-10 * torch.log10(((out - batch) / 2).square().mean((1, 2, 3)) + 1e-9))
    score = torch.cat(scores).cpu().numpy()
    kind = pictures.facts[indices, 0].astype(int)
    return float(score.mean()), {name: float(score[kind == i].mean()) for i, name in enumerate(CLASSES)}


def load_autoencoder() -> AutoencoderKL:
    autoencoder = make_autoencoder()
    autoencoder.load_state_dict(load(CHECKPOINT)["model"])
    return autoencoder.eval()


def start(pictures: Pictures) -> AutoencoderKL:
    """A fresh autoencoder with the analytic encoder."""
    torch.manual_seed(0)
    autoencoder = make_autoencoder()
    install(autoencoder, *principal_components(random_batch(pictures, 4000, np.random.default_rng(0))))
    return autoencoder


def train(steps: int, batch: int, rate: float, device: str) -> None:
    pictures = load_pictures()
    step = 0
    if CHECKPOINT.exists():
        state = load(CHECKPOINT)
        step = state["step"]
        autoencoder = make_autoencoder()
        autoencoder.load_state_dict(state["model"])
    else:
        autoencoder = start(pictures)
        save_atomically({"model": autoencoder.state_dict(), "step": 0}, CHECKPOINT)
    autoencoder.to(device, memory_format=torch.channels_last)
    decoder: list[nn.Parameter] = [*autoencoder.decoder.parameters(), *autoencoder.post_quant_conv.parameters()]
    optimizer = torch.optim.AdamW(decoder, lr=rate, weight_decay=0.0, betas=(0.9, 0.99))
    if step:
        optimizer.load_state_dict(state["optimizer"])
    generator = np.random.default_rng(step)
    began = time.monotonic()
    while step < steps:
        for group in optimizer.param_groups:
            group["lr"] = rate * cosine(step, steps)
        pixels = random_batch(pictures, batch, generator).to(device)
        with torch.no_grad():
            latents = autoencoder.encode(pixels).latent_dist.mode()
        with torch.autocast(pixels.device.type, torch.bfloat16):  # 1.6 times as fast; the encoder keeps full precision
            out = autoencoder.decode(latents).sample.float()
        loss = nn.functional.mse_loss(out, pixels) + 0.02 * nn.functional.l1_loss(out, pixels)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(decoder, 1.0)
        optimizer.step()
        step += 1
        if step % 250 == 0 or step == steps:
            state = {"model": autoencoder.state_dict(), "optimizer": optimizer.state_dict(), "step": step}
            save_atomically(state, CHECKPOINT)
            mean, classes = psnr_by_class(autoencoder, pictures, 200 if step < steps else 1000)
            worst = min(classes, key=lambda name: classes[name])
            seconds = time.monotonic() - began
            print(f"step {step}/{steps}, {seconds:.0f} s, {mean:.2f} dB, {worst} {classes[worst]:.2f} dB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=3500)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    train(arguments.steps, arguments.batch, arguments.rate, arguments.device)


if __name__ == "__main__":
    main()
