"""Train the classifier that scores samples and finished props. Resumes by itself.

python -m prior.train_classifier --steps 2500

It sees every combination of class and colour, the held-out ones too, with blur, noise and shifts, because what it will
judge are decoded samples and rendered splats.
"""

import argparse

import numpy as np
import torch
from torch import Tensor, nn

from lucid_blender.backend.grammar import AZIMUTH_PHRASES
from lucid_blender.backend.grammar.classifier import ATTRIBUTES, WEIGHTS, Classifier
from lucid_blender.backend.grammar.vocabulary import azimuth_bin

from .pictures import AZIMUTH, Pictures, draw, load_pictures
from .schedules import cosine
from .storage import CLASSIFIER, STATE, load, save_atomically, save_halved

CHECKPOINT = STATE / "classifier.pt"
HELD_OUT_SHARE = 0.12  # about as many of each held-out combination as of any other
TEST = 1000  # the last pictures are not trained on
SHIFT = 6  # pixels
WEIGHTS_OF = {"class": 1.0, "color": 1.0, "second_color": 0.7, "material": 0.7, "azimuth": 0.4}


def labelled(
    pictures: Pictures, size: int, generator: np.random.Generator, held_out: bool, test: bool = False
) -> tuple[Tensor, dict[str, Tensor]]:
    """Pictures [B, 3, H, W] 0..1 and the number of each attribute's value."""
    split = len(pictures) - TEST
    indices = generator.integers(split, len(pictures), size) if test else generator.integers(0, split, size)
    pixels, props, _ = draw(pictures, indices, generator, held_out)
    values = [
        {
            "class": prop.class_name,
            "color": prop.color,
            "second_color": prop.second_color,
            "material": prop.material,
            "azimuth": AZIMUTH_PHRASES[azimuth_bin(float(azimuth))],
        }
        for prop, azimuth in zip(props, pictures.facts[indices, AZIMUTH], strict=True)
    ]
    labels = {name: torch.tensor([known.index(value[name]) for value in values]) for name, known in ATTRIBUTES.items()}
    return torch.from_numpy(pixels) * 0.5 + 0.5, labels


def disturb(pixels: Tensor) -> Tensor:
    """Blur some, shift by up to SHIFT pixels, change the brightness, add noise."""
    blurred = nn.functional.avg_pool2d(nn.functional.pad(pixels, (2, 2, 2, 2), mode="replicate"), 5, 1)
    pixels = torch.lerp(pixels, blurred, torch.rand(len(pixels), 1, 1, 1) * (torch.rand(len(pixels), 1, 1, 1) < 0.6))
    x, y = (int(s) for s in torch.randint(0, 2 * SHIFT + 1, (2,)))
    size = pixels.shape[-1]
    pixels = nn.functional.pad(pixels, (SHIFT,) * 4, mode="replicate")[:, :, y : y + size, x : x + size]
    pixels = pixels * (1 + 0.1 * (torch.rand(len(pixels), 1, 1, 1) - 0.5))
    return (pixels + 0.04 * torch.rand(len(pixels), 1, 1, 1) * torch.randn_like(pixels)).clamp(0, 1)


@torch.no_grad()
def accuracy(model: Classifier, pictures: Pictures, held_out: bool) -> str:
    """Share of right answers for each attribute on pictures not trained on."""
    pixels, labels = labelled(pictures, 500, np.random.default_rng(5), held_out, test=True)
    answers = model(pixels.to(next(model.parameters()).device))
    return ", ".join(
        f"{name} {float((answers[name].argmax(1).cpu() == label).float().mean()):.3f}" for name, label in labels.items()
    )


def train(steps: int, batch: int, rate: float, device: str, bf16: bool) -> Classifier:
    pictures = load_pictures()
    torch.manual_seed(0)
    model, step = Classifier().to(device, memory_format=torch.channels_last), 0
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.02)
    if CHECKPOINT.exists():
        state = load(CHECKPOINT)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        step = state["step"]
    generator = np.random.default_rng(step)
    while step < steps:
        for group in optimizer.param_groups:
            group["lr"] = rate * cosine(step, steps)
        pixels, labels = labelled(pictures, batch, generator, held_out=generator.random() < HELD_OUT_SHARE)
        with torch.autocast(device, torch.bfloat16, enabled=bf16):
            answers = model(disturb(pixels).to(device))
        losses = [
            WEIGHTS_OF[name] * nn.functional.cross_entropy(answers[name].float(), label.to(device))
            for name, label in labels.items()
        ]
        loss = torch.stack(losses).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        step += 1
        if step % 250 == 0 or step == steps:
            save_atomically(
                {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step}, CHECKPOINT
            )
            print(
                f"step {step}/{steps}, loss {float(loss.detach()):.3f}; {accuracy(model, pictures, False)}; "
                f"held out: {accuracy(model, pictures, True)}",
                flush=True,
            )
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--bf16", action="store_true", help="twice as fast where the processor has it")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model = train(arguments.steps, arguments.batch, arguments.rate, arguments.device, arguments.bf16).eval().cpu()
    save_halved(model, CLASSIFIER / WEIGHTS)


if __name__ == "__main__":
    main()
