"""Recipes: animals. Fronts face -Y; metres, everything within 0.95 of the origin."""

from .parts import PAINT, Parts, turn
from .variation import CREAM, DARK, SKIN, SNOW, Variation
from .vocabulary import COLORS


def fish(p: Parts, v: Variation) -> None:
    """Seen from the side it swims to the left; from the front there is only a narrow face."""
    main = v.main
    fins = v.accent(v.unless(COLORS["orange"], ("orange", "red", "yellow"), COLORS["blue"]))
    high = v.between(0.38, 0.46)
    p.ellipsoid(main, (0, -0.12, 0), (0.23, 0.62, high))
    p.wedge(fins, (0, 0.36, 0), -0.40, 0.40, 0.0, 0.0001 + 0.42, 0.05, pose=turn("y", 90) @ turn("x", 90))
    tail = v.between(0.34, 0.42)
    for side in (-1, 1):
        p.limb(fins, (0, 0.44, 0), (0, 0.82, side * tail), 0.09, 0.05, blend=0.05)
        p.ellipsoid(fins, (side * 0.25, -0.12, -0.08), (0.10, 0.17, 0.07), pose=turn("y", side * 35))
        p.sphere(SNOW if v.color != "white" else COLORS["yellow"], (side * 0.17, -0.52, 0.12), 0.10)
        p.sphere(DARK, (side * 0.225, -0.57, 0.13), 0.065)
    p.ellipsoid(fins, (0, -0.05, high - 0.02), (0.05, 0.32, 0.20))
    p.ellipsoid(v.unless(COLORS["red"], ("red", "pink"), DARK), (0, -0.72, -0.08), (0.09, 0.06, 0.035))
    p.shrink(0.95)


def penguin(p: Parts, v: Variation) -> None:
    main = v.main
    belly = v.unless(SNOW, ("white",), CREAM)
    scarf = v.accent(v.unless(COLORS["red"], ("red", "pink", "orange", "brown"), COLORS["blue"]))
    orange = v.unless(COLORS["orange"], ("orange", "red", "yellow"), COLORS["black"])
    wide = v.between(0.38, 0.44)
    p.ellipsoid(main, (0, 0.02, -0.20), (wide, 0.36, 0.56))
    p.sphere(main, (0, 0, 0.46), 0.29, blend=0.06)
    p.ellipsoid(belly, (0, -0.24, -0.24), (wide - 0.10, 0.20, 0.44), operation=PAINT)
    p.ellipsoid(belly, (0, -0.24, 0.44), (0.19, 0.14, 0.17), operation=PAINT)
    p.torus(scarf, (0, 0, 0.24), 0.25, 0.085)
    p.limb(scarf, (0.14, -0.26, 0.20), (0.18, -0.36, -0.10), 0.085)
    p.frustum(orange, (0, -0.36, 0.44), 0.09, 0.02, 0.13, pose=turn("x", 90))
    for side in (-1, 1):
        p.sphere(DARK if v.color != "black" else (0.05, 0.05, 0.05), (side * 0.10, -0.255, 0.54), 0.05)
        p.limb(main, (side * (wide - 0.06), 0, 0.08), (side * (wide + 0.16), -0.02, -0.34), 0.09, 0.06)
        p.ellipsoid(orange, (side * 0.17, -0.14, -0.76), (0.14, 0.22, 0.07))


def rabbit(p: Parts, v: Variation) -> None:
    main = v.main
    inner = v.unless((0.96, 0.68, 0.74), ("pink", "red"), CREAM)
    bow = v.accent(v.unless(COLORS["red"], ("red", "pink", "orange", "brown"), COLORS["blue"]))
    p.ellipsoid(main, (0, 0.10, -0.42), (0.38, 0.42, v.between(0.38, 0.42)))
    p.sphere(main, (0, -0.16, 0.12), v.between(0.28, 0.32), blend=0.05)
    p.sphere(v.unless(SNOW, ("white",), CREAM), (0, 0.52, -0.52), 0.16)
    ear = v.between(0.70, 0.78)
    for side in (-1, 1):
        p.limb(main, (side * 0.13, -0.12, 0.30), (side * 0.22, -0.06, ear), 0.095, 0.085)
        p.limb(inner, (side * 0.135, -0.205, 0.38), (side * 0.215, -0.135, ear - 0.04), 0.045, 0.035, operation=PAINT)
        p.sphere(v.unless(DARK, ("black",), SNOW), (side * 0.13, -0.40, 0.18), 0.055)
        p.ellipsoid(main, (side * 0.20, -0.26, -0.72), (0.13, 0.22, 0.09), blend=0.03)
        p.limb(main, (side * 0.20, -0.20, -0.22), (side * 0.16, -0.36, -0.40), 0.10, 0.08, blend=0.04)
        p.frustum(bow, (side * 0.15, -0.36, -0.11), 0.03, 0.12, 0.12, pose=turn("y", side * 90))
    p.sphere(inner, (0, -0.45, 0.08), 0.055)
    p.sphere(bow, (0, -0.38, -0.11), 0.075)
    p.shrink(0.96)


def snail(p: Parts, v: Variation) -> None:
    main = v.main
    body = v.accent(v.unless((0.85, 0.72, 0.48), ("yellow", "orange", "brown"), (0.55, 0.70, 0.45)))
    swirl = v.light
    p.limb(body, (0, 0.74, -0.56), (0, -0.42, -0.52), 0.09, 0.17)
    p.limb(body, (0, -0.38, -0.50), (0, -0.62, 0.0), 0.16, 0.15, blend=0.08)
    size = v.between(0.44, 0.50)
    p.cylinder(main, (0, 0.16, -0.02), size, 0.24, rounding=0.16, pose=turn("y", 90))
    for ring in (size * 0.72, size * 0.36):
        p.torus(swirl, (0, 0.16 + 0.06 * (size - ring), -0.02), ring, 0.04, pose=turn("y", 90), operation=PAINT)
        for side in (-0.24, 0.24):
            p.torus(swirl, (side, 0.16, -0.02), ring, 0.045, pose=turn("y", 90), operation=PAINT)
    for side in (-1, 1):
        p.limb(body, (side * 0.07, -0.62, 0.08), (side * 0.16, -0.72, 0.38), 0.045, 0.035)
        p.sphere(DARK, (side * 0.16, -0.73, 0.40), 0.07)
    p.shrink(0.91)


def turtle(p: Parts, v: Variation) -> None:
    main = v.main
    skin = v.accent(v.unless(SKIN, ("green", "yellow"), (0.80, 0.66, 0.40)))
    high = v.between(0.44, 0.52)
    p.dome(main, (0, 0.06, -0.28), (0.56, 0.62, high))
    p.cylinder(v.unless(CREAM, ("white", "yellow"), (0.50, 0.36, 0.20)), (0, 0.06, -0.28), 0.57, 0.07, rounding=0.05)
    spot = v.unless((0.30, 0.20, 0.12), ("brown", "black"), CREAM)
    for x, y in ((0.0, 0.06), (0.30, -0.18), (-0.30, -0.18), (0.30, 0.30), (-0.30, 0.30)):
        p.sphere(spot, (x, y, -0.28 + high * (1 - x * x / 0.31 - (y - 0.06) ** 2 / 0.38) ** 0.5), 0.12, operation=PAINT)
    p.limb(skin, (0, -0.44, -0.24), (0, -0.66, -0.02), 0.14, 0.13)
    p.sphere(skin, (0, -0.70, 0.04), v.between(0.18, 0.21), blend=0.05)
    for side in (-1, 1):
        p.sphere(DARK, (side * 0.13, -0.83, 0.10), 0.05)
        for y in (-0.34, 0.44):
            p.limb(skin, (side * 0.36, y, -0.34), (side * 0.52, y * 1.15, -0.60), 0.14, 0.12)
    p.limb(skin, (0, 0.62, -0.34), (0, 0.86, -0.40), 0.08, 0.03)
    p.shrink(0.87)
