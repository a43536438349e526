"""Training surfaces: points on random props, kept as layers, and coloured anew each time they are read.

python -m prior.surfaces --count 5000

As with the pictures, which of a prop's parts have the named colours is kept with each point, so that one shape serves
all colours and materials.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lucid_blender.backend.grammar import Description
from lucid_blender.backend.grammar.scene import BOUND, Scene
from lucid_blender.backend.grammar.shading import shade
from lucid_blender.backend.grammar.surface import zero_level
from lucid_blender.backend.grammar.tracer import LAYERS, surface_layers
from lucid_blender.backend.initialisers.mesh import barycentric

from .pictures import Pictures, decoded, encoded, facts_of, random_scene
from .shards import command
from .storage import STATE

POINTS = 2048  # of each prop
RESOLUTION = 64  # samples a side of the cube that the surface is drawn from
SHARD = 500

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Surfaces:
    """`places` [N, POINTS, 3] in metres, `layers` [N, POINTS, LAYERS] as bytes, and `props`, which has their facts."""

    places: NDArray[np.float16]
    layers: NDArray[np.uint8]
    props: Pictures

    def __len__(self) -> int:
        return len(self.places)

    def read(
        self, index: int, count: int, generator: np.random.Generator, held_out: bool = False
    ) -> tuple[Floats, Floats, Description]:
        """Points [count, 3] of one prop, their sRGB colours [count, 3] without light, and what it shows."""
        prop = self.props.describe(index, generator, held_out)
        chosen = generator.choice(POINTS, count, replace=False)
        layers = decoded(self.layers[index, chosen])
        main, accent = self.props.paints(index, prop, generator)
        return self.places[index, chosen].astype(np.float32), shade(layers, main, accent, prop.material), prop


def on_surface(scene: Scene, count: int, generator: np.random.Generator) -> tuple[Floats, Floats]:
    """Points [count, 3], uniform by area, and their layers [count, LAYERS]."""
    step = 2 * BOUND / (RESOLUTION - 1)
    vertices, triangles = zero_level(scene.distance, BOUND + step, RESOLUTION)
    corners = vertices[triangles]
    areas = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    chosen = generator.choice(len(triangles), count, p=areas / areas.sum())
    weights = barycentric(generator.random(count), generator.random(count))
    points = np.einsum("nk,nkc->nc", weights, corners[chosen])
    layers = np.zeros((count, LAYERS))
    surface_layers(scene.rows(), points, step, layers)
    return points.astype(np.float32), layers.astype(np.float32)


def make_shard(number: int, folder: Path) -> None:
    """SHARD random props; the same number gives the same shard."""
    generator = np.random.default_rng([number, 79])
    places, layers, facts = [], [], []
    for i in range(SHARD):
        scene = random_scene(number * SHARD + i, generator)
        points, found = on_surface(scene, POINTS, generator)
        places.append(points.astype(np.float16))
        layers.append(encoded(found))
        facts.append(facts_of(scene, 0.0, 0.0, 0.0))
    path = folder / f"surfaces-{number:03}.npz"
    partial = path.with_suffix(".partial.npz")
    np.savez(partial, places=places, layers=layers, facts=np.array(facts, np.float32))
    partial.replace(path)


def load_surfaces(folder: Path = STATE / "surfaces") -> Surfaces:
    """The finished shards, in order."""
    files = sorted(file for file in folder.glob("surfaces-*.npz") if ".partial" not in file.name)
    if not files:
        raise SystemExit(f"no surfaces in {folder}; run python -m prior.surfaces first")
    shards = [np.load(file) for file in files]
    places, layers, facts = (
        np.concatenate([shard[name] for shard in shards]) for name in ("places", "layers", "facts")
    )
    return Surfaces(places, layers, Pictures([], facts))


if __name__ == "__main__":
    command(__doc__, make_shard, "surfaces-{number:03}.npz", size=SHARD, count=5000, folder=STATE / "surfaces")
