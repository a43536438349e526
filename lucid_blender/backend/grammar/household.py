"""Recipes: things that stand about the house. Fronts face -Y; metres, everything within 0.9 of the origin."""

import numpy as np

from .parts import CUT, PAINT, Parts, turn
from .variation import CREAM, DARK, GOLD, SNOW, STEEL, WOOD, Variation
from .vocabulary import COLORS


def chair(p: Parts, v: Variation) -> None:
    main = v.main
    legs = v.accent(v.unless(WOOD, ("brown", "orange", "black"), DARK if v.color != "black" else STEEL))
    half, deep = v.between(0.36, 0.42), 0.38
    seat, top = v.between(-0.16, -0.08), v.between(0.68, 0.76)
    p.box(main, (0, 0, seat), (half, deep, 0.06), rounding=0.03)
    p.box(main, (0, deep - 0.05, 0.5 * (seat + top)), (half, 0.055, 0.5 * (top - seat)), rounding=0.03)
    for x in (-1, 1):
        for y in (-1, 1):
            p.box(legs, (x * (half - 0.06), y * (deep - 0.06), 0.5 * (seat - 0.72)), (0.05, 0.05, 0.5 * (0.68 + seat)))


def table(p: Parts, v: Variation) -> None:
    main = v.main
    legs = v.accent(v.unless(WOOD, ("brown", "orange", "black"), DARK if v.color != "black" else STEEL))
    x_half, y_half = v.between(0.66, 0.72), v.between(0.40, 0.46)
    top = v.between(0.20, 0.30)
    p.box(main, (0, 0, top), (x_half, y_half, 0.06), rounding=0.02)
    p.box(main, (0, 0, top - 0.11), (x_half - 0.08, y_half - 0.08, 0.07))
    for x in (-1, 1):
        for y in (-1, 1):
            at = (x * (x_half - 0.10), y * (y_half - 0.10), 0.5 * (top - 0.52))
            p.box(legs, at, (0.055, 0.055, 0.5 * (top + 0.48)))


def lamp(p: Parts, v: Variation) -> None:
    main = v.main
    metal = v.accent(v.unless(DARK, ("black",), GOLD))
    p.cylinder(metal, (0, 0, -0.68), v.between(0.28, 0.34), 0.05, rounding=0.02)
    p.ellipsoid(metal, (0, 0, -0.45), (0.13, 0.13, 0.19))
    p.cylinder(metal, (0, 0, -0.2), 0.05, 0.40)
    low, high = v.between(0.50, 0.58), v.between(0.26, 0.32)
    p.frustum(main, (0, 0, 0.36), low, high, 0.34, rounding=0.0)
    p.frustum((1.0, 0.95, 0.72), (0, 0, 0.33), low - 0.05, high - 0.05, 0.36, rounding=0.0, operation=CUT)
    p.sphere((1.0, 0.95, 0.72), (0, 0, 0.28), 0.14)
    p.cylinder(metal, (0, 0, 0.44), 0.03, 0.28)
    p.sphere(metal, (0, 0, 0.73), 0.05)


def mug(p: Parts, v: Variation) -> None:
    main = v.main
    wide, high = v.between(0.42, 0.48), v.between(0.46, 0.54)
    p.torus(v.accent(main), (wide - 0.02, 0, 0), v.between(0.23, 0.27), 0.075, pose=turn("x", 90))
    p.cylinder(main, (-0.12, 0, 0), wide, high, rounding=0.04)
    p.cylinder(v.unless(SNOW, ("white",), CREAM), (-0.12, 0, 0.12), wide - 0.075, high, rounding=0.0, operation=CUT)
    drink = v.unless((0.33, 0.18, 0.09), ("brown", "black"), CREAM)
    p.cylinder(drink, (-0.12, 0, -0.10), wide - 0.07, high - 0.15, rounding=0.0)


def teapot(p: Parts, v: Variation) -> None:
    main = v.main
    wide, high = v.between(0.46, 0.50), v.between(0.36, 0.42)
    trim = v.unless(GOLD, ("yellow", "orange", "brown"), SNOW)
    p.torus(main, (-0.50, 0, 0.0), 0.21, 0.06, pose=turn("x", 90))
    p.limb(main, (0.30, 0, -0.16), (0.60, 0, 0.0), 0.15, 0.09)
    p.limb(main, (0.60, 0, 0.0), (0.76, 0, 0.27), 0.09, 0.06, blend=0.05)
    p.ellipsoid(main, (0, 0, -0.08), (wide, wide, high), blend=0.05)
    p.cylinder(trim, (0, 0, -0.46), 0.27, 0.05)
    p.torus(trim, (0, 0, 0.23), 0.26, 0.035)
    p.dome(v.accent(main), (0, 0, 0.23), (0.28, 0.28, 0.18))
    p.sphere(trim, (0, 0, 0.46), 0.08)


def cone(p: Parts, v: Variation) -> None:
    main = v.main
    foot = v.between(0.36, 0.42)
    p.frustum(main, (0, 0, 0.03), v.between(0.30, 0.34), 0.06, 0.66, rounding=0.02)
    for z in (v.between(-0.22, -0.16), v.between(0.22, 0.28)):
        p.cylinder(v.light, (0, 0, z), 0.6, 0.10, rounding=0.0, operation=PAINT)
    p.box(v.accent(v.unless(DARK, ("black",), COLORS["orange"])), (0, 0, -0.62), (foot, foot, 0.07), rounding=0.02)


def cube(p: Parts, v: Variation) -> None:
    """A die: one dot in front, six behind, opposite faces adding up to seven."""
    main = v.main
    half = v.between(0.44, 0.50)
    p.box(main, (0, 0, 0), (half, half, half), rounding=0.07)
    dots_paint = v.accent(v.light)
    q = 0.22
    middle, diagonal, corners = [(0.0, 0.0)], [(-q, -q), (q, q)], [(-q, -q), (q, q), (-q, q), (q, -q)]
    faces: list[tuple[int, int, list[tuple[float, float]]]] = [  # axis, side, dots
        (1, -1, middle), (1, 1, [*corners, (-q, 0.0), (q, 0.0)]),
        (0, 1, [*diagonal, *middle]), (0, -1, corners),
        (2, 1, [*corners, *middle]), (2, -1, diagonal),
    ]  # fmt: skip
    for axis, side, dots in faces:
        for dot in dots:
            x, y, z = np.insert(dot, axis, side * half).tolist()
            p.sphere(dots_paint, (x, y, z), 0.11 if len(dots) == 1 else 0.085, operation=PAINT)


def sword(p: Parts, v: Variation) -> None:
    main = v.main
    guard = v.accent(v.unless(GOLD, ("yellow", "orange"), STEEL))
    wide = v.between(0.13, 0.17)
    p.box(main, (0, 0, 0.14), (wide, 0.045, 0.42), rounding=0.03)
    p.wedge(main, (0, 0, 0.52), -wide, wide, 0.0, 0.27, 0.045)
    p.box(v.unless(SNOW, ("white",), STEEL), (0, 0, 0.10), (0.022, 0.2, 0.34), rounding=0.0, operation=PAINT)
    p.limb(v.unless(WOOD, ("brown",), DARK), (0, 0, -0.62), (0, 0, -0.30), 0.065)
    p.box(guard, (0, 0, -0.30), (v.between(0.32, 0.38), 0.08, 0.06), rounding=0.04)
    p.sphere(guard, (0, 0, -0.70), 0.105)


def bed(p: Parts, v: Variation) -> None:
    """The head is at the back, the foot in front."""
    frame = v.main
    blanket = v.accent(v.unless(COLORS["blue"], ("blue", "purple", "black"), COLORS["red"]))
    wide, long = v.between(0.44, 0.50), 0.70
    p.box(frame, (0, 0, -0.36), (wide, long, 0.09), rounding=0.02)
    p.box(frame, (0, long, -0.04), (wide + 0.03, 0.055, v.between(0.42, 0.48)), rounding=0.04)
    p.box(frame, (0, -long, -0.26), (wide + 0.03, 0.055, 0.22), rounding=0.04)
    for x in (-wide + 0.05, wide - 0.05):
        for y in (-long, long):
            p.box(frame, (x, y, -0.52), (0.055, 0.055, 0.12))
    p.box(SNOW if v.color != "white" else CREAM, (0, 0.0, -0.20), (wide - 0.04, long - 0.06, 0.11), rounding=0.06)
    p.box(blanket, (0, -0.20, -0.17), (wide - 0.01, long - 0.24, 0.125), rounding=0.06)
    p.ellipsoid(SNOW, (0, 0.48, -0.06), (0.30, 0.16, 0.10))
    p.shrink(0.84)


def sofa(p: Parts, v: Variation) -> None:
    main = v.main
    cushions = v.accent(v.unless(CREAM, ("white", "yellow"), COLORS["blue"]))
    wide, back = v.between(0.70, 0.78), v.between(0.28, 0.36)
    p.box(main, (0, 0.02, -0.34), (wide, 0.38, 0.16), rounding=0.04)
    p.box(main, (0, 0.30, 0.5 * (back - 0.42)), (wide, 0.12, 0.5 * (back + 0.42)), rounding=0.08)
    for x in (-wide + 0.02, wide - 0.02):
        p.box(main, (x, 0.0, -0.18), (0.11, 0.40, 0.28), rounding=0.08)
    for x in (-0.30, 0.30):
        p.box(main, (x, -0.06, -0.14), (0.29, 0.32, 0.08), rounding=0.06)
        p.box(cushions, (x * 1.1, 0.10, 0.06), (0.19, 0.07, 0.17), rounding=0.06, pose=turn("x", 18))
    for x in (-wide + 0.10, wide - 0.10):
        for y in (-0.28, 0.30):
            p.cylinder(v.unless(WOOD, ("brown", "orange"), DARK), (x, y, -0.55), 0.055, 0.07)
    p.shrink(0.91)
