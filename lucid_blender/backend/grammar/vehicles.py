"""Recipes: things that move, and a house. Fronts face -Y; metres, everything within 0.9 of the origin."""

import numpy as np

from .parts import PAINT, Parts, turn
from .variation import CREAM, DARK, GLASS, GOLD, SNOW, STEEL, WOOD, Variation
from .vocabulary import COLORS


def rocket(p: Parts, v: Variation) -> None:
    main, trim = v.main, v.accent(v.unless(COLORS["red"], ("red", "orange", "pink", "brown", "purple"), SNOW))
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
    p.box(v.accent(main), (0, cabin, 0.39), (0.6, 0.6, 0.11), rounding=0.0, operation=PAINT)
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
    sail = v.accent(v.unless(SNOW, ("white",), COLORS["blue"]))
    long, wide = v.between(0.68, 0.74), v.between(0.28, 0.34)
    p.dome(main, (0, 0, -0.34), (wide, long, 0.36), pose=turn("y", 180))
    p.ellipsoid(trim, (0, 0, -0.33), (wide - 0.06, long - 0.10, 0.03))
    p.cylinder(trim, (0, -0.04, 0.2), 0.035, 0.56)
    p.wedge(sail, (0, 0.02, -0.18), 0.0, v.between(0.48, 0.54), 0.0, 0.90, 0.025, pose=turn("z", 90))
    p.wedge(main, (0, -0.10, -0.18), -0.44, 0.0, 0.0, v.between(0.62, 0.70), 0.025, pose=turn("z", 90))


def robot(p: Parts, v: Variation) -> None:
    main = v.main
    joint = v.unless((0.50, 0.52, 0.56), ("black",), STEEL)
    arms = v.accent(joint)
    eye = v.unless(COLORS["yellow"], ("yellow", "orange", "white"), (0.10, 0.85, 0.95))
    body, head = v.between(0.28, 0.32), v.between(0.24, 0.29)
    p.cylinder(joint, (0, 0, 0.16), 0.10, 0.12)
    p.box(main, (0, 0, -0.14), (body, 0.21, 0.27), rounding=0.05)
    p.box(main, (0, 0, 0.42), (head, 0.21, 0.20), rounding=0.06)
    p.box(v.unless(SNOW, ("white",), STEEL), (0, -0.24, -0.10), (0.15, 0.08, 0.11), rounding=0.02, operation=PAINT)
    p.box(DARK, (0, -0.24, 0.44), (head - 0.05, 0.08, 0.10), rounding=0.03, operation=PAINT)
    for x in (-1, 1):
        p.sphere(eye, (x * 0.11, -0.21, 0.44), 0.065)
        p.limb(arms, (x * (body + 0.02), 0, 0.02), (x * (body + 0.15), -0.03, -0.24), 0.065)
        p.sphere(arms, (x * (body + 0.16), -0.04, -0.30), 0.115)
        p.cylinder(joint, (x * 0.14, 0, -0.50), 0.07, 0.16)
        p.box(main, (x * 0.15, -0.05, -0.67), (0.12, 0.19, 0.075), rounding=0.03)
    p.cylinder(joint, (0, 0, 0.66), 0.03, 0.07)
    p.sphere(v.unless(COLORS["red"], ("red", "pink", "orange"), COLORS["blue"]), (0, 0, 0.75), 0.07)


def house(p: Parts, v: Variation) -> None:
    main = v.main
    tiles = v.unless((0.42, 0.22, 0.16), ("brown", "red", "orange", "black", "purple"), (0.32, 0.36, 0.44))
    roof = v.accent(COLORS["red"] if v.color == "black" else tiles)
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


def airplane(p: Parts, v: Variation) -> None:
    main = v.main
    wings = v.accent(v.light)
    span, glass = v.between(0.74, 0.82), v.unless((0.30, 0.42, 0.52), ("blue", "black"), GLASS)
    p.limb(main, (0, -0.56, 0), (0, 0.72, 0.08), v.between(0.19, 0.22), 0.08)
    p.box(wings, (0, -0.08, -0.05), (span, 0.19, 0.04), rounding=0.035)
    p.box(wings, (0, 0.68, 0.10), (0.34, 0.11, 0.03), rounding=0.025)
    p.wedge(wings, (0, 0.68, 0.10), -0.16, 0.14, 0.12, 0.36, 0.03, pose=turn("z", 90))
    p.ellipsoid(glass, (0, -0.40, 0.16), (0.13, 0.22, 0.12))
    for y in (-0.10, 0.08, 0.26):
        p.sphere(glass, (0, y, 0.05), 0.0001 + 0.05, operation=PAINT)
        for x in (-0.19, 0.19):
            p.sphere(glass, (x, y, 0.07), 0.06, operation=PAINT)
    p.sphere(v.unless(DARK, ("black",), STEEL), (0, -0.77, 0), 0.07)
    tilt = v.between(10, 80)
    for i in range(2):
        p.box(DARK if v.color != "black" else STEEL, (0, -0.80, 0), (0.28, 0.02, 0.04), pose=turn("y", tilt + 90 * i))
    for x in (-0.26, 0.26):
        p.limb(STEEL, (x * 0.7, -0.20, -0.10), (x, -0.24, -0.30), 0.03)
        p.cylinder(DARK, (x, -0.24, -0.34), 0.10, 0.045, pose=turn("y", 90))
    p.shrink(0.95)


def helicopter(p: Parts, v: Variation) -> None:
    main = v.main
    tail = v.accent(v.unless(COLORS["yellow"], ("yellow", "orange", "white"), COLORS["blue"]))
    glass = v.unless((0.30, 0.42, 0.52), ("blue", "black"), GLASS)
    p.ellipsoid(main, (0, -0.22, -0.06), (0.32, 0.50, v.between(0.32, 0.36)))
    p.sphere(glass, (0, -0.56, 0.0), 0.30, operation=PAINT)
    p.limb(tail, (0, 0.14, 0.04), (0, 0.80, 0.14), 0.13, 0.055)
    p.wedge(tail, (0, 0.78, 0.10), -0.10, 0.10, 0.06, 0.30, 0.03, pose=turn("z", 90))
    p.cylinder(v.unless(DARK, ("black",), STEEL), (0.07, 0.78, 0.20), 0.14, 0.015, pose=turn("y", 90))
    p.cylinder(STEEL, (0, -0.18, 0.36), 0.045, 0.12)
    spin = v.between(15, 75)
    for i in range(2):
        p.box(DARK, (0, -0.18, 0.47), (0.74, 0.055, 0.016), rounding=0.01, pose=turn("z", spin + 90 * i))
    for x in (-0.26, 0.26):
        p.limb(STEEL, (x, -0.62, -0.52), (x, 0.22, -0.52), 0.035)
        for y in (-0.40, 0.02):
            p.limb(STEEL, (x * 0.75, y, -0.26), (x, y, -0.52), 0.028)
    p.shrink(0.9)


def train(p: Parts, v: Variation) -> None:
    main = v.main
    cabin = v.accent(v.unless(COLORS["red"], ("red", "orange", "pink", "brown"), COLORS["blue"]))
    black = v.unless(DARK, ("black",), STEEL)
    round_ = v.between(0.26, 0.30)
    p.box(black, (0, 0.02, -0.36), (0.30, 0.78, 0.09), rounding=0.02)
    p.cylinder(main, (0, -0.26, -0.02), round_, 0.46, rounding=0.04, pose=turn("x", 90))
    p.cylinder(v.unless(GOLD, ("yellow", "orange"), SNOW), (0, -0.70, -0.02), round_ - 0.06, 0.06, pose=turn("x", 90))
    p.box(cabin, (0, 0.48, 0.10), (0.33, 0.28, 0.38), rounding=0.03)
    p.box(black, (0, 0.48, 0.52), (0.39, 0.36, 0.05), rounding=0.03)
    p.box(GLASS, (0, 0.48, 0.26), (0.5, 0.16, 0.11), rounding=0.02, operation=PAINT)
    p.box(GLASS, (0, 0.48, 0.30), (0.22, 0.5, 0.10), rounding=0.02, operation=PAINT)
    p.frustum(black, (0, -0.50, 0.38), 0.09, 0.15, 0.17)
    p.dome(v.unless(GOLD, ("yellow", "orange"), SNOW), (0, -0.08, 0.22), (0.13, 0.13, 0.16))
    p.wedge(v.unless(COLORS["red"], ("red", "pink"), GOLD), (0, -0.80, -0.52), -0.32, 0.32, 0.0, 0.24, 0.06)
    for x in (-0.29, 0.29):
        for y, size in ((-0.52, 0.15), (-0.20, 0.15), (0.14, 0.15), (0.50, 0.21)):
            p.cylinder(DARK, (x, y, -0.62 + size), size, 0.05, pose=turn("y", 90))
            p.sphere(STEEL, (x * 1.17, y, -0.62 + size), size * 0.45, operation=PAINT)
    p.shrink(0.87)


def truck(p: Parts, v: Variation) -> None:
    main = v.main
    cab = v.accent(v.light)
    glass = v.unless((0.30, 0.42, 0.52), ("blue",), GLASS)
    high = v.between(0.30, 0.38)
    p.box(DARK, (0, 0.02, -0.38), (0.30, 0.78, 0.07), rounding=0.02)
    p.box(main, (0, 0.26, 0.5 * (high - 0.30) + 0.02), (0.36, 0.56, 0.5 * (high + 0.30)), rounding=0.02)
    p.box(cab, (0, -0.56, -0.10), (0.34, 0.24, 0.28), rounding=0.06)
    p.box(glass, (0, -0.70, 0.02), (0.27, 0.16, 0.105), rounding=0.03, operation=PAINT)
    p.box(glass, (0, -0.58, 0.02), (0.5, 0.11, 0.10), rounding=0.03, operation=PAINT)
    for x in (-1, 1):
        p.sphere(v.unless((1.0, 0.93, 0.55), ("yellow",), SNOW), (x * 0.23, -0.80, -0.24), 0.065)
        for y in (-0.52, 0.22, 0.56):
            p.cylinder(DARK, (x * 0.32, y, -0.46), 0.17, 0.07, rounding=0.03, pose=turn("y", 90))
            p.sphere(STEEL, (x * 0.40, y, -0.46), 0.085, operation=PAINT)
    p.shrink(0.93)
