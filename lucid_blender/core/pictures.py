"""Picture: what crosses between a file, Blender's images and the representation that is one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .errors import InvalidInput


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """pixels [H, W, 3] uint8, sRGB, the top row first. Raises InvalidInput when the shape or the type is wrong."""

    pixels: npt.NDArray[np.uint8]

    def __post_init__(self) -> None:
        pixels = self.pixels
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
            raise InvalidInput(f"a picture has {pixels.dtype} pixels of shape {pixels.shape}; wanted uint8 [H, W, 3]")
        object.__setattr__(self, "pixels", np.ascontiguousarray(pixels))

    @property
    def rgba(self) -> npt.NDArray[np.float32]:
        """Its numbers as Blender takes them: four floats a pixel, opaque, the lowest row first."""
        height, width, _ = self.pixels.shape
        values = np.ones((height, width, 4), dtype=np.float32)
        values[..., :3] = self.pixels[::-1] / np.float32(255)
        return values.ravel()
