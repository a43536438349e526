"""Train a LoRA and the word that calls it, from a folder of pictures with captions, in minutes on one core.

python -m prior.lora_pictures                     # a style that the built-in model was never shown
python -m prior.train_lora                        # writes .cache/prior/lora-dipped
python -m prior.evaluate_lora                     # says whether it works

Low-rank changes of the U-Net's attention (Hu et al. 2021) and one embedding of the text encoder (Gal et al. 2022) learn
together; both are saved as the files that `--lora` and `--textual-inversion` read. Sizes are read from the model, so
the same command serves another one. A training that was stopped is started again.
"""

import argparse
import json
import math
import time
from pathlib import Path

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from diffusers.training_utils import cast_training_params
from peft import LoraConfig, get_peft_model_state_dict
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn

from .evaluate import load_frozen
from .lora_pictures import FOLDER, METADATA, NAME, WORD
from .storage import BUILTIN, STATE
from .train_diffusion import loss_weights, spread_timesteps

TARGET = STATE / f"lora-{NAME}"
# The projections of the attention and of what stands around it in a transformer block.
PROJECTIONS = ["to_q", "to_k", "to_v", "to_out.0", "proj_in", "proj_out", "ff.net.0.proj", "ff.net.2"]
INVERSION_FILE = "learned_embeds.safetensors"
WARM_UP = 20  # steps
SHARED_EMPTY = 0.1  # of the captions are left out, for classifier-free guidance


def read_pictures(folder: Path, size: int) -> tuple[Tensor, list[str]]:
    """Pictures [N, 3, size, size] in -1..1 and their captions."""
    lines = (folder / METADATA).read_text("utf-8").splitlines()
    entries = [json.loads(line) for line in lines if line.strip()]
    images = []
    for entry in entries:
        image = Image.open(folder / entry["file_name"]).convert("RGB")
        if image.size != (size, size):
            image = image.resize((size, size), Image.Resampling.LANCZOS)
        images.append(torch.from_numpy(np.array(image)).permute(2, 0, 1))
    return torch.stack(images).float() / 127.5 - 1, [entry["text"] for entry in entries]


def add_word(pipeline: StableDiffusionPipeline, word: str) -> tuple[nn.Parameter, int]:
    """Teach the tokenizer the word; returns the table of embeddings and the word's row, the mean of all others."""
    if pipeline.tokenizer.add_tokens(word) != 1:
        raise SystemExit(f"the model knows {word} already; choose another word")
    row = int(pipeline.tokenizer.convert_tokens_to_ids(word))
    pipeline.text_encoder.resize_token_embeddings(len(pipeline.tokenizer), mean_resizing=False)
    table: nn.Parameter = pipeline.text_encoder.get_input_embeddings().weight
    with torch.no_grad():
        table[row] = table[:row].mean(0)
    return table.requires_grad_(True), row


def add_lora(unet: nn.Module, rank: int) -> list[nn.Parameter]:
    """Changes that are zero at first, B being zero."""
    unet.add_adapter(LoraConfig(r=rank, lora_alpha=rank, target_modules=PROJECTIONS))
    cast_training_params(unet)
    return [parameter for parameter in unet.parameters() if parameter.requires_grad]


def rate_at(progress: float, step: int) -> float:
    """Warm-up, then a cosine down to nothing."""
    return min(1.0, (step + 1) / WARM_UP) * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))


def train(
    pipeline: StableDiffusionPipeline,
    latents: Tensor,  # [N, C, h, w]
    captions: list[str],
    *,
    word: str,
    rank: int,
    steps: int,
    batch: int,
    rate: float,
    minutes: float,
) -> Tensor:
    """Noise prediction as the U-Net was trained. Returns the word's embedding [D]; the U-Net holds the LoRA."""
    torch.manual_seed(0)
    table, row = add_word(pipeline, word)
    matrices = add_lora(pipeline.unet, rank)
    groups = [{"params": matrices, "weight_decay": 1e-2}, {"params": [table], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.99))
    alphas = pipeline.scheduler.alphas_cumprod
    weights = loss_weights(alphas, "epsilon")
    tokens = pipeline.tokenizer(
        [*captions, ""], padding="max_length", truncation=True,
        max_length=pipeline.tokenizer.model_max_length, return_tensors="pt",
    ).input_ids  # fmt: skip
    random, generator = np.random.default_rng(5), torch.Generator().manual_seed(5)
    began, total = time.process_time(), 0.0
    for step in range(steps):
        spent = (time.process_time() - began) / (60 * minutes)
        if spent >= 1:
            print(f"the time is over at step {step} of {steps}", flush=True)
            break
        indices = random.integers(len(latents), size=batch)
        said = np.where(random.random(batch) < SHARED_EMPTY, len(captions), indices)
        words = pipeline.text_encoder(tokens[said]).last_hidden_state
        t = spread_timesteps(batch, len(alphas), generator)
        clean, alpha = latents[indices], alphas[t].view(-1, 1, 1, 1)
        noise = torch.randn(clean.shape, generator=generator)
        noisy = alpha.sqrt() * clean + (1 - alpha).sqrt() * noise
        predicted = pipeline.unet(noisy, t, words).sample
        loss = ((predicted - noise).square().mean((1, 2, 3)) * weights[t]).mean()
        optimizer.zero_grad()
        loss.backward()
        table.grad[:row] = 0  # the other words stay what they are
        nn.utils.clip_grad_norm_(matrices, 1.0)
        for group in optimizer.param_groups:
            group["lr"] = rate * rate_at(max(step / steps, spent), step)
        optimizer.step()
        total += float(loss.detach())
        if (step + 1) % 50 == 0:
            print(f"step {step + 1}, {time.process_time() - began:.0f} s, loss {total / 50:.4f}", flush=True)
            total = 0.0
    return table.detach()[row].clone()


def save(pipeline: StableDiffusionPipeline, word: str, embedding: Tensor, folder: Path) -> None:
    """The two files, in diffusers' formats and half precision."""
    folder.mkdir(parents=True, exist_ok=True)
    state = get_peft_model_state_dict(pipeline.unet)
    halves = {name: tensor.half().contiguous() for name, tensor in state.items()}
    StableDiffusionPipeline.save_lora_weights(folder, unet_lora_layers=halves, safe_serialization=True)
    save_file({word: embedding.half().contiguous()}, folder / INVERSION_FILE)
    for file in folder.glob("*.safetensors"):
        file.chmod(0o644)
        print(f"{file}: {file.stat().st_size / 1000:.0f} kB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, default=FOLDER)
    parser.add_argument("--model", type=Path, default=BUILTIN)
    parser.add_argument("--word", default=WORD)
    parser.add_argument("--rank", type=int, default=4)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=4e-3)
    parser.add_argument(
        "--minutes", type=float, default=5.0, help="of the processor's time; stops here even if steps are left"
    )
    parser.add_argument("--folder", type=Path, default=TARGET)
    arguments = parser.parse_args()
    pipeline = load_frozen(arguments.model)
    size = pipeline.unet.config.sample_size * pipeline.vae_scale_factor
    pictures, captions = read_pictures(arguments.pictures, size)
    with torch.no_grad():
        parts = [pipeline.vae.encode(part).latent_dist.mean for part in pictures.split(32)]
    latents = (torch.cat(parts) - float(pipeline.vae.config.shift_factor or 0)) * pipeline.vae.config.scaling_factor
    embedding = train(
        pipeline, latents, captions, word=arguments.word, rank=arguments.rank, steps=arguments.steps,
        batch=arguments.batch, rate=arguments.rate, minutes=arguments.minutes,
    )  # fmt: skip
    save(pipeline, arguments.word, embedding, arguments.folder)


if __name__ == "__main__":
    main()
