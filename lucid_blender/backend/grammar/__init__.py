"""The scene grammar: pictures of simple props; they trained the built-in model and score its runs.

Axes are Blender's (right-handed, Z up, metres). A prop stands at the origin with its front facing -Y; azimuth 0 is a
camera in front of it (at -Y), azimuth +90 one at +X. Colours are sRGB display values.
"""

from .scene import Picture, Scene, focal_length, look_at, render
from .vocabulary import (
    ACCENTS,
    AZIMUTH_PHRASES,
    BACKGROUNDS,
    CLASSES,
    COLORS,
    ELEVATION_PHRASES,
    ELEVATION_RANGE,
    FOV_Y,
    HELD_OUT,
    HELD_OUT_MATERIALS,
    MATERIALS,
    OTHER_WORDS,
    RADIUS_RANGE,
    RESOLUTION,
    SETTINGS,
    SIZES,
    Description,
    Parsed,
    caption,
    known_words,
    parse_prompt,
    view_phrase,
)

__all__ = [
    "ACCENTS",
    "AZIMUTH_PHRASES",
    "BACKGROUNDS",
    "CLASSES",
    "COLORS",
    "ELEVATION_PHRASES",
    "ELEVATION_RANGE",
    "FOV_Y",
    "HELD_OUT",
    "HELD_OUT_MATERIALS",
    "MATERIALS",
    "OTHER_WORDS",
    "RADIUS_RANGE",
    "RESOLUTION",
    "SETTINGS",
    "SIZES",
    "Description",
    "Parsed",
    "Picture",
    "Scene",
    "caption",
    "focal_length",
    "known_words",
    "look_at",
    "parse_prompt",
    "render",
    "view_phrase",
]
