"""Recipes: tools, instruments and treasures. Fronts face -Y; metres, everything within 0.95 of the origin."""

import numpy as np

from .parts import CUT, PAINT, Parts, turn
from .variation import CREAM, DARK, GLOW, GOLD, SNOW, STEEL, WOOD, Variation
from .vocabulary import COLORS


def guitar(p: Parts, v: Variation) -> None:
    main = v.main
    neck = v.accent(v.unless(WOOD, ("brown", "orange"), DARK))
    pose = turn("x", 90)
    wide = v.between(0.33, 0.38)
    p.cylinder(main, (0, 0, -0.46), wide, 0.11, rounding=0.03, pose=pose)
    p.cylinder(main, (0, 0, -0.08), wide * 0.76, 0.11, rounding=0.03, pose=pose, blend=0.10)
    p.cylinder(DARK if v.color != "black" else CREAM, (0, -0.12, -0.20), 0.13, 0.06, pose=pose, operation=PAINT)
    p.box(DARK if v.color != "black" else CREAM, (0, -0.12, -0.56), (0.16, 0.03, 0.035))
    p.box(neck, (0, -0.09, 0.26), (0.06, 0.05, 0.42), rounding=0.02)
    p.box(neck, (0, -0.08, 0.76), (0.10, 0.04, 0.13), rounding=0.03)
    for x in (-0.025, 0.025):
        p.box(SNOW, (x, -0.14, 0.06), (0.006, 0.02, 0.62), rounding=0.0)
    for z in (0.70, 0.82):
        for x in (-0.13, 0.13):
            p.sphere(v.unless(GOLD, ("yellow",), STEEL), (x, -0.08, z), 0.04)


def hammer(p: Parts, v: Variation) -> None:
    """The flat face to the left, the claw to the right."""
    main = v.main
    handle = v.accent(v.unless(WOOD, ("brown", "orange"), DARK))
    p.limb(handle, (0, 0, -0.80), (0, 0, 0.50), v.between(0.085, 0.105), 0.07)
    p.box(main, (0, 0, 0.58), (0.22, 0.13, 0.13), rounding=0.04)
    p.cylinder(main, (-0.30, 0, 0.58), 0.11, 0.12, pose=turn("y", 90))
    p.cylinder(main, (-0.45, 0, 0.58), v.between(0.17, 0.20), 0.07, rounding=0.02, pose=turn("y", 90))
    for y in (-0.075, 0.075):
        p.limb(main, (0.16, y * 0.7, 0.60), (0.40, y, 0.58), 0.075, 0.06)
        p.limb(main, (0.40, y, 0.58), (0.58, y * 1.2, 0.42), 0.06, 0.025)
    p.shrink(0.97)


def axe(p: Parts, v: Variation) -> None:
    main = v.main
    handle = v.accent(v.unless(WOOD, ("brown", "orange"), DARK))
    p.limb(handle, (0.10, 0, -0.84), (0.04, 0, -0.20), 0.075, 0.06)
    p.limb(handle, (0.04, 0, -0.20), (0.06, 0, 0.74), 0.06)
    long = v.between(0.46, 0.54)
    p.box(main, (0.04, 0, 0.46), (0.15, 0.095, 0.15), rounding=0.03)
    p.wedge(main, (-long, 0, 0.46), -0.36, 0.36, 0.0, long + 0.22, 0.05, pose=turn("y", 90))
    p.cylinder(
        STEEL if v.color != "white" else DARK, (-long - 0.62, 0, 0.46), 0.70, 0.2, pose=turn("x", 90), operation=PAINT
    )
    p.box(main, (0.24, 0, 0.46), (0.09, 0.075, 0.10), rounding=0.02)
    p.shrink(0.92)


def key(p: Parts, v: Variation) -> None:
    main = v.main
    ribbon = v.accent(v.unless(COLORS["red"], ("red", "pink", "orange", "brown"), COLORS["blue"]))
    ring = v.between(0.22, 0.26)
    p.torus(main, (0, 0, 0.52), ring, 0.085, pose=turn("x", 90))
    p.cylinder(main, (0, 0, -0.22), 0.08, 0.52)
    p.torus(main, (0, 0, 0.20), 0.09, 0.055)
    p.box(main, (0.18, 0, -0.64), (0.16, 0.06, 0.065), rounding=0.015)
    p.box(main, (0.15, 0, -0.42), (0.13, 0.06, 0.055), rounding=0.015)
    p.torus(ribbon, (0, -0.02, 0.06), 0.10, 0.05)
    for side in (-1, 1):
        p.frustum(ribbon, (side * 0.20, -0.06, 0.08), 0.03, 0.13, 0.13, pose=turn("y", side * 90))
        p.limb(ribbon, (side * 0.04, -0.10, 0.04), (side * 0.16, -0.14, -0.24), 0.04, 0.055)


def crown(p: Parts, v: Variation) -> None:
    main = v.main
    gems = v.accent(v.unless(COLORS["red"], ("red", "pink", "orange", "brown"), COLORS["blue"]))
    wide, high = v.between(0.52, 0.58), v.between(0.44, 0.54)
    p.frustum(main, (0, 0, -0.20), wide - 0.02, wide + 0.04, 0.24)
    for i in range(6):
        a = 2 * np.pi * (i + 0.5) / 6
        at = ((wide + 0.03) * np.sin(a), -(wide + 0.03) * np.cos(a), 0.0)
        p.wedge(main, at, -0.24, 0.24, 0.0, high, 0.05, pose=turn("z", np.rad2deg(a)))
        p.sphere(gems, (at[0] * 1.02, at[1] * 1.02, high + 0.03), 0.085)
    p.frustum(v.unless((0.45, 0.10, 0.20), ("red", "brown", "black", "purple"), CREAM), (0, 0, -0.10), wide - 0.08,
              wide - 0.03, 0.60, rounding=0.0, operation=CUT)  # fmt: skip
    p.torus(main, (0, 0, -0.42), wide, 0.075)
    for i in range(6):
        a = 2 * np.pi * i / 6
        p.sphere(gems, ((wide + 0.01) * np.sin(a), -(wide + 0.01) * np.cos(a), -0.16), 0.11 if i == 0 else 0.08)


def lantern(p: Parts, v: Variation) -> None:
    main = v.main
    light = v.accent(v.unless(GLOW, ("yellow", "white"), COLORS["orange"]))
    half = v.between(0.29, 0.34)
    p.box(main, (0, 0, -0.62), (half + 0.08, half + 0.08, 0.07), rounding=0.03)
    p.box(light, (0, 0, -0.18), (half - 0.05, half - 0.05, 0.40), rounding=0.03)
    for x in (-half, half):
        for y in (-half, half):
            p.box(main, (x, y, -0.18), (0.045, 0.045, 0.42), rounding=0.01)
    p.box(main, (0, 0, -0.18), (half + 0.02, half + 0.02, 0.03), rounding=0.01)
    p.frustum(main, (0, 0, 0.36), half + 0.16, 0.10, 0.14)
    p.cylinder(main, (0, 0, 0.53), 0.09, 0.06)
    p.torus(v.unless(DARK, ("black",), GOLD), (0, 0, 0.72), 0.14, 0.035, pose=turn("x", 90))


def bell(p: Parts, v: Variation) -> None:
    main = v.main
    bow = v.accent(v.unless(COLORS["red"], ("red", "pink", "orange", "brown"), COLORS["blue"]))
    wide = v.between(0.54, 0.60)
    p.ellipsoid(main, (0, 0, 0.06), (wide * 0.66, wide * 0.66, 0.50))
    p.frustum(main, (0, 0, -0.28), wide, wide * 0.62, 0.26, rounding=0.02, blend=0.08)
    p.torus(main, (0, 0, -0.52), wide - 0.01, 0.06)
    p.frustum((0.20, 0.16, 0.10), (0, 0, -0.44), wide - 0.05, wide * 0.5, 0.24, rounding=0.0, operation=CUT)
    p.sphere(v.unless(DARK, ("black", "brown"), GOLD), (0, 0, -0.58), 0.14)
    for side in (-1, 1):
        p.frustum(bow, (side * 0.22, -0.06, 0.62), 0.04, 0.17, 0.18, pose=turn("y", side * 90))
        p.limb(bow, (side * 0.05, -0.12, 0.58), (side * 0.20, -0.38, 0.24), 0.05, 0.07)
    p.sphere(bow, (0, -0.08, 0.62), 0.12)


def umbrella(p: Parts, v: Variation) -> None:
    main = v.main
    handle = v.accent(v.unless(WOOD, ("brown", "orange"), DARK))
    wide = v.between(0.74, 0.82)
    p.dome(main, (0, 0, 0.22), (wide, wide, 0.46))
    p.dome((0.5, 0.5, 0.5), (0, 0, 0.16), (wide - 0.03, wide - 0.03, 0.46), operation=CUT)
    for i in range(8):
        a = 2 * np.pi * i / 8
        p.sphere(main, (wide * 0.97 * np.sin(a), wide * 0.97 * np.cos(a), 0.24), 0.05)
        p.limb(v.light, (0, 0, 0.68), (wide * np.sin(a), wide * np.cos(a), 0.24), 0.025, operation=PAINT)
        p.box(v.light, (0.36 * wide * np.sin(a), 0.36 * wide * np.cos(a), 0.6), (0.013, 0.36 * wide, 0.6), rounding=0.0,
              pose=turn("z", -np.rad2deg(a)), operation=PAINT)  # fmt: skip
    p.limb(STEEL, (0, 0, -0.46), (0, 0, 0.80), 0.035)
    p.limb(handle, (0, 0, -0.70), (0, 0, -0.40), 0.06)
    p.limb(handle, (0, 0, -0.70), (0.10, 0, -0.82), 0.06)
    p.limb(handle, (0.10, 0, -0.82), (0.22, 0, -0.74), 0.06)
