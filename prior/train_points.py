"""Train the network that says where a prop's surface is: the built-in start of a run. Resumes by itself.

python -m prior.surfaces --count 5000
python -m prior.train_points --steps 9000

Points go towards the nearest ones of a random prop that the caption describes, and every point of that prop draws its
nearest one to it (the Chamfer distance). Held-out combinations are never shown.
"""

import argparse

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch import Tensor

from lucid_blender.backend.grammar import Description, caption
from lucid_blender.backend.initialisers.builtin_points import WEIGHTS, CaptionReader, PointNetwork

from .schedules import cosine
from .storage import STATE, load, save_atomically, save_halved
from .surfaces import Surfaces, load_surfaces
from .text import PREFIXES

CHECKPOINT = STATE / "points.pt"
TEST = 500  # the last props are not trained on
COLORLESS, PREFIXED = 0.05, 0.15  # shares of the captions
COLOR_WEIGHT = 0.1  # metres for the whole range of a colour
TARGETS = 1024  # points of a prop that are looked at in a step

Floats = NDArray[np.float32]


def wording(prop: Description, generator: np.random.Generator) -> str:
    """One of the ways to ask for the prop; some leave out the colour and all else but the class."""
    choice = generator.random()
    if choice < COLORLESS:
        return f"a {prop.class_name}"
    if choice < COLORLESS + PREFIXED:
        return f"{PREFIXES[int(generator.integers(len(PREFIXES)))]} {caption(prop)}"
    return caption(prop)


def drawn(
    surfaces: Surfaces, size: int, generator: np.random.Generator, *, test: bool = False, held_out: bool = False
) -> tuple[list[Description], Floats, Floats]:
    """Props, points [B, TARGETS, 3] on them and their colours [B, TARGETS, 3]."""
    split = len(surfaces) - TEST
    indices = generator.integers(split, len(surfaces), size) if test else generator.integers(0, split, size)
    found = [surfaces.read(int(index), TARGETS, generator, held_out) for index in indices]
    places, colors, props = zip(*found, strict=True)
    return list(props), np.stack(places), np.stack(colors)


def nearest(ones: Floats, others: Floats) -> NDArray[np.int64]:
    """[B, N] for each of the points [B, N, 3] the number of the nearest of [B, M, 3]."""
    return np.stack([cKDTree(b).query(a)[1] for a, b in zip(ones, others, strict=True)])


def chamfer(points: Tensor, colors: Tensor, places: Tensor, paints: Tensor) -> tuple[Tensor, Tensor]:
    """Mean distance in metres and mean colour difference, each from both sides, of points [B, N, 3] to [B, M, 3]."""
    ours, theirs = points.detach().cpu().numpy(), places.cpu().numpy()
    there = torch.from_numpy(nearest(ours, theirs)).to(points.device)[..., None].expand(-1, -1, 3)
    here = torch.from_numpy(nearest(theirs, ours)).to(points.device)[..., None].expand(-1, -1, 3)

    def both(a: Tensor, b: Tensor) -> Tensor:
        pulled = torch.linalg.vector_norm(a - b.gather(1, there), dim=2).mean()
        return 0.5 * (pulled + torch.linalg.vector_norm(b - a.gather(1, here), dim=2).mean())

    return both(points, places), both(colors, paints)


@torch.no_grad()
def report(network: PointNetwork, reader: CaptionReader, surfaces: Surfaces) -> str:
    """Distances to unseen shapes, of combinations that were trained on and held out."""
    lines = []
    for name, held_out in (("trained", False), ("held out", True)):
        generator = np.random.default_rng(5)
        props, places, colors = drawn(surfaces, 200, generator, test=True, held_out=held_out)
        device = next(network.parameters()).device
        said = reader([caption(prop) for prop in props]).to(device)
        away, off = chamfer(*network(said), torch.from_numpy(places).to(device), torch.from_numpy(colors).to(device))
        lines.append(f"{name}: {1000 * float(away):.1f} mm, colours {float(off):.3f}")
    return ", ".join(lines)


def least(surfaces: Surfaces) -> str:
    """The distance between two draws of points on the same shapes, which nothing but more points could go below."""
    found = []
    for index in range(len(surfaces) - 100, len(surfaces)):
        draws = [surfaces.read(index, TARGETS, np.random.default_rng([index, n]))[:2] for n in range(2)]
        (a, paint), (b, other) = [tuple(torch.from_numpy(part[None]) for part in draw) for draw in draws]
        found.append(chamfer(a, paint, b, other)[0])
    return f"two draws of one shape: {1000 * float(torch.stack(found).mean()):.1f} mm"


def train(steps: int, batch: int, rate: float, device: str) -> PointNetwork:
    """Adam with a cosine; goes on from the checkpoint if there is one."""
    surfaces, reader = load_surfaces(), CaptionReader()
    torch.manual_seed(0)
    network = PointNetwork()
    with torch.no_grad():
        network.places.bias.normal_(0.0, 0.35)
    network.to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=rate)
    step = 0
    if CHECKPOINT.exists():
        state = load(CHECKPOINT)
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        step = state["step"]
    generator = np.random.default_rng([step, 80])
    while step < steps:
        for group in optimizer.param_groups:
            group["lr"] = rate * cosine(step, steps)
        props, places, colors = drawn(surfaces, batch, generator)
        said = reader([wording(prop, generator) for prop in props]).to(device)
        away, off = chamfer(*network(said), torch.from_numpy(places).to(device), torch.from_numpy(colors).to(device))
        optimizer.zero_grad()
        (away + COLOR_WEIGHT * off).backward()
        optimizer.step()
        step += 1
        if step % 250 == 0 or step == steps:
            save_atomically(
                {"network": network.state_dict(), "optimizer": optimizer.state_dict(), "step": step}, CHECKPOINT
            )
            print(
                f"step {step}/{steps}, {1000 * float(away.detach()):.1f} mm; {report(network, reader, surfaces)}",
                flush=True,
            )
    return network


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=9000)
    parser.add_argument("--batch", type=int, default=48)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    network = train(arguments.steps, arguments.batch, arguments.rate, arguments.device).eval().cpu()
    print(least(load_surfaces()))
    save_halved(network, WEIGHTS)


if __name__ == "__main__":
    main()
