"""Sphere tracing of primitive rows, compiled by numba: distances, and the layers of one picture.

Layers keep apart what a colour and a material are applied to, so that one tracing serves all of them (`shading.py`).
"""

import math

import numpy as np
from numba import njit

from .parts import Array

LIGHT = np.array([-0.48, -0.56, 0.675])  # towards the key light, fixed in the world
LIGHT = LIGHT / np.linalg.norm(LIGHT)
LX, LY, LZ = float(LIGHT[0]), float(LIGHT[1]), float(LIGHT[2])
STEPS = 72
HIT = 0.0008  # metres

# layers of a pixel: shares of the main and the accent paint, the fixed paints' linear colour in proportion, the light
# on a matte surface, what a gloss adds, what a metal mirrors, and the share of stripes, dots and dark grain
MAIN_SHARE, ACCENT_SHARE, REST, LIGHT_LAYER, GLOSS, MIRROR, STRIPES, DOTS, GRAIN = 0, 1, 2, 5, 6, 7, 8, 9, 10
LAYERS = 11

STRIPE_PERIOD, DOT_PERIOD, DOT_RADIUS, GRAIN_PERIOD = 0.24, 0.24, 0.072, 0.11  # metres


@njit(cache=True, fastmath=True, nogil=True)
def _primitive(row, px, py, pz):  # type: ignore[no-untyped-def]
    """Signed distance (for some kinds a lower bound of it) from a world point to one primitive."""
    dx = (px - row[26]) * row[29] - row[6]
    dy = (py - row[27]) * row[30] - row[7]
    dz = (pz - row[28]) * row[31] - row[8]
    return row[32] * _local(row, dx, dy, dz)


@njit(cache=True, fastmath=True, nogil=True)
def _local(row, dx, dy, dz):  # type: ignore[no-untyped-def]
    """The same in the prop's own lengths, from the place of the primitive."""
    x = row[9] * dx + row[10] * dy + row[11] * dz
    y = row[12] * dx + row[13] * dy + row[14] * dz
    z = row[15] * dx + row[16] * dy + row[17] * dz
    a, b, c, d = row[18], row[19], row[20], row[21]
    kind = int(row[0])
    if kind == 0 or kind == 6:
        k0 = math.sqrt((x / a) ** 2 + (y / b) ** 2 + (z / c) ** 2)
        k1 = math.sqrt((x / (a * a)) ** 2 + (y / (b * b)) ** 2 + (z / (c * c)) ** 2)
        distance = k0 * (k0 - 1.0) / (k1 + 1e-9)
        if k0 < 0.2:
            distance = (k0 - 1.0) * min(a, b, c)
        return max(distance, -z) if kind == 6 else distance
    if kind == 1:
        qx, qy, qz = abs(x) - a + d, abs(y) - b + d, abs(z) - c + d
        outside = math.sqrt(max(qx, 0.0) ** 2 + max(qy, 0.0) ** 2 + max(qz, 0.0) ** 2)
        return outside + min(max(qx, qy, qz), 0.0) - d
    if kind == 2:
        q, w = math.sqrt(x * x + y * y) - a + c, abs(z) - b + c
        return math.sqrt(max(q, 0.0) ** 2 + max(w, 0.0) ** 2) + min(max(q, w), 0.0) - c
    if kind == 3:
        slope = (b - a) / (2.0 * c)
        cosine = 1.0 / math.sqrt(1.0 + slope * slope)
        side = (math.sqrt(x * x + y * y) - (a + slope * (z + c))) * cosine + d
        q, w = side, abs(z) - c + d
        return math.sqrt(max(q, 0.0) ** 2 + max(w, 0.0) ** 2) + min(max(q, w), 0.0) - d
    if kind == 4:
        q = math.sqrt(x * x + y * y) - a
        return math.sqrt(q * q + z * z) - b
    if kind == 5:
        h = min(max(z / c, 0.0), 1.0)
        return math.sqrt(x * x + y * y + (z - h * c) ** 2) - (a + (b - a) * h)
    # wedge: half planes left, right, bottom, and the two caps
    e = row[22]
    left_length = math.sqrt((c - a) ** 2 + d * d)
    right_length = math.sqrt((c - b) ** 2 + d * d)
    left = (-(x - a) * d + z * (c - a)) / left_length
    right = ((x - b) * d - z * (c - b)) / right_length
    return max(left, right, -z, abs(y) - e)


@njit(cache=True, fastmath=True, nogil=True)
def _distance(rows, px, py, pz):  # type: ignore[no-untyped-def]
    """Signed distance to the whole scene."""
    total = 1e9
    for i in range(rows.shape[0]):
        row = rows[i]
        operation = int(row[1])
        if operation == 2:
            continue
        k = row[2]
        if operation == 0:
            dx = (px - row[26]) * row[29] - row[6]
            dy = (py - row[27]) * row[30] - row[7]
            dz = (pz - row[28]) * row[31] - row[8]
            away = row[32] * (math.sqrt(dx * dx + dy * dy + dz * dz) - row[24])
            if away > total + k:
                continue
            d = _primitive(row, px, py, pz)
            if k > 0.0:
                h = max(k - abs(d - total), 0.0) / k
                total = min(d, total) - h * h * k * 0.25
            else:
                total = min(d, total)
        else:
            total = max(total, -_primitive(row, px, py, pz))
    return total


@njit(cache=True, fastmath=True, nogil=True)
def _paint(rows, px, py, pz, pixel, out):  # type: ignore[no-untyped-def]
    """Shares of the two paints and the rest's linear colour at a point of the surface, [5], mixed at blended seams and
    across painted edges `pixel` metres wide. Returns the row that made the surface there."""
    total = 1e9
    maker = 0
    for i in range(rows.shape[0]):
        row = rows[i]
        d = _primitive(row, px, py, pz)
        operation = int(row[1])
        k = row[2]
        if operation == 0:
            width = max(k, 1e-6)
            share = min(max(0.5 + 0.5 * (total - d) / width, 0.0), 1.0)
            h = max(k - abs(d - total), 0.0) / width
            if d < total:
                maker = i
            total = min(d, total) - h * h * k * 0.25
        elif operation == 1:
            share = 1.0 if -d > total else 0.0
            total = max(total, -d)
        else:
            share = min(max(0.5 - d / pixel, 0.0), 1.0)
        if share > 0.0:
            slot = int(row[25])
            for j in range(5):
                out[j] *= 1.0 - share
            if slot == 0:
                for j in range(3):
                    out[2 + j] += row[3 + j] * share
            else:
                out[slot - 1] += share
    return maker


@njit(cache=True, fastmath=True, nogil=True)
def _normal(rows, px, py, pz, step):  # type: ignore[no-untyped-def]
    a = _distance(rows, px + step, py - step, pz - step)
    b = _distance(rows, px - step, py - step, pz + step)
    c = _distance(rows, px - step, py + step, pz - step)
    d = _distance(rows, px + step, py + step, pz + step)
    nx, ny, nz = a - b - c + d, -a - b + c + d, -a + b - c + d
    length = math.sqrt(nx * nx + ny * ny + nz * nz) + 1e-12
    return nx / length, ny / length, nz / length


@njit(cache=True, fastmath=True, nogil=True)
def _light(rows, px, py, pz, nx, ny, nz, rx, ry, rz, out):  # type: ignore[no-untyped-def]
    """Half-Lambert key light and sky on a matte surface, and what a gloss and a metal show along the ray."""
    facing = nx * LX + ny * LY + nz * LZ
    key = 0.5 + 0.5 * facing
    near = min(max(_distance(rows, px + nx * 0.07, py + ny * 0.07, pz + nz * 0.07) / 0.07, 0.0), 1.0)
    far = min(max(_distance(rows, px + nx * 0.2, py + ny * 0.2, pz + nz * 0.2) / 0.2, 0.0), 1.0)
    open_sky = 0.55 + 0.2 * near + 0.25 * far
    out[5] = (0.24 + 0.20 * (0.5 + 0.5 * nz) + 0.62 * key * key) * open_sky
    along = rx * nx + ry * ny + rz * nz
    mx, my, mz = rx - 2.0 * along * nx, ry - 2.0 * along * ny, rz - 2.0 * along * nz  # where the mirrored ray goes
    towards = max(mx * LX + my * LY + mz * LZ, 0.0)
    aside = max(0.58 * mx + 0.66 * my + 0.48 * mz, 0.0)  # a second, weaker lamp behind
    rim = (1.0 - min(max(-along, 0.0), 1.0)) ** 3
    sky = min(max((mz + 0.05) / 0.30, 0.0), 1.0)
    sky = sky * sky * (3.0 - 2.0 * sky)
    out[6] = (0.85 * towards**30 + 0.45 * aside**30 + (0.06 + 0.40 * rim) * sky) * open_sky
    level = math.sqrt(mx * mx + my * my) + 1e-9
    window = max(2.0 * (mx / level) * (my / level), 0.0) ** 4 * level  # two bright windows of a studio
    ground = 0.16 + 0.30 * min(max(-mz, 0.0), 1.0)
    out[7] = (ground + (0.75 + 0.35 * mz - ground) * sky + 0.9 * towards**12 + 0.75 * window) * open_sky


@njit(cache=True, fastmath=True, nogil=True)
def _edge(distance, pixel):  # type: ignore[no-untyped-def]
    """Coverage of a pattern whose edge is `distance` metres away, inside positive."""
    return min(max(0.5 + distance / pixel, 0.0), 1.0)


@njit(cache=True, fastmath=True, nogil=True)
def _patterns(row, px, py, pz, nx, ny, nz, pixel, out):  # type: ignore[no-untyped-def]
    """Stripes, dots and grain at a point, in the prop's own lengths."""
    x, y, z = (px - row[26]) * row[29], (py - row[27]) * row[30], (pz - row[28]) * row[31]
    pixel = pixel / row[32]
    u = (0.45 * x + 0.25 * y + 0.86 * z) / STRIPE_PERIOD
    out[8] = _edge((0.25 - abs(u - math.floor(u) - 0.5)) * STRIPE_PERIOD, pixel)
    ax, ay, az = abs(nx), abs(ny), abs(nz)
    if az >= ax and az >= ay:
        a, b = x, y
    elif ay >= ax:
        a, b = x, z
    else:
        a, b = y, z
    a /= DOT_PERIOD
    b /= DOT_PERIOD
    line = math.floor(b + 0.5)
    a += 0.5 * (line - 2.0 * math.floor(0.5 * line))
    away = math.sqrt((a - math.floor(a + 0.5)) ** 2 + (b - line) ** 2) * DOT_PERIOD
    out[9] = _edge(DOT_RADIUS - away, pixel)
    ring = math.sqrt((x + 0.31) ** 2 + (y - 0.43) ** 2) + 0.035 * math.sin(4.1 * z + 3.0 * x) + 0.02 * math.sin(9.0 * z)
    wave = 0.5 + 0.5 * math.sin(2.0 * math.pi * ring / GRAIN_PERIOD)
    out[10] = wave * wave


@njit(cache=True, fastmath=True, nogil=True)
def _march(rows, eye, rx, ry, rz, start, stop, pixel_angle):  # type: ignore[no-untyped-def]
    """Distance along the ray to the surface or the nearest miss, and the coverage of the pixel there.

    The surface is taken half a pixel inwards; a ray that passes it by less than a pixel covers in proportion.
    """
    t = start
    nearest, nearest_t = 1e9, start
    for _ in range(STEPS):
        pixel = t * pixel_angle
        d = _distance(rows, eye[0] + t * rx, eye[1] + t * ry, eye[2] + t * rz) + 0.5 * pixel
        if d / pixel < nearest:
            nearest, nearest_t = d / pixel, t
        if d < HIT:
            return t, 1.0
        t += max(0.9 * d, 0.002)
        if t > stop:
            break
    return nearest_t, min(max(1.0 - nearest, 0.0), 1.0)


@njit(cache=True, fastmath=True, nogil=True)
def trace(
    rows: Array, bound: float, viewmat: Array, fx: float, fy: float, cx: float, cy: float, layers: Array, alpha: Array,
    depth: Array,
) -> None:  # fmt: skip
    """Fill `layers` [H, W, LAYERS], `alpha` [H, W] and `depth` [H, W] (metres along the view axis, 0 where empty)."""
    height, width = alpha.shape
    eye = np.zeros(3)
    for i in range(3):
        eye[i] = -(viewmat[0, i] * viewmat[0, 3] + viewmat[1, i] * viewmat[1, 3] + viewmat[2, i] * viewmat[2, 3])
    for v in range(height):
        for u in range(width):
            x, y = (u + 0.5 - cx) / fx, (v + 0.5 - cy) / fy
            norm = 1.0 / math.sqrt(x * x + y * y + 1.0)
            x, y, z = x * norm, y * norm, norm
            rx = viewmat[0, 0] * x + viewmat[1, 0] * y + viewmat[2, 0] * z
            ry = viewmat[0, 1] * x + viewmat[1, 1] * y + viewmat[2, 1] * z
            rz = viewmat[0, 2] * x + viewmat[1, 2] * y + viewmat[2, 2] * z
            middle = -(eye[0] * rx + eye[1] * ry + eye[2] * rz)
            closest = eye[0] ** 2 + eye[1] ** 2 + eye[2] ** 2 - middle * middle
            half = bound * bound - closest
            if half <= 0.0 or middle <= 0.0:
                continue
            half = math.sqrt(half)
            start = max(middle - half, 0.01)
            t, coverage = _march(rows, eye, rx, ry, rz, start, middle + half, norm / fx)
            if coverage <= 0.0:
                continue
            px, py, pz = eye[0] + t * rx, eye[1] + t * ry, eye[2] + t * rz
            pixel = t * norm / fx
            out = layers[v, u]
            maker = _paint(rows, px, py, pz, pixel, out)
            nx, ny, nz = _normal(rows, px, py, pz, 0.004)
            _light(rows, px, py, pz, nx, ny, nz, rx, ry, rz, out)
            if out[0] + out[1] > 0.0:
                _patterns(rows[maker], px, py, pz, nx, ny, nz, pixel, out)
            alpha[v, u] = coverage
            depth[v, u] = t * z


@njit(cache=True, nogil=True)
def distances(rows: Array, points: Array, out: Array) -> None:
    """Fill `out` [N] with the scene's signed distance at `points` [N, 3]; what `_primitive` says of it holds here."""
    for n in range(points.shape[0]):
        out[n] = _distance(rows, points[n, 0], points[n, 1], points[n, 2])


@njit(cache=True, nogil=True)
def surface_layers(rows: Array, points: Array, pixel: float, out: Array) -> None:
    """Fill `out` [N, LAYERS] with paints and patterns of the surface at `points`, edges `pixel` metres wide, in a light
    of 1 from everywhere."""
    for n in range(points.shape[0]):
        px, py, pz = points[n, 0], points[n, 1], points[n, 2]
        out[n] = 0.0
        maker = _paint(rows, px, py, pz, pixel, out[n])
        nx, ny, nz = _normal(rows, px, py, pz, 0.004)
        _patterns(rows[maker], px, py, pz, nx, ny, nz, pixel, out[n])
        out[n, 5] = out[n, 7] = 1.0


@njit(cache=True, nogil=True)
def lowest(rows: Array, bound: float) -> float:
    """The height of the lowest point of the surface, metres, among those above a fine grid of the ground."""
    found = bound
    for i in range(48):
        for j in range(48):
            x, y = bound * (i - 23.5) / 24.0, bound * (j - 23.5) / 24.0
            z = -bound
            for _ in range(STEPS):
                d = _distance(rows, x, y, z)
                if d < HIT:
                    found = min(found, z)
                    break
                z += max(0.9 * d, 0.002)
                if z > found:
                    break
    return found
