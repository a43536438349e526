"""Recipes: what a prop can stand on. Their tops are level with TOP, and they reach no further than the props."""

from collections.abc import Callable

import numpy as np

from .parts import PAINT, Parts
from .variation import CREAM

SHARE = 0.68  # of its own lengths, for a prop that stands on something
TOP = -0.46  # metres

PLANKS = (0.60, 0.40, 0.21)
LEGS = (0.40, 0.25, 0.12)
STONE = (0.58, 0.58, 0.57)
DARK_STONE = (0.46, 0.46, 0.46)
RUG = (0.13, 0.50, 0.22)
GRASS = (0.36, 0.66, 0.20)
SOIL = (0.42, 0.28, 0.16)


def wooden_table(p: Parts) -> None:
    p.box(PLANKS, (0, 0, TOP - 0.04), (0.54, 0.54, 0.04), rounding=0.015)
    for x in (-0.19, 0.19):
        p.box(LEGS, (x, 0, TOP), (0.008, 0.54, 0.02), rounding=0.0, operation=PAINT)
    for x in (-0.36, 0.36):
        for y in (-0.36, 0.36):
            p.box(LEGS, (x, y, TOP - 0.19), (0.045, 0.045, 0.16))


def stone_block(p: Parts) -> None:
    p.box(STONE, (0, 0, TOP - 0.12), (0.47, 0.47, 0.12), rounding=0.03)
    p.box(DARK_STONE, (0, 0, TOP - 0.13), (0.52, 0.52, 0.012), rounding=0.0, operation=PAINT)


def green_rug(p: Parts) -> None:
    p.cylinder(RUG, (0, 0, TOP - 0.025), 0.78, 0.025, rounding=0.02)
    p.torus(CREAM, (0, 0, TOP), 0.64, 0.04, operation=PAINT)


def grass_patch(p: Parts) -> None:
    p.ellipsoid(SOIL, (0, 0, TOP - 0.16), (0.72, 0.72, 0.12))
    p.cylinder(GRASS, (0, 0, TOP - 0.05), 0.74, 0.05, rounding=0.04)
    for i, azimuth in enumerate(np.deg2rad(np.arange(0, 360, 30))):
        at = (0.68 * np.sin(azimuth), 0.68 * np.cos(azimuth), TOP)
        p.limb(GRASS, at, (at[0] * 1.04, at[1] * 1.04, TOP + 0.07 + 0.04 * (i % 3)), 0.035, 0.008)


RECIPES: dict[str, Callable[[Parts], None]] = {
    "on a wooden table": wooden_table,
    "on a stone block": stone_block,
    "on a green rug": green_rug,
    "on a grass patch": grass_patch,
}
