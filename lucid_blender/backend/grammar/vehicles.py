"""Recipes: things that move, and a house. Fronts face -Y; metres, everything within 0.9 of the origin."""

import numpy as np

from .parts import PAINT, Parts, turn
from .variation import CREAM, DARK, GLASS, GOLD, SNOW, STEEL, WOOD, Variation
from .vocabulary import COLORS


def rocket(p: Parts, v: Variation) -> None:
    main, trim = v.main, v.unless(COLORS["red"], ("red", "orange", "pink", "brown", "purple"), SNOW)
    wide = v.between(0.25, 0.30)
    fin = v.between(0.34, 0.40)
    for azimuth in (45, 135, 225, 315):
        pose = turn("z", azimuth)
        at = pose @ np.array([0.12, 0.0, -0.66])
        p.wedge(trim, tuple(at), 0.0, fin, 0.0, 0.56, 0.04, pose=pose)
    p.frustum(STEEL, (0, 0, -0.66), 0.19, 0.13, 0.09)
    p.ellipsoid(main, (0, 0, 0.05), (wide, wide, 0.76))
    p.box(trim, (0, 0, 0.90), (0.5, 0.5, v.between(0.44, 0.50)), rounding=0.0, operation=PAINT)
    p.torus(STEEL, (0, -wide * 0.95, 0.14), 0.13, 0.035, pose=turn("x", 90))
    p.ellipsoid(GLASS, (0, -wide * 0.95, 0.14), (0.12, 0.10, 0.12), operation=PAINT)


def car(p: Parts, v: Variation) -> None:
    main = v.main
    long, wide = v.between(0.70, 0.76), v.between(0.34, 0.38)
    window = v.unless((0.30, 0.42, 0.52), ("blue", "black", "purple"), GLASS)
    p.box(main, (0, 0, -0.10), (wide, long, 0.17), rounding=0.10)
    cabin = v.between(0.06, 0.12)
    p.box(main, (0, cabin, 0.16), (wide - 0.04, 0.38, 0.20), rounding=0.11, blend=0.06)
    p.box(window, (0, cabin, 0.19), (0.6, 0.27, 0.085), rounding=0.03, operation=PAINT)
    p.box(window, (0, cabin, 0.19), (wide - 0.11, 0.7, 0.085), rounding=0.03, operation=PAINT)
    p.box(main, (0, cabin, 0.19), (0.6, 0.03, 0.2), rounding=0.0, operation=PAINT)
    for x in (-1, 1):
        for y in (-0.42, 0.42):
            p.cylinder(DARK, (x * (wide - 0.02), y, -0.24), 0.17, 0.07, rounding=0.03, pose=turn("y", 90))
            p.sphere(STEEL, (x * (wide + 0.06), y, -0.24), 0.085, operation=PAINT)
        p.sphere(
            v.unless((1.0, 0.93, 0.55), ("yellow",), SNOW), (x * (wide - 0.11), -long, -0.06), 0.085, operation=PAINT
        )
        p.sphere(v.unless(COLORS["red"], ("red",), GOLD), (x * (wide - 0.10), long, -0.06), 0.075, operation=PAINT)


def boat(p: Parts, v: Variation) -> None:
    main = v.main
    trim = v.unless(WOOD, ("brown", "orange"), CREAM)
    sail = v.unless(SNOW, ("white",), COLORS["blue"])
    long, wide = v.between(0.68, 0.74), v.between(0.28, 0.34)
    p.dome(main, (0, 0, -0.34), (wide, long, 0.36), pose=turn("y", 180))
    p.ellipsoid(trim, (0, 0, -0.33), (wide - 0.06, long - 0.10, 0.03))
    p.cylinder(trim, (0, -0.04, 0.2), 0.035, 0.56)
    p.wedge(sail, (0, 0.02, -0.18), 0.0, v.between(0.48, 0.54), 0.0, 0.90, 0.025, pose=turn("z", 90))
    p.wedge(main, (0, -0.10, -0.18), -0.44, 0.0, 0.0, v.between(0.62, 0.70), 0.025, pose=turn("z", 90))


def robot(p: Parts, v: Variation) -> None:
    main = v.main
    joint = v.unless((0.50, 0.52, 0.56), ("black",), STEEL)
    eye = v.unless(COLORS["yellow"], ("yellow", "orange", "white"), (0.10, 0.85, 0.95))
    body, head = v.between(0.28, 0.32), v.between(0.24, 0.29)
    p.cylinder(joint, (0, 0, 0.16), 0.10, 0.12)
    p.box(main, (0, 0, -0.14), (body, 0.21, 0.27), rounding=0.05)
    p.box(main, (0, 0, 0.42), (head, 0.21, 0.20), rounding=0.06)
    p.box(v.unless(SNOW, ("white",), STEEL), (0, -0.24, -0.10), (0.15, 0.08, 0.11), rounding=0.02, operation=PAINT)
    p.box(DARK, (0, -0.24, 0.44), (head - 0.05, 0.08, 0.10), rounding=0.03, operation=PAINT)
    for x in (-1, 1):
        p.sphere(eye, (x * 0.11, -0.21, 0.44), 0.065)
        p.limb(joint, (x * (body + 0.02), 0, 0.02), (x * (body + 0.15), -0.03, -0.24), 0.065)
        p.sphere(main, (x * (body + 0.16), -0.04, -0.30), 0.105)
        p.cylinder(joint, (x * 0.14, 0, -0.50), 0.07, 0.16)
        p.box(main, (x * 0.15, -0.05, -0.67), (0.12, 0.19, 0.075), rounding=0.03)
    p.cylinder(joint, (0, 0, 0.66), 0.03, 0.07)
    p.sphere(v.unless(COLORS["red"], ("red", "pink", "orange"), COLORS["blue"]), (0, 0, 0.75), 0.07)


def house(p: Parts, v: Variation) -> None:
    main = v.main
    roof = v.unless((0.42, 0.22, 0.16), ("brown", "red", "orange", "black", "purple"), (0.32, 0.36, 0.44))
    if v.color == "black":
        roof = COLORS["red"]
    wide, deep, low = v.between(0.46, 0.52), v.between(0.40, 0.46), -0.58
    top = v.between(0.02, 0.10)
    p.box(main, (0, 0, 0.5 * (low + top)), (wide, deep, 0.5 * (top - low)), rounding=0.01)
    p.box(CREAM, (0.25, 0.16, 0.42), (0.075, 0.075, 0.24))
    p.wedge(main, (0, 0, top - 0.02), -wide, wide, 0.0, 0.42, deep - 0.02)
    height = v.between(0.46, 0.54)
    p.wedge(roof, (0, 0, top), -wide - 0.12, wide + 0.12, 0.0, height, deep + 0.08)
    p.box(
        v.unless(WOOD, ("brown", "orange", "red"), CREAM), (0, -deep, low + 0.18), (0.11, 0.05, 0.19), operation=PAINT
    )
    for x in (-0.30, 0.30):
        p.box(GLASS, (x, -deep, low + 0.34), (0.10, 0.05, 0.10), operation=PAINT)
        p.box(GLASS, (x * 0.75, deep, low + 0.34), (0.11, 0.05, 0.10), operation=PAINT)
    for y in (-0.19, 0.19):
        p.box(GLASS, (wide, y, low + 0.34), (0.05, 0.09, 0.10), operation=PAINT)
    p.box(GLASS, (-wide, 0.0, low + 0.34), (0.05, 0.11, 0.10), operation=PAINT)
