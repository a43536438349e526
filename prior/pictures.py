"""Training pictures: traced once as layers, into memory-mapped files, and coloured anew each time they are read.

python -m prior.pictures --count 40000

What a camera sees of a shape costs 20 ms to trace. Which of its parts have the named colours, and what every material
would do with the light, is kept with each pixel (`grammar/shading.py`), so one tracing serves all of them. Only pixels
that the prop touches are kept: twelve bytes each.
"""

from dataclasses import dataclass, replace
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
    HELD_OUT_MATERIALS,
    MATERIALS,
    RADIUS_RANGE,
    RESOLUTION,
    SETTINGS,
    SIZES,
    Description,
    Picture,
    Scene,
    focal_length,
    look_at,
    render,
)
from lucid_blender.backend.grammar.parts import COLOR, FIXED, MAIN, SLOT, to_linear
from lucid_blender.backend.grammar.scene import trace_scene
from lucid_blender.backend.grammar.shading import shade
from lucid_blender.backend.grammar.tracer import LAYERS

from .shards import command
from .storage import STATE

BACKGROUND_COLORS = np.array(list(BACKGROUNDS.values()), np.float32)
SHARD = 2500
SIZED, SET = 0.30, 0.15  # shares of the pictures whose prop has a size, and that show it standing on something
PLAIN, UNACCENTED = 0.40, 0.55  # of the readings: without a material, without a second colour
TINT = (0.95, 1.04)  # as recipes shade their paints

# columns of facts
CLASS, SIZE, SETTING, AZIMUTH, ELEVATION, RADIUS, RECOLORS, ACCENT_RGB, FOLLOWS = 0, 1, 2, 3, 4, 5, 6, 7, 10
FACTS = 11

# a layer's value is (byte / 255) ** POWER * LARGEST; the last is alpha
POWER = np.array([1, 1, 2, 2, 2, 1, 1, 2, 1, 1, 1, 1], np.float32)
LARGEST = np.array([1, 1, 1, 1, 1, 1.2, 1.6, 3.0, 1, 1, 1, 1], np.float32)


@dataclass(frozen=True)
class Shard:
    """`starts` [N + 1] of each picture's pixels, `where` [M] in the raster, `layers` [M, 12]."""

    starts: NDArray[np.int64]
    where: NDArray[np.uint16]
    layers: NDArray[np.uint8]


@dataclass(frozen=True)
class Pictures:
    """`facts` [N, FACTS]: class, size and setting (numbers from 1, or 0), azimuth and elevation in degrees, radius,
    the colours that the prop may have instead (a bit each), the usual colour of its accent, and whether that is the
    main one."""

    shards: list[Shard]
    facts: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.facts)

    def describe(self, index: int, generator: np.random.Generator, held_out: bool = False) -> Description:
        """A prop that the picture can show: random colours and material, kept to what may be trained on, or, where the
        shape allows it, to what may not."""
        facts = self.facts[index]
        name = CLASSES[int(facts[CLASS])]
        colors = [color for i, color in enumerate(COLORS) if int(facts[RECOLORS]) >> i & 1]
        preferred = [color for color in colors if ((name, color) in HELD_OUT) == held_out]
        color = (preferred or colors)[int(generator.integers(len(preferred or colors)))]
        material = None
        if generator.random() >= PLAIN:
            known = [
                m for m in MATERIALS if ((name, m) in HELD_OUT_MATERIALS) == (held_out and generator.random() < 0.5)
            ]
            material = known[int(generator.integers(len(known)))] if known else None
        second = None
        if generator.random() >= UNACCENTED:
            others = [c for c in COLORS if c != color]
            second = others[int(generator.integers(len(others)))]
        size = [None, *SIZES][int(facts[SIZE])]
        setting = (None, *SETTINGS)[int(facts[SETTING])]
        return Description(name, color, second, material, size, setting)

    def paints(
        self, index: int, prop: Description, generator: np.random.Generator
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Linear colours [3] of the main and the accent paint of what the picture is to show, in random shades."""
        tint = generator.uniform(*TINT, 2)
        main = to_linear(np.minimum(np.asarray(COLORS[prop.color]) * tint[0], 1))
        if prop.second_color is not None:
            return main, to_linear(np.minimum(np.asarray(COLORS[prop.second_color]) * tint[1], 1))
        facts = self.facts[index]
        return main, main if facts[FOLLOWS] else facts[ACCENT_RGB : ACCENT_RGB + 3].astype(np.float64)

    def over(
        self,
        indices: NDArray[np.int64],
        props: list[Description],
        backgrounds: NDArray[np.int64],
        generator: np.random.Generator,
    ) -> NDArray[np.float32]:
        """Pictures [B, 3, H, W] in -1..1 of the props over the backgrounds with the given numbers."""
        out = np.empty((len(indices), RESOLUTION**2, 3), np.float32)
        for picture, index, prop, background in zip(out, indices, props, backgrounds, strict=True):
            picture[:] = BACKGROUND_COLORS[background]
            where, layers = self._pixels(int(index))
            main, accent = self.paints(int(index), prop, generator)
            alpha = layers[:, LAYERS:]
            picture[where] += (shade(layers[:, :LAYERS], main, accent, prop.material) - picture[where]) * alpha
        square = out.reshape(len(indices), RESOLUTION, RESOLUTION, 3)
        return np.ascontiguousarray((square * 2.0 - 1.0).transpose(0, 3, 1, 2))

    def _pixels(self, index: int) -> tuple[NDArray[np.uint16], NDArray[np.float32]]:
        shard = self.shards[index // SHARD]
        part = slice(shard.starts[index % SHARD], shard.starts[index % SHARD + 1])
        return shard.where[part], decoded(shard.layers[part])


def draw(
    pictures: Pictures, indices: NDArray[np.int64], generator: np.random.Generator, held_out: bool = False
) -> tuple[NDArray[np.float32], list[Description], NDArray[np.int64]]:
    """The pictures of those numbers in random colours over random backgrounds, what they show, and the backgrounds."""
    props = [pictures.describe(int(i), generator, held_out) for i in indices]
    backgrounds = generator.integers(len(BACKGROUNDS), size=len(indices))
    return pictures.over(indices, props, backgrounds, generator), props, backgrounds


def encoded(layers: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Layers [M, 11], or with alpha [M, 12], as bytes; half a step is 0.2 % of the largest value, less for the squared
    ones' dark."""
    kinds = layers.shape[-1]
    return np.round((np.clip(layers / LARGEST[:kinds], 0, 1)) ** (1 / POWER[:kinds]) * 255).astype(np.uint8)


def decoded(layers: NDArray[np.uint8]) -> NDArray[np.float32]:
    kinds = layers.shape[-1]
    return (layers.astype(np.float32) / 255) ** POWER[:kinds] * LARGEST[:kinds]


def recolors(scene: Scene, follows: bool) -> list[str]:
    """The main colours that leave the other paints of the scene as they are, an accent that `follows` aside."""

    def others(color: str) -> NDArray[np.float64]:
        rows = replace(scene, color=color, setting=None).rows()
        rows[rows[:, SLOT] != FIXED if follows else rows[:, SLOT] == MAIN, COLOR : COLOR + 3] = 0
        return rows

    own = others(scene.color)
    return [color for color in COLORS if np.array_equal(others(color), own)]


def random_scene(number: int, generator: np.random.Generator) -> Scene:
    """Classes in turn; random colour, size, setting and shape."""
    size = list(SIZES)[int(generator.integers(len(SIZES)))] if generator.random() < SIZED else None
    setting = SETTINGS[int(generator.integers(len(SETTINGS)))] if generator.random() < SET else None
    color = list(COLORS)[int(generator.integers(len(COLORS)))]
    name = CLASSES[number % len(CLASSES)]
    return Scene(name, color, size=size, setting=setting, seed=int(generator.integers(2**31)))


def facts_of(scene: Scene, azimuth: float, elevation: float, radius: float) -> list[float]:
    main, accent = scene.paints()
    follows = bool(np.array_equal(main, accent))  # the accent part has the main colour as long as no other is named
    allowed = recolors(scene, follows)
    return [
        CLASSES.index(scene.class_name),
        [None, *SIZES].index(scene.size),
        (None, *SETTINGS).index(scene.setting),
        azimuth,
        elevation,
        radius,
        sum(1 << i for i, color in enumerate(COLORS) if color in allowed),
        *accent,
        float(follows),
    ]


def render_shard(number: int, folder: Path) -> None:
    """Trace SHARD pictures of random props from random cameras; the same number gives the same shard."""
    generator = np.random.default_rng([number, 78])
    focal, half = focal_length(FOV_Y, RESOLUTION), RESOLUTION / 2
    starts, where, layers, facts = [0], [], [], []
    for i in range(SHARD):
        azimuth, elevation = generator.uniform(-180, 180), generator.uniform(*ELEVATION_RANGE)
        radius = generator.uniform(*RADIUS_RANGE)
        scene = random_scene(number * SHARD + i, generator)
        view = look_at(azimuth, elevation, radius)
        traced, alpha, _ = trace_scene(scene, view, focal, focal, half, half, RESOLUTION, RESOLUTION)
        seen = np.flatnonzero(alpha.ravel() > 0)
        where.append(seen.astype(np.uint16))
        layers.append(encoded(np.concatenate([traced.reshape(-1, LAYERS), alpha.reshape(-1, 1)], 1)[seen]))
        starts.append(starts[-1] + len(seen))
        facts.append(facts_of(scene, azimuth, elevation, radius))
    np.save(folder / f"facts-{number:03}.npy", np.array(facts, np.float32))
    np.save(folder / f"starts-{number:03}.npy", np.array(starts, np.int64))
    np.save(folder / f"where-{number:03}.npy", np.concatenate(where))
    np.save(folder / f"partial-{number:03}.npy", np.concatenate(layers))
    (folder / f"partial-{number:03}.npy").replace(folder / f"layers-{number:03}.npy")


def picture(scene: Scene, azimuth: float, elevation: float, radius: float, background: str) -> Picture:
    """What a camera sees at the model's size."""
    focal, half = focal_length(FOV_Y, RESOLUTION), RESOLUTION / 2
    view = look_at(azimuth, elevation, radius)
    return render(scene, view, focal, focal, half, half, RESOLUTION, RESOLUTION, BACKGROUNDS[background])


def load_pictures(folder: Path = STATE / "pictures") -> Pictures:
    """The finished shards, memory-mapped, in order."""
    files = sorted(folder.glob("layers-*.npy"))
    if not files:
        raise SystemExit(f"no pictures in {folder}; run python -m prior.pictures first")

    def beside(file: Path, kind: str) -> NDArray[np.generic]:
        return np.load(file.with_name(file.name.replace("layers", kind)))

    shards = [Shard(beside(f, "starts"), beside(f, "where"), np.load(f, mmap_mode="r")) for f in files]
    return Pictures(shards, np.concatenate([beside(file, "facts") for file in files]))


if __name__ == "__main__":
    command(__doc__, render_shard, "layers-{number:03}.npy", size=SHARD, count=40000, folder=STATE / "pictures")
