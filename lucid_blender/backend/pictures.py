"""Contact sheets and PNG files of rendered views."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from ..core.cameras import Camera, turntable
from ..core.errors import FormatError, InvalidInput
from ..core.pictures import Picture

Floats = npt.NDArray[np.floating]
Bytes = npt.NDArray[np.uint8]
Draw = Callable[[list[Camera]], npt.NDArray[np.float32]]  # cameras -> [V, H, W, 3] sRGB in [0, 1]


def to_bytes(image: npt.ArrayLike) -> Bytes:
    """[H, W, 3] uint8 from sRGB floats in [0, 1] (clipped; NaN becomes black); bytes pass untouched."""
    array = np.asarray(image)
    if array.ndim != 3 or array.shape[2] != 3 or 0 in array.shape:
        raise InvalidInput(f"a picture has shape {array.shape}; wanted [H, W, 3]")
    if array.dtype == np.uint8:
        return array
    return np.asarray(np.nan_to_num(np.clip(array, 0, 1), nan=0.0) * 255 + 0.5, dtype=np.uint8)


def contact_sheet(images: Sequence[Floats], columns: int, gap: int, *, background: float = 1.0) -> Bytes:
    """uint8 [rows, columns, 3] of equal pictures side by side, row by row, ``gap`` pixels between and around them.

    images are [H, W, 3] sRGB in [0, 1]; background is a grey in [0, 1]. Raises InvalidInput when there are none or
    their sizes differ.
    """
    if not images or columns < 1 or gap < 0:
        raise InvalidInput(f"a contact sheet of {len(images)} pictures, {columns} columns and a gap of {gap} pixels")
    tiles = [to_bytes(image) for image in images]
    height, width, _ = tiles[0].shape
    if any(tile.shape != tiles[0].shape for tile in tiles):
        raise InvalidInput(f"the pictures of a sheet differ in size: {sorted({tile.shape[:2] for tile in tiles})}")
    columns = min(columns, len(tiles))
    rows = -(-len(tiles) // columns)
    grey = round(255 * min(max(background, 0.0), 1.0))
    sheet = np.full((rows * (height + gap) + gap, columns * (width + gap) + gap, 3), grey, dtype=np.uint8)
    for k, tile in enumerate(tiles):
        top, left = gap + k // columns * (height + gap), gap + k % columns * (width + gap)
        sheet[top : top + height, left : left + width] = tile
    return sheet


def turntable_sheet(
    render: Draw,
    *,
    count: int = 8,
    columns: int = 4,
    size: int = 256,  # pixels
    gap: int = 4,  # pixels
    radius: float = 3.8,  # metres
    elevation: float = 15.0,  # degrees
    fov_y: float = 0.55,  # radians
) -> Bytes:
    """A contact sheet of ``count`` views around the prop, the front first."""
    cameras = turntable(count, radius=radius, elevation=elevation, fov_y=fov_y, size=size)
    return contact_sheet(list(render(cameras)), columns, gap)


def save_png(path: Path, image: npt.ArrayLike) -> None:
    """Write [H, W, 3], sRGB floats in [0, 1] or bytes, as PNG. OSError passes to the caller, which knows the folder."""
    Image.fromarray(to_bytes(image)).save(path, format="PNG")


def read_picture(path: Path) -> Picture:
    """A picture file, upright, what is transparent in it on white. Raises FormatError for what cannot be read."""
    if not path.is_file():
        raise FormatError(f"there is no picture {path}", advice="Check the path.")
    try:
        with Image.open(path) as image:
            colors = ImageOps.exif_transpose(image).convert("RGBA")
    except (OSError, UnidentifiedImageError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise FormatError(
            f"{path.name} cannot be read as a picture: {error}", advice="Give a PNG, JPEG or WebP file."
        ) from error
    paper = Image.new("RGBA", colors.size, "white")
    return Picture(pixels=np.array(Image.alpha_composite(paper, colors).convert("RGB")))


def fitted(picture: Picture, size: int) -> npt.NDArray[np.float32]:
    """[size, size, 3] sRGB in [0, 1]: the largest square in the middle, resampled by Lanczos's filter."""
    image = ImageOps.fit(Image.fromarray(picture.pixels), (size, size), Image.Resampling.LANCZOS)
    return np.asarray(np.asarray(image) / 255, dtype=np.float32)
