"""Train the classifier that scores samples and finished props. Resumes by itself.

python -m prior.train_classifier --steps 2500

It sees every combination of class and colour, the held-out ones too, with blur, noise and shifts, because what it will
judge are decoded samples and rendered splats.
"""

import argparse
import math

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from lucid_blender.backend.grammar import BACKGROUNDS
from lucid_blender.backend.grammar.classifier import WEIGHTS, Classifier
from lucid_blender.backend.grammar.vocabulary import azimuth_bin

from .pictures import Pictures, load_pictures
from .storage import CLASSIFIER, STATE, load, save_atomically

CHECKPOINT = STATE / "classifier.pt"
HELD_OUT_SHARE = 0.09  # as many of each held-out combination as of any other
TEST = 1000  # the last pictures of each set are not trained on


def draw(
    pictures: Pictures, size: int, generator: np.random.Generator, test: bool = False
) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
    """Pictures [B, 3, 64, 64] 0..1 and the labels class, colour, azimuth bin."""
    split = len(pictures) - TEST
    indices = generator.integers(split, len(pictures), size) if test else generator.integers(0, split, size)
    pixels = torch.from_numpy(pictures.over(indices, generator.integers(len(BACKGROUNDS), size=size))) * 0.5 + 0.5
    facts = pictures.facts[indices]
    bins = [azimuth_bin(float(a)) for a in facts[:, 2]]
    return pixels, (torch.tensor(facts[:, 0]).long(), torch.tensor(facts[:, 1]).long(), torch.tensor(bins))


def disturb(pixels: Tensor) -> Tensor:
    """Blur some, shift by up to three pixels, change the brightness, add noise."""
    blurred = nn.functional.avg_pool2d(nn.functional.pad(pixels, (1, 1, 1, 1), mode="replicate"), 3, 1)
    pixels = torch.lerp(pixels, blurred, torch.rand(len(pixels), 1, 1, 1) * (torch.rand(len(pixels), 1, 1, 1) < 0.6))
    dx, dy = (int(s) for s in torch.randint(-3, 4, (2,)))
    pixels = nn.functional.pad(pixels, (3, 3, 3, 3), mode="replicate")[:, :, 3 + dy : 67 + dy, 3 + dx : 67 + dx]
    pixels = pixels * (1 + 0.1 * (torch.rand(len(pixels), 1, 1, 1) - 0.5))
    return (pixels + 0.04 * torch.rand(len(pixels), 1, 1, 1) * torch.randn_like(pixels)).clamp(0, 1)


@torch.no_grad()
def accuracy(model: Classifier, pictures: Pictures) -> list[float]:
    """Share of right answers for class, colour and azimuth bin on pictures not trained on."""
    pixels, labels = draw(pictures, 600, np.random.default_rng(5), test=True)
    return [float((out.argmax(1) == label).float().mean()) for out, label in zip(model(pixels), labels, strict=True)]


def train(steps: int, batch: int, rate: float) -> Classifier:
    usual, held_out = load_pictures(), load_pictures(STATE / "held-out")
    torch.manual_seed(0)
    model, step = Classifier(), 0
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.02)
    if CHECKPOINT.exists():
        state = load(CHECKPOINT)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        step = state["step"]
    generator = np.random.default_rng(step)
    while step < steps:
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1.0, step / 100) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * step / steps)))
        pixels, labels = draw(held_out if generator.random() < HELD_OUT_SHARE else usual, batch, generator)
        losses = [
            nn.functional.cross_entropy(out, label) for out, label in zip(model(disturb(pixels)), labels, strict=True)
        ]
        loss = losses[0] + losses[1] + 0.3 * losses[2]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        step += 1
        if step % 250 == 0 or step == steps:
            save_atomically(
                {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step}, CHECKPOINT
            )
            right, other = accuracy(model, usual), accuracy(model, held_out)
            print(
                f"step {step}/{steps}, loss {float(loss.detach()):.3f}, class {right[0]:.3f} color {right[1]:.3f} "
                f"azimuth {right[2]:.3f}; held out {other[0]:.3f} {other[1]:.3f} {other[2]:.3f}",
                flush=True,
            )
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=2e-3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model = train(arguments.steps, arguments.batch, arguments.rate).eval()
    CLASSIFIER.mkdir(parents=True, exist_ok=True)
    save_file({name: value.half().contiguous() for name, value in model.state_dict().items()}, CLASSIFIER / WEIGHTS)


if __name__ == "__main__":
    main()
