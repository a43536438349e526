"""From the layers of a picture to its colours: paints, materials and light."""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .parts import Array, to_linear
from .tracer import ACCENT_SHARE, DOTS, GLOSS, GRAIN, LIGHT_LAYER, MAIN_SHARE, MIRROR, REST, STRIPES
from .vocabulary import MATERIALS

Floats = NDArray[np.float32]

DARK_STRIPE = to_linear((0.22, 0.22, 0.25))
LIGHT_STRIPE = to_linear((0.95, 0.95, 0.95))
BRIGHT = 0.45  # luminance of a paint from which its stripes and dots are dark
RAW_WOOD = to_linear((0.55, 0.36, 0.19))


def pattern_color(main: Array) -> Array:
    """Linear colour of the stripes and dots on a paint of linear colour `main`."""
    return DARK_STRIPE if float(main @ np.array([0.2126, 0.7152, 0.0722])) > BRIGHT else LIGHT_STRIPE


def shade(
    layers: Floats,  # [N, LAYERS]
    main: Array,  # [3] linear
    accent: Array,  # [3] linear
    material: str | None,
) -> Floats:
    """sRGB colours [N, 3]. An accent of the main colour is part of it; any other has its own plain paint."""
    out = np.empty((len(layers), 3), np.float32)
    kind = 0 if material is None else 1 + MATERIALS.index(material)
    _shade(layers, main, accent, bool(np.array_equal(main, accent)), pattern_color(main), kind, out)
    return out


@njit(cache=True, fastmath=True, nogil=True)
def _shade(layers, main, accent, same, contrast, kind, out):  # type: ignore[no-untyped-def]
    """Kinds: 0 matte, then as MATERIALS has them: glossy, metal, wooden, striped, dotted."""
    for n in range(layers.shape[0]):
        row = layers[n]
        first, second = row[MAIN_SHARE], row[ACCENT_SHARE]
        if same:
            first, second = first + second, 0.0
        over = row[STRIPES] if kind == 4 else row[DOTS] if kind == 5 else 0.0
        for j in range(3):
            paint = main[j] + (contrast[j] - main[j]) * over
            if kind == 3:
                stained = 0.75 * main[j] + 0.25 * RAW_WOOD[j]
                paint = stained * (1.1 - 0.72 * row[GRAIN])
            named = first * paint + second * accent[j]
            light = row[REST + j] * row[LIGHT_LAYER]
            if kind == 2:
                light += (0.93 * named + 0.06 * (first + second)) * row[MIRROR]
            else:
                light += named * row[LIGHT_LAYER]
                if kind == 1:
                    light += (first + second) * row[GLOSS]
            c = min(max(light, 0.0), 1.0)
            out[n, j] = 12.92 * c if c <= 0.0031308 else 1.055 * math.pow(c, 1.0 / 2.4) - 0.055
