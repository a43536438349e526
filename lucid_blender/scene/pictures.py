"""Pictures of the backend <-> Blender's images."""

from pathlib import Path

import bpy
import numpy as np

from ..core.errors import FormatError, InvalidInput
from ..core.pictures import Picture
from .meshes import srgb_from_linear


def load_picture(path: Path, name: str) -> bpy.types.Image:
    """A new image of the file, kept in it when the .blend is saved. Raises FormatError when Blender cannot read it."""
    try:
        image = bpy.data.images.load(str(path), check_existing=False)
        image.pack()
    except RuntimeError as error:
        raise FormatError(f"{path} cannot be read as a picture: {error}", advice="Give a PNG or JPEG file.") from error
    if not image.size[0]:
        bpy.data.images.remove(image)
        raise FormatError(f"{path} holds no picture that Blender can read", advice="Give a PNG or JPEG file.")
    image.name = name
    return image


def show_picture(picture: Picture, name: str, image: bpy.types.Image | None = None) -> bpy.types.Image:
    """The picture in ``image``, so that editors which show it are kept, or in a new one where it has another size."""
    height, width, _ = picture.pixels.shape
    if image is None or tuple(image.size) != (width, height) or image.is_float:
        image = bpy.data.images.new(name, width, height)
    image.pixels.foreach_set(picture.rgba)
    image.update()
    return image


def read_picture(image: bpy.types.Image) -> Picture:
    """An image as it is shown, what is transparent in it on white. Raises InvalidInput when it has no pixels."""
    width, height = image.size
    if not width * height:
        raise InvalidInput(f"the image {image.name!r} has no pixels", advice="Choose one whose file is there.")
    values = np.empty(width * height * image.channels, dtype=np.float32)
    image.pixels.foreach_get(values)
    rows = values.reshape(height, width, image.channels)[::-1]  # Blender's first row is the lowest
    colors = rows[..., :3] if image.channels >= 3 else np.repeat(rows[..., :1], 3, axis=-1)
    if image.is_float:  # linear; bytes are what the file holds
        colors = srgb_from_linear(colors)
    if image.channels == 4:
        alpha = rows[..., 3:]
        colors = colors * alpha + (1 - alpha)
    return Picture(pixels=np.rint(np.clip(colors, 0, 1) * 255).astype(np.uint8))


def picture_of_file(path: Path) -> Picture:
    """A picture file's; nothing stays in the .blend."""
    image = load_picture(path, path.name)
    try:
        return read_picture(image)
    finally:
        bpy.data.images.remove(image)
