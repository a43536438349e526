"""Train the text encoder and the U-Net together, from scratch, within a budget of wall-clock minutes.

torchrun --nproc-per-node 2 -m prior.train_diffusion --minutes 60 --bf16
python -m prior.train_diffusion --minutes 60 --resume
python -m prior.train_diffusion --minutes 90 --resume --keep-words
python -m prior.train_diffusion --minutes 10 --bf16 --device cuda --workers 14 --batch 256

On a CPU two single-thread processes average their gradients over gloo; one process works as well. The learning rate
follows the share of the budget that is spent, so that it ends on time however busy the machine is. Latents are computed
from the pictures on the fly: the encoder is linear, one small matrix product a picture.
"""

import argparse
import math
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset, get_worker_info
from transformers import CLIPTokenizer

from lucid_blender.backend.grammar import CLASSES

from .analytic_encoder import LATENT_CHANNELS, patches_of, principal_components
from .network import AttributeReader, Denoiser, make_scheduler, tokens_of
from .pictures import AZIMUTH, CLASS, ELEVATION, Pictures, draw, load_pictures
from .storage import STATE, load, save_atomically
from .text import UNSAID, attributes_of, random_caption, write_tokenizer
from .train_vae import random_batch

CHECKPOINT = STATE / "diffusion.pt"
TOKENIZER = STATE / "tokenizer"
MIN_SNR, WEIGHT_FLOOR = 5.0, 0.05
V_WEIGHT_FLOOR = 0.1
EMA_DECAY = 0.998
WARM_UP = 200  # steps
NOISY_EMPHASIS = 4.0  # the loss counts 1 + this * t / T times: there the words decide what is drawn, and from where
READING = 0.02  # weight of the loss that asks the text encoder to keep every attribute readable
ROUND = (  # little to see of the azimuth
    "mushroom", "ice cream", "cone", "tree", "lamp", "ball", "cube", "rocket", "lighthouse", "crown", "lantern",
    "bottle", "bucket", "barrel", "umbrella", "apple", "carrot", "cupcake",
)  # fmt: skip
ROUND_SHARE = 0.25  # of the pictures; by their number it would be 0.36


@dataclass
class Batches(IterableDataset[tuple[Tensor, Tensor, Tensor]]):
    """Endless training batches: latents, tokens, and the attributes that the captions name."""

    pictures: Pictures
    tokenizer: CLIPTokenizer
    projection: Tensor  # [16, 192]
    mean: Tensor  # [192]
    size: int  # pictures a batch
    seed: tuple[int, ...]  # of the random draws; each worker has its own

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        worker = get_worker_info()
        generator = np.random.default_rng([*self.seed, worker.id if worker else 0])
        is_round = np.isin(self.pictures.facts[:, CLASS], [CLASSES.index(name) for name in ROUND])
        kinds = np.flatnonzero(is_round), np.flatnonzero(~is_round)
        while True:
            from_round = generator.random(self.size) < ROUND_SHARE
            indices = np.where(from_round, *(generator.choice(kind, self.size) for kind in kinds))
            yield self.draw(indices, generator)

    def draw(self, indices: NDArray[np.int64], generator: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        pixels, props, backgrounds = draw(self.pictures, indices, generator)
        captions = [
            random_caption(prop, float(facts[AZIMUTH]), float(facts[ELEVATION]), int(background), generator)
            for prop, facts, background in zip(props, self.pictures.facts[indices], backgrounds, strict=True)
        ]
        attributes = torch.tensor([attributes_of(prop, text) for prop, text in zip(props, captions, strict=True)])
        latents = linear_latents(torch.from_numpy(pixels), self.projection, self.mean)
        return latents, tokens_of(self.tokenizer, captions), attributes


def linear_latents(pixels: Tensor, projection: Tensor, mean: Tensor) -> Tensor:
    """What the analytic encoder computes, [B, 16, H/8, W/8], without the network."""
    return ((patches_of(pixels) - mean) @ projection.T).permute(0, 3, 1, 2).contiguous()


def spread_timesteps(size: int, total: int, generator: torch.Generator) -> Tensor:
    """Uniform timesteps, one from each of `size` equal intervals: less noise in the loss than independent ones."""
    u = (torch.arange(size) + torch.rand(size, generator=generator)) / size
    return (u * total).long().clamp(max=total - 1)


def rate_at(progress: float, step: int) -> float:
    """Warm-up, constant for 45 % of the budget, then a cosine down to 1 %."""
    decay = 0.5 * (1 + math.cos(math.pi * min(max((progress - 0.45) / 0.55, 0.0), 1.0)))
    return min(1.0, (step + 1) / WARM_UP) * (0.01 + 0.99 * decay)


def loss_weights(alphas: Tensor, prediction: str) -> Tensor:
    """Min-SNR weights with a floor, [T], for the squared error of the noise or of v; more for the noisiest steps."""
    snr = alphas / (1 - alphas)
    emphasis = 1 + NOISY_EMPHASIS * torch.arange(len(snr)) / len(snr)
    if prediction == "epsilon":
        return (snr.clamp(max=MIN_SNR) / snr).clamp(min=WEIGHT_FLOOR) * emphasis
    return (snr.clamp(max=MIN_SNR) / (snr + 1)).clamp(min=V_WEIGHT_FLOOR) * emphasis


@dataclass
class Trainer:
    model: Denoiser
    batches: Batches
    rank: int
    world: int
    rate: float
    minutes: float
    bf16: bool
    prediction: str  # "epsilon" or "v_prediction"
    device: str
    workers: int  # processes that draw batches; 0: this one does
    keep_words: bool  # train the U-Net alone: what else was trained with the text encoder stays good

    def __post_init__(self) -> None:
        self.model.to(self.device)
        self.parameters: list[nn.Parameter] = list(self.model.parameters())
        self.reader = AttributeReader(self.batches.tokenizer.eos_token_id).to(self.device)
        self.reader_optimizer = torch.optim.AdamW(self.reader.parameters(), lr=self.rate, weight_decay=0.01)
        self.ema = [p.detach().clone() for p in self.parameters]
        self.optimizer = torch.optim.AdamW(
            self.parameters, lr=self.rate, betas=(0.9, 0.99), weight_decay=0.01, fused=True
        )
        self.alphas = make_scheduler(self.prediction).alphas_cumprod.to(self.device)
        self.weights = loss_weights(self.alphas, self.prediction)
        self.generator = torch.Generator().manual_seed(1000 + self.rank)
        self.step, self.samples, self.spent = 0, 0, 0.0

    def loss(self, latents: Tensor, tokens: Tensor, attributes: Tensor) -> Tensor:
        t = spread_timesteps(len(latents), len(self.alphas), self.generator).to(self.device)
        noise = torch.randn(latents.shape, generator=self.generator).to(self.device)
        alpha = self.alphas[t].view(-1, 1, 1, 1)
        noisy = alpha.sqrt() * latents + (1 - alpha).sqrt() * noise
        with torch.autocast(latents.device.type, torch.bfloat16, enabled=self.bf16):
            words = self.model.words(tokens)
            predicted = self.model.unet(noisy, t, encoder_hidden_states=words).sample.float()
        wanted = noise if self.prediction == "epsilon" else alpha.sqrt() * noise - (1 - alpha).sqrt() * latents
        error = (predicted - wanted).square().mean((1, 2, 3))
        reading = self.reader.loss(words.float(), tokens, attributes, UNSAID)
        total: Tensor = (error * self.weights[t]).mean() + READING * reading
        return total

    def synchronise(self, loss: Tensor) -> tuple[float, float]:
        """Average the gradients over the processes; the loss and the time spent travel in the same message."""
        gradients = [p.grad for p in [*self.parameters, *self.reader.parameters()] if p.grad is not None]
        spent = self.spent if self.rank == 0 else 0.0
        if self.world == 1:
            return float(loss.detach()), spent
        flat = torch.cat([g.reshape(-1) for g in gradients] + [torch.stack([loss.detach(), torch.tensor(spent)])])
        dist.all_reduce(flat)
        offset = 0
        for gradient in gradients:
            gradient.copy_(flat[offset : offset + gradient.numel()].view_as(gradient) / self.world)
            offset += gradient.numel()
        return float(flat[-2]) / self.world, float(flat[-1])

    def run(self, save_every: float) -> None:
        batches = iter(DataLoader(self.batches, batch_size=None, num_workers=self.workers))
        saved = reported = time.monotonic()
        average, count = 0.0, 0
        while self.spent < self.minutes * 60:
            began = time.monotonic()
            self.optimizer.zero_grad()
            self.reader_optimizer.zero_grad()
            loss = self.loss(*(part.to(self.device) for part in next(batches)))
            loss.backward()
            value, self.spent = self.synchronise(loss)
            nn.utils.clip_grad_norm_(self.parameters, 1.0, foreach=True)
            for group in self.optimizer.param_groups:
                group["lr"] = self.rate * rate_at(self.spent / (self.minutes * 60), self.step)
            self.optimizer.step()
            self.reader_optimizer.step()
            decay = min(EMA_DECAY, (1 + self.step) / (10 + self.step))
            torch._foreach_lerp_(self.ema, [p.detach() for p in self.parameters], 1 - decay)
            self.step += 1
            self.samples += self.batches.size * self.world
            now = time.monotonic()
            self.spent += now - began
            average, count = average + value, count + 1
            if self.rank == 0 and now - reported > 20:
                print(
                    f"step {self.step}, {self.samples} samples, {self.spent / 60:.1f}/{self.minutes:.0f} min, "
                    f"loss {average / count:.4f}, {1000 * (now - reported) / count:.0f} ms a step",
                    flush=True,
                )
                reported, average, count = now, 0.0, 0
            if self.rank == 0 and now - saved > save_every:
                self.save()
                saved = now
        if self.rank == 0:
            self.save()

    def save(self) -> None:
        ema = dict(zip([name for name, _ in self.model.named_parameters()], self.ema, strict=True))
        state = {
            "model": self.model.state_dict(), "ema": ema, "optimizer": self.optimizer.state_dict(),
            "reader": self.reader.state_dict(), "projection": self.batches.projection, "mean": self.batches.mean,
            "step": self.step, "samples": self.samples, "spent": self.spent, "prediction": self.prediction,
        }  # fmt: skip
        save_atomically(state, CHECKPOINT)

    def resume(self) -> None:
        state = load(CHECKPOINT)
        self.batches.projection, self.batches.mean = state["projection"], state["mean"]
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        if "reader" in state:
            self.reader.load_state_dict(state["reader"])
        torch._foreach_copy_(self.ema, [state["ema"][name] for name, _ in self.model.named_parameters()])
        if self.keep_words:
            averages = {name: w for name, w in state["ema"].items() if name.startswith("text_encoder.")}
            self.model.load_state_dict(averages, strict=False)
            self.model.text_encoder.requires_grad_(False)
        self.step, self.samples, self.spent = state["step"], state["samples"], state["spent"]
        self.generator.manual_seed(1000 + self.rank + 7919 * self.step)


def first_batches(size: int, seed: tuple[int, ...]) -> Batches:
    pictures = load_pictures()
    projection, mean = principal_components(random_batch(pictures, 4000, np.random.default_rng(0)))
    assert projection.shape[0] == LATENT_CHANNELS
    return Batches(pictures, CLIPTokenizer.from_pretrained(TOKENIZER), projection, mean, size, seed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0, help="wall-clock budget, over all resumed parts")
    parser.add_argument("--batch", type=int, default=32, help="pictures a step and process")
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--threads", type=int, default=1, help="of each process")
    parser.add_argument("--bf16", action="store_true", help="autocast to bfloat16")
    parser.add_argument("--prediction", choices=("epsilon", "v_prediction"), default="epsilon")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--workers", type=int, default=0, help="processes that draw batches; some on a GPU's machine")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument(
        "--keep-words", action="store_true", help="with --resume: leave the text encoder, train the U-Net alone"
    )
    parser.add_argument("--save-every", type=float, default=120.0, help="seconds")
    arguments = parser.parse_args()
    if arguments.keep_words and not arguments.resume:
        parser.error("--keep-words needs a trained text encoder: add --resume")
    torch.set_num_threads(arguments.threads)
    rank, world = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    if rank == 0 and not Path(TOKENIZER, "vocab.json").exists():
        write_tokenizer(TOKENIZER)
    if world > 1:
        dist.init_process_group("gloo")
        dist.barrier()
    step = load(CHECKPOINT)["step"] if arguments.resume else 0
    batches = first_batches(arguments.batch, (step, rank))
    torch.manual_seed(0)
    model = Denoiser(batches.tokenizer).train()
    trainer = Trainer(
        model, batches, rank, world, arguments.rate, arguments.minutes, arguments.bf16, arguments.prediction,
        arguments.device, arguments.workers, arguments.keep_words,
    )  # fmt: skip
    if arguments.resume:
        trainer.resume()
    trainer.run(arguments.save_every)
    if world > 1:
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
