"""Recipes: buildings, and what is kept in them. Fronts, with door or lock, face -Y; metres, 0.95 from the origin."""

import numpy as np

from .parts import CUT, PAINT, Parts, turn
from .variation import DARK, GLASS, GLOW, GOLD, SNOW, STONE, WOOD, Variation
from .vocabulary import COLORS


def lighthouse(p: Parts, v: Variation) -> None:
    main = v.main
    bands = v.accent(v.light)
    low, high = v.between(0.30, 0.35), v.between(0.19, 0.22)
    p.cylinder(STONE, (0, 0, -0.78), 0.48, 0.08, rounding=0.05)
    p.frustum(main, (0, 0, -0.16), low, high, 0.58, rounding=0.01)
    for z in (-0.46, -0.02):
        p.cylinder(bands, (0, 0, z), 0.6, 0.11, rounding=0.0, operation=PAINT)
    p.box(WOOD if v.color != "brown" else DARK, (0, -low, -0.56), (0.10, 0.14, 0.17), rounding=0.04)
    p.box(GLASS, (0, -0.3, 0.20), (0.055, 0.2, 0.085), rounding=0.03, operation=PAINT)
    p.cylinder(DARK, (0, 0, 0.44), 0.32, 0.04)
    p.cylinder(GLOW, (0, 0, 0.58), 0.16, 0.13)
    for azimuth in range(0, 360, 60):
        a = np.deg2rad(azimuth)
        p.limb(DARK, (0.17 * np.sin(a), 0.17 * np.cos(a), 0.46), (0.17 * np.sin(a), 0.17 * np.cos(a), 0.70), 0.022)
    roof = v.unless(COLORS["red"], ("red", "orange", "pink", "brown"), COLORS["blue"])
    p.frustum(roof, (0, 0, 0.79), 0.25, 0.02, 0.11)
    p.shrink(0.94)


def castle(p: Parts, v: Variation) -> None:
    main = v.main
    roofs = v.accent(v.unless(COLORS["blue"], ("blue", "purple", "black"), COLORS["red"]))
    tower, wall = v.between(0.16, 0.19), v.between(-0.10, -0.02)
    p.box(main, (0, 0, 0.5 * (wall - 0.66)), (0.44, 0.44, 0.5 * (wall + 0.66)), rounding=0.01)
    for a in (-0.32, -0.11, 0.11, 0.32):
        for at in ((a, -0.41), (a, 0.41), (-0.41, a), (0.41, a)):
            p.box(main, (*at, wall + 0.03), (0.055, 0.055, 0.06), rounding=0.005)
    for x in (-0.44, 0.44):
        for y in (-0.44, 0.44):
            p.cylinder(main, (x, y, -0.22), tower, 0.44)
            p.frustum(roofs, (x, y, 0.36), tower + 0.05, 0.01, 0.16, rounding=0.0)
            p.box(DARK, (x, y, 0.04), (0.035, tower + 0.03, 0.08), rounding=0.02, operation=PAINT)
    p.cylinder(main, (0, 0.10, 0.12), 0.20, 0.36)
    p.frustum(roofs, (0, 0.10, 0.62), 0.26, 0.01, 0.20, rounding=0.0)
    p.box(DARK, (0, 0.0, 0.30), (0.04, 0.25, 0.08), rounding=0.02, operation=PAINT)
    door = v.unless(WOOD, ("brown", "orange", "red"), DARK)
    p.box(door, (0, -0.44, -0.50), (0.15, 0.06, 0.17), operation=PAINT)
    p.cylinder(door, (0, -0.44, -0.33), 0.15, 0.06, pose=turn("x", 90), operation=PAINT)
    p.shrink(0.86)


def windmill(p: Parts, v: Variation) -> None:
    main = v.main
    blades = v.accent(v.unless(SNOW, ("white",), WOOD))
    cap = v.unless((0.42, 0.22, 0.16), ("brown", "red", "orange", "black"), COLORS["blue"])
    p.frustum(main, (0, 0.06, -0.32), v.between(0.36, 0.41), 0.24, 0.54, rounding=0.01)
    p.dome(cap, (0, 0.06, 0.21), (0.28, 0.28, 0.24))
    p.box(v.unless(WOOD, ("brown", "orange", "red"), DARK), (0, -0.36, -0.66), (0.11, 0.16, 0.19), operation=PAINT)
    for z in (-0.22, 0.06):
        p.box(GLASS, (0, -0.3, z), (0.07, 0.2, 0.075), rounding=0.01, operation=PAINT)
    p.limb(DARK, (0, 0.0, 0.28), (0, -0.34, 0.28), 0.05)
    p.sphere(v.unless(GOLD, ("yellow",), DARK), (0, -0.36, 0.28), 0.075)
    start = v.between(20, 40)
    for i in range(4):
        pose = turn("y", start + 90 * i)
        p.box(
            blades,
            tuple(pose @ np.array([0.0, 0.0, 0.31]) + np.array([0, -0.32, 0.28])),
            (0.025, 0.02, 0.30),
            pose=pose,
        )
        at = pose @ np.array([0.085, 0.0, 0.36]) + np.array([0, -0.31, 0.28])
        p.box(blades, tuple(at), (0.085, 0.018, 0.22), rounding=0.005, pose=pose)
    p.shrink(0.93)


def barrel(p: Parts, v: Variation) -> None:
    main = v.main
    hoops = v.accent(v.unless((0.36, 0.37, 0.40), ("black",), GOLD))
    wide = v.between(0.50, 0.56)
    p.ellipsoid(main, (0, 0, 0), (wide, wide, 1.02))
    p.box(main, (0, 0, 1.1), (0.8, 0.8, 0.45), rounding=0.0, operation=CUT)
    p.box(main, (0, 0, -1.1), (0.8, 0.8, 0.45), rounding=0.0, operation=CUT)
    for i in range(14):
        a = 2 * np.pi * i / 14
        at = (wide * np.sin(a), wide * np.cos(a), 0.0)
        p.box(
            (0.20, 0.12, 0.07), at, (0.012, 0.25, 0.66), rounding=0.0, pose=turn("z", -np.rad2deg(a)), operation=PAINT
        )
    for z, width in ((-0.46, 0.90), (0.46, 0.90), (-0.20, 0.985), (0.20, 0.985)):
        p.cylinder(hoops, (0, 0, z), wide * width + 0.02, 0.055)
    p.cylinder(v.unless(WOOD, ("brown",), (0.30, 0.18, 0.09)), (0, 0, 0.66), wide * 0.62, 0.2, operation=PAINT)
    p.sphere(v.unless(DARK, ("black",), GOLD), (0, -wide, 0.0), 0.13)


def chest(p: Parts, v: Variation) -> None:
    main = v.main
    lid = v.accent(main)
    metal = v.unless(GOLD, ("yellow", "orange"), (0.40, 0.42, 0.46))
    wide, deep = v.between(0.62, 0.70), v.between(0.38, 0.43)
    p.cylinder(lid, (0, 0, 0.04), deep, wide, rounding=0.02, pose=turn("y", 90))
    p.box(lid, (0, 0, -0.50), (0.9, 0.6, 0.54), rounding=0.0, operation=CUT)
    p.box(main, (0, 0, -0.26), (wide, deep, 0.28), rounding=0.02)
    p.box(DARK, (0, 0, 0.03), (0.9, 0.9, 0.022), rounding=0.0, operation=PAINT)
    for x in (-wide + 0.05, wide - 0.05, -0.30, 0.30):
        p.box(metal, (x, 0, 0), (0.055, 0.9, 0.9), rounding=0.0, operation=PAINT)
    p.box(metal, (0, -deep - 0.01, 0.02), (0.12, 0.05, 0.14), rounding=0.03)
    p.box(DARK, (0, -deep - 0.06, -0.01), (0.025, 0.05, 0.055), rounding=0.01, operation=PAINT)
    p.shrink(0.95)
