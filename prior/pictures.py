"""Training pictures: rendered once into memory-mapped files, composited over a random background when read.

python -m prior.pictures --count 70000
python -m prior.pictures --count 5000 --held-out --folder .cache/prior/held-out
"""

import argparse
import multiprocessing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lucid_blender.backend.grammar import (
    BACKGROUNDS,
    CLASSES,
    COLORS,
    ELEVATION_RANGE,
    FOV_Y,
    HELD_OUT,
    RADIUS_RANGE,
    RESOLUTION,
    Scene,
    focal_length,
    look_at,
)
from lucid_blender.backend.grammar.scene import trace_scene

from .storage import STATE

COMBINATIONS = [(c, k) for c in CLASSES for k in COLORS if (c, k) not in HELD_OUT]
BACKGROUND_COLORS = np.array(list(BACKGROUNDS.values()), np.float32)
SHARD = 5000


@dataclass(frozen=True)
class Pictures:
    """`rgba` [N, 64, 64, 4] uint8 and `facts` [N, 5]: class, colour, azimuth, elevation (degrees), radius."""

    rgba: list[NDArray[np.uint8]]
    facts: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.facts)

    def over(self, indices: NDArray[np.int64], backgrounds: NDArray[np.int64]) -> NDArray[np.float32]:
        """Pictures [B, 3, 64, 64] in -1..1 over the backgrounds with the given numbers."""
        rgba = np.stack([self.rgba[i // SHARD][i % SHARD] for i in indices]).astype(np.float32) / 255.0
        alpha = rgba[..., 3:]
        rgb = rgba[..., :3] * alpha + BACKGROUND_COLORS[backgrounds][:, None, None, :] * (1.0 - alpha)
        return np.ascontiguousarray((rgb * 2.0 - 1.0).transpose(0, 3, 1, 2))


def render_shard(number: int, folder: Path, combinations: list[tuple[str, str]]) -> None:
    """Render SHARD pictures of random props from random cameras; the same number gives the same shard."""
    generator = np.random.default_rng([number, 77])
    focal, half = focal_length(FOV_Y, RESOLUTION), RESOLUTION / 2
    rgba = np.zeros((SHARD, RESOLUTION, RESOLUTION, 4), np.uint8)
    facts = np.zeros((SHARD, 5), np.float32)
    for i in range(SHARD):
        name, color = combinations[int(generator.integers(len(combinations)))]
        azimuth, elevation = generator.uniform(-180, 180), generator.uniform(*ELEVATION_RANGE)
        radius = generator.uniform(*RADIUS_RANGE)
        scene = Scene(name, color, int(generator.integers(2**31)))
        view = look_at(azimuth, elevation, radius)
        rgb, alpha, _ = trace_scene(scene, view, focal, focal, half, half, RESOLUTION, RESOLUTION)
        rgba[i] = np.round(np.concatenate([rgb, alpha[..., None]], -1) * 255)
        facts[i] = CLASSES.index(name), list(COLORS).index(color), azimuth, elevation, radius
    np.save(folder / f"facts-{number:03}.npy", facts)
    np.save(folder / f"partial-{number:03}.npy", rgba)
    (folder / f"partial-{number:03}.npy").replace(folder / f"rgba-{number:03}.npy")


def load_pictures(folder: Path = STATE / "pictures") -> Pictures:
    """The finished shards, memory-mapped, in order."""
    files = sorted(folder.glob("rgba-*.npy"))
    if not files:
        raise SystemExit(f"no pictures in {folder}; run python -m prior.pictures first")
    facts = [np.load(file.with_name(file.name.replace("rgba", "facts"))) for file in files]
    return Pictures([np.load(file, mmap_mode="r") for file in files], np.concatenate(facts))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=70000, help="pictures in all, in shards of %d" % SHARD)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=STATE / "pictures")
    parser.add_argument("--held-out", action="store_true", help="only the combinations kept from training")
    arguments = parser.parse_args()
    combinations = list(HELD_OUT) if arguments.held_out else COMBINATIONS
    arguments.folder.mkdir(parents=True, exist_ok=True)
    wanted = range(-(-arguments.count // SHARD))
    jobs = [(n, arguments.folder, combinations) for n in wanted if not (arguments.folder / f"rgba-{n:03}.npy").exists()]
    with multiprocessing.get_context("spawn").Pool(arguments.workers) as pool:
        pool.starmap(render_shard, jobs, chunksize=1)


if __name__ == "__main__":
    main()
