"""Recipes: things that grow, roll or melt. Fronts face -Y; metres, everything within 0.9 of the origin."""

import numpy as np

from .parts import PAINT, Parts, turn
from .variation import CLAY, CREAM, DARK, GOLD, SNOW, WAFFLE, WOOD, Variation
from .vocabulary import COLORS


def mushroom(p: Parts, v: Variation) -> None:
    wide, high = v.between(0.64, 0.74), v.between(0.50, 0.62)
    main = v.main
    p.frustum(v.accent(CREAM), (0, 0, -0.34), v.between(0.24, 0.30), 0.19, 0.38, rounding=0.03)
    p.dome(main, (0, 0, 0.02), (wide, wide, high))
    p.frustum(CREAM, (0, 0, -0.01), wide * 0.55, wide * 0.93, 0.05, rounding=0.01)
    spots = (
        (0, 88, 0.15),
        (20, 38, 0.14),
        (-42, 30, 0.12),
        (85, 32, 0.13),
        (150, 40, 0.14),
        (-105, 38, 0.13),
        (205, 26, 0.11),
    )
    for azimuth, elevation, radius in spots:
        a, e = np.deg2rad(azimuth + v.between(-8, 8)), np.deg2rad(elevation)
        at = (wide * np.cos(e) * np.sin(a), -wide * np.cos(e) * np.cos(a), 0.02 + high * np.sin(e))
        p.sphere(v.light, at, radius, operation=PAINT)


def ice_cream(p: Parts, v: Variation) -> None:
    scoop = v.between(0.37, 0.43)
    main = v.main
    p.frustum(WAFFLE, (0, 0, -0.38), 0.03, scoop * 0.86, 0.42, rounding=0.01)
    p.torus(v.unless((0.74, 0.52, 0.26), ("brown", "orange"), CREAM), (0, 0, 0.03), scoop * 0.84, 0.045)
    p.sphere(main, (0, 0, 0.27), scoop)
    for azimuth in (10, 95, 170, 260):
        a = np.deg2rad(azimuth)
        p.sphere(main, (0.33 * np.sin(a), -0.33 * np.cos(a), 0.03), 0.11, blend=0.06)
    cherry = v.accent(v.unless(COLORS["red"], ("red", "pink", "orange"), (0.30, 0.16, 0.08)))
    p.sphere(cherry, (0, 0, 0.27 + scoop + 0.06), 0.13)


def tree(p: Parts, v: Variation) -> None:
    main = v.main
    bark = v.accent(v.unless(WOOD, ("brown", "orange"), (0.24, 0.14, 0.08)))
    p.frustum(bark, (0, 0, -0.45), v.between(0.14, 0.18), 0.10, 0.35, rounding=0.02)
    p.limb(bark, (0, 0, -0.25), (0.26, 0, 0.0), 0.06)
    size = v.between(0.34, 0.40)
    p.sphere(main, (0, 0, 0.40), size)
    for azimuth, radius, height in ((35, 0.30, 0.10), (125, 0.29, 0.16), (215, 0.31, 0.08), (305, 0.28, 0.18)):
        a = np.deg2rad(azimuth + v.between(-15, 15))
        p.sphere(main, (0.34 * np.sin(a), -0.34 * np.cos(a), height), radius, blend=0.08)


def cactus(p: Parts, v: Variation) -> None:
    main = v.main
    pot = v.accent(v.unless(CLAY, ("orange", "brown", "red"), CREAM))
    p.frustum(pot, (0, 0, -0.58), 0.24, 0.31, 0.17, rounding=0.02)
    p.cylinder(pot, (0, 0, -0.42), 0.36, 0.06, rounding=0.02)
    p.limb(main, (0, 0, -0.4), (0, 0, v.between(0.48, 0.56)), 0.21, 0.19)
    right, left = v.between(-0.12, 0.0), v.between(0.02, 0.14)
    p.limb(main, (0.1, 0, right), (0.45, 0, right), 0.115, blend=0.05)
    p.limb(main, (0.45, 0, right), (0.47, 0, right + 0.36), 0.115, blend=0.05)
    p.limb(main, (-0.1, 0, left), (-0.43, 0, left), 0.105, blend=0.05)
    p.limb(main, (-0.43, 0, left), (-0.45, 0, left + 0.28), 0.105, blend=0.05)
    p.ellipsoid(v.unless(COLORS["pink"], ("pink", "red"), COLORS["yellow"]), (0, 0, 0.73), (0.13, 0.13, 0.08))


def snowman(p: Parts, v: Variation) -> None:
    main = v.main
    scarf = v.unless(COLORS["red"], ("red", "orange", "pink", "brown"), COLORS["blue"])
    hat = v.accent(v.unless(DARK, ("black", "brown"), COLORS["red"]))
    face = v.unless(DARK, ("black", "brown", "blue", "purple"), SNOW)
    p.sphere(main, (0, 0, -0.40), v.between(0.38, 0.43))
    p.sphere(main, (0, 0, 0.06), v.between(0.28, 0.31), blend=0.03)
    p.sphere(main, (0, 0, 0.40), 0.22)
    p.torus(scarf, (0, 0, 0.23), 0.17, 0.06)
    p.limb(scarf, (0.10, -0.20, 0.20), (0.14, -0.29, -0.02), 0.06)
    p.frustum(
        v.unless(COLORS["orange"], ("orange",), COLORS["red"]), (0, -0.29, 0.40), 0.06, 0.012, 0.11, pose=turn("x", 90)
    )
    for x in (-0.085, 0.085):
        p.sphere(face, (x, -0.20, 0.47), 0.036)
    for z in (-0.28, -0.42):
        p.sphere(face, (0, -0.39, z), 0.05)
    for side in (-1, 1):
        p.limb(
            v.unless(WOOD, ("brown",), DARK), (side * 0.25, 0, 0.08), (side * 0.60, -0.05, v.between(0.20, 0.34)), 0.035
        )
    p.cylinder(hat, (0, 0, 0.56), 0.25, 0.025)
    p.cylinder(hat, (0, 0, 0.68), 0.16, 0.13)


def duck(p: Parts, v: Variation) -> None:
    main = v.main
    beak = v.accent(v.unless(COLORS["orange"], ("orange", "red", "brown"), COLORS["yellow"]))
    p.ellipsoid(main, (0, 0.08, -0.30), (0.40, 0.58, v.between(0.30, 0.35)))
    p.limb(main, (0, 0.42, -0.22), (0, 0.70, v.between(0.02, 0.12)), 0.17, 0.05, blend=0.12)
    p.sphere(main, (0, -0.28, 0.26), v.between(0.29, 0.33), blend=0.12)
    p.ellipsoid(beak, (0, -0.60, 0.20), (0.15, 0.17, 0.065))
    for side in (-1, 1):
        p.sphere(v.unless(DARK, ("black",), SNOW), (side * 0.13, -0.525, 0.36), 0.055)
        p.ellipsoid(main, (side * 0.37, 0.14, -0.22), (0.09, 0.30, 0.17), blend=0.02)


def ball(p: Parts, v: Variation) -> None:
    main = v.main
    size = v.between(0.58, 0.66)
    p.sphere(main, (0, 0, 0), size)
    tilt = turn("y", v.between(15, 25))
    p.cylinder(v.accent(v.light), (0, 0, 0), 1.0, v.between(0.10, 0.14), rounding=0.0, pose=tilt, operation=PAINT)
    top = tilt @ np.array([0.0, 0.0, size])
    for side in (-1, 1):
        p.sphere(v.unless(GOLD, ("yellow", "orange"), COLORS["blue"]), tuple(side * top), 0.2, operation=PAINT)
