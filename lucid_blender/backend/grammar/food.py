"""Recipes: food and a flower. Fronts face -Y; metres, everything within 0.95 of the origin."""

import numpy as np

from .parts import CUT, PAINT, Parts, turn
from .variation import CLAY, CREAM, DARK, LEAF, SNOW, WOOD, Variation
from .vocabulary import COLORS


def apple(p: Parts, v: Variation) -> None:
    main = v.main
    leaf = v.accent(v.unless(LEAF, ("green",), (0.78, 0.55, 0.15)))
    wide = v.between(0.56, 0.64)
    p.torus(main, (0, 0, -0.06), wide * 0.42, wide * 0.60)
    p.ellipsoid(main, (0, 0, -0.22), (wide * 0.72, wide * 0.72, 0.46), blend=0.12)
    p.sphere((0.30, 0.18, 0.10), (0, 0, 0.30), 0.10, operation=PAINT)
    p.limb((0.30, 0.18, 0.10), (0, 0, 0.14), (0.06, 0.02, 0.58), 0.045, 0.055)
    p.ellipsoid(leaf, (0.28, -0.04, 0.52), (0.25, 0.12, 0.045), pose=turn("y", -28))


def carrot(p: Parts, v: Variation) -> None:
    main = v.main
    leaves = v.accent(v.unless(LEAF, ("green",), (0.74, 0.60, 0.16)))
    wide = v.between(0.24, 0.30)
    p.frustum(main, (0, 0, -0.28), 0.03, wide, 0.56, rounding=0.03)
    p.ellipsoid(main, (0, 0, 0.27), (wide, wide, 0.12))
    for z in (-0.42, -0.16, 0.08):
        p.torus((0.35, 0.16, 0.06), (0, 0, z), wide * (z + 0.86) / 1.14, 0.018, operation=PAINT)
    for azimuth in range(0, 360, 60):
        a = np.deg2rad(azimuth + v.between(-12, 12))
        p.limb(leaves, (0, 0, 0.30), (0.30 * np.sin(a), 0.30 * np.cos(a), v.between(0.68, 0.80)), 0.04, 0.085)
    p.limb(leaves, (0, 0, 0.30), (0, 0, 0.84), 0.04, 0.085)
    p.shrink(0.92)


def cupcake(p: Parts, v: Variation) -> None:
    main = v.main
    cup = v.accent(v.unless((0.60, 0.38, 0.20), ("brown", "orange", "black"), CREAM))
    dark = v.unless((0.42, 0.25, 0.12), ("brown",), (0.75, 0.62, 0.45))
    p.frustum(cup, (0, 0, -0.48), 0.32, 0.47, 0.28, rounding=0.02)
    for azimuth in range(0, 360, 24):
        a = np.deg2rad(azimuth)
        end = (0.49 * np.sin(a), 0.49 * np.cos(a), -0.20)
        p.limb(dark, (0.345 * np.sin(a), 0.345 * np.cos(a), -0.76), end, 0.016, 0.016, operation=PAINT)
    wide = v.between(0.48, 0.54)
    for z, radius, tube in ((-0.10, wide * 0.66, 0.20), (0.14, wide * 0.44, 0.18), (0.34, wide * 0.20, 0.15)):
        p.torus(main, (0, 0, z), radius, tube)
    p.frustum(main, (0, 0, 0.10), wide * 0.8, 0.05, 0.30)
    cherry = v.unless(COLORS["red"], ("red", "pink", "orange"), COLORS["blue"])
    p.sphere(cherry, (0, 0, 0.58), 0.14)
    for i, azimuth in enumerate(range(10, 360, 51)):
        a = np.deg2rad(azimuth)
        at = (wide * 0.96 * np.sin(a), wide * 0.96 * np.cos(a), -0.04 + 0.05 * (i % 2))
        p.sphere(v.unless(SNOW, ("white",), cherry), at, 0.06)


def flower(p: Parts, v: Variation) -> None:
    main = v.main
    pot = v.accent(v.unless(CLAY, ("orange", "brown", "red"), COLORS["blue"]))
    middle = v.unless(COLORS["yellow"], ("yellow", "orange", "white"), (0.40, 0.24, 0.10))
    p.frustum(pot, (0, 0, -0.64), 0.22, 0.32, 0.22, rounding=0.02)
    p.cylinder(pot, (0, 0, -0.42), 0.36, 0.055, rounding=0.02)
    p.limb(LEAF, (0, 0, -0.42), (0, 0.02, 0.32), 0.05)
    for side in (-1, 1):
        p.ellipsoid(LEAF, (side * 0.24, 0, -0.12), (0.24, 0.10, 0.045), pose=turn("y", -side * 38))
    face = turn("x", v.between(52, 64))
    petals = 7
    for i in range(petals):
        a = 2 * np.pi * i / petals
        at = face @ np.array([0.30 * np.cos(a), 0.30 * np.sin(a), 0.0]) + np.array([0, -0.05, 0.40])
        p.ellipsoid(main, tuple(at), (0.20, 0.135, 0.06), pose=face @ turn("z", float(np.rad2deg(a))))
    p.ellipsoid(
        middle, tuple(face @ np.array([0, 0, 0.03]) + np.array([0, -0.05, 0.40])), (0.19, 0.19, 0.09), pose=face
    )


def bottle(p: Parts, v: Variation) -> None:
    main = v.main
    label = v.accent(v.unless(CREAM, ("white", "yellow"), COLORS["blue"]))
    wide, shoulder = v.between(0.27, 0.32), v.between(0.14, 0.22)
    p.cylinder(main, (0, 0, -0.34), wide, 0.52, rounding=0.05)
    p.ellipsoid(main, (0, 0, shoulder), (wide, wide, 0.26))
    p.cylinder(main, (0, 0, 0.55), 0.105, 0.26)
    p.cylinder(main, (0, 0, 0.74), 0.13, 0.035)
    p.cylinder(v.unless(WOOD, ("brown", "orange"), DARK), (0, 0, 0.80), 0.085, 0.09)
    p.cylinder(label, (0, 0, -0.32), 0.6, 0.22, rounding=0.0, operation=PAINT)
    p.box(v.unless(COLORS["red"], ("red", "pink", "orange", "brown"), DARK), (0, -wide, -0.32), (0.13, 0.2, 0.10),
          rounding=0.05, operation=PAINT)  # fmt: skip


def bucket(p: Parts, v: Variation) -> None:
    main = v.main
    rim = v.accent(v.unless(SNOW, ("white",), COLORS["blue"]))
    low, high = v.between(0.32, 0.38), v.between(0.50, 0.56)
    p.frustum(main, (0, 0, -0.18), low, high, 0.50, rounding=0.02)
    p.torus(rim, (0, 0, 0.32), high, 0.065)
    p.frustum(v.unless((0.35, 0.35, 0.38), ("black",), SNOW), (0, 0, -0.08), low - 0.03, high - 0.05, 0.50,
              rounding=0.0, operation=CUT)  # fmt: skip
    grip = (0.25, 0.25, 0.27)
    for a, b in ((-90, -45), (-45, 0), (0, 45), (45, 90)):
        start, end = np.deg2rad(a), np.deg2rad(b)
        p.limb(grip, (high * np.sin(start), 0, 0.30 + 0.46 * np.cos(start)),
               (high * np.sin(end), 0, 0.30 + 0.46 * np.cos(end)), 0.03)  # fmt: skip
    p.limb(WOOD, (-0.14, 0, 0.755), (0.14, 0, 0.755), 0.065)
