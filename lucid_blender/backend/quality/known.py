"""The scene that a prompt names, and what it looks like: what props are held against."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ...core.cameras import Camera, camera_at, orbit
from ...core.errors import InvalidInput
from .. import grammar

Floats = npt.NDArray[np.float32]

AZIMUTHS = 24  # evenly spaced, the first one in front
ELEVATIONS = (
    15.0,
    40.0,
    0.0,
)  # degrees, in turn; the level views, every third, are those that silhouettes are taken of
LEVEL = slice(0, AZIMUTHS, len(ELEVATIONS))
RADIUS = 3.8  # metres
BACKGROUND = "white"
SUPERSAMPLING = 2  # rasterizers widen every splat by half a pixel: on finer pixels, averaged, that is half as much


@dataclass(frozen=True, eq=False)
class Seen:
    """Pictures [V, H, W, 3] sRGB over the scoring background, and alphas [V, H, W], from the cameras of ``ring``."""

    pictures: Floats
    alphas: Floats

    @property
    def level(self) -> Seen:
        """The level views only."""
        return Seen(self.pictures[LEVEL], self.alphas[LEVEL])


def scene_of(prompt: str) -> grammar.Scene | None:
    """The scene in its canonical shape that a prompt names, or none: the only place that turns words into scenes."""
    prop = grammar.parse_prompt(prompt).description
    return None if prop is None else grammar.Scene(**asdict(prop))


def named_scene(prompt: str) -> grammar.Scene:
    """The scene that a prompt names. Raises InvalidInput when it names none."""
    scene = scene_of(prompt)
    if scene is None:
        raise InvalidInput(
            f"{prompt!r} names no prop and colour of the grammar, so there is no scene to score it against",
            advice="`python -m lucid_blender.backend models` lists them.",
        )
    return scene


def ring(yaw: float = 0.0) -> list[Camera]:
    """The cameras that props are judged from, or those that see the same of a scene turned by ``yaw`` degrees."""
    size = SUPERSAMPLING * grammar.RESOLUTION
    return [
        view_camera(yaw + k * 360 / AZIMUTHS, elevation=ELEVATIONS[k % len(ELEVATIONS)], size=size)
        for k in range(AZIMUTHS)
    ]


def view_camera(azimuth: float, *, elevation: float = ELEVATIONS[0], size: int) -> Camera:
    """A camera at the distance and with the lens that the grammar's pictures have."""
    return orbit(radius=RADIUS, azimuth=azimuth, elevation=elevation, fov_y=grammar.FOV_Y, width=size, height=size)


def averaged(
    pictures: Floats,  # [V, H, W, 3] as ``ring`` sees them
    alphas: Floats,  # [V, H, W]
) -> Seen:
    """What was seen, at the grammar's size."""
    views, size, n = len(pictures), grammar.RESOLUTION, SUPERSAMPLING
    blocks = pictures.reshape(views, size, n, size, n, 3), alphas.reshape(views, size, n, size, n)
    return Seen(*(np.asarray(block.mean((2, 4)), dtype=np.float32) for block in blocks))


@lru_cache(maxsize=64)
def truth(scene: grammar.Scene, yaw: float = 0.0, scale: float = 1.0) -> Seen:
    """The scene from the cameras of ``ring``, turned by ``yaw`` degrees and made smaller by ``scale``."""
    found = [
        picture_of(scene, camera_at(c.viewmat, fov_y=_widened(scale), width=c.width, height=c.height))
        for c in ring(yaw)
    ]
    return averaged(np.stack([one.rgb for one in found]), np.stack([one.alpha for one in found]))


def picture_of(scene: grammar.Scene, camera: Camera) -> grammar.Picture:
    """What a camera sees of the scene, on the scoring background."""
    lens = (camera.fx, camera.fy, camera.cx, camera.cy, camera.width, camera.height)
    return grammar.render(scene, camera.viewmat, *lens, background=grammar.BACKGROUNDS[BACKGROUND])


def _widened(scale: float) -> float:
    """The field of view, radians, in which all is smaller by ``scale``."""
    return float(2 * np.arctan(scale * np.tan(grammar.FOV_Y / 2)))
