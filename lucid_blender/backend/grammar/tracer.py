"""Sphere tracing of primitive rows, compiled by numba: distance, colour and one picture."""

import math

import numpy as np
from numba import njit

from .parts import Array

LIGHT = np.array([-0.48, -0.56, 0.675])  # towards the key light, fixed in the world
LIGHT = LIGHT / np.linalg.norm(LIGHT)
LX, LY, LZ = float(LIGHT[0]), float(LIGHT[1]), float(LIGHT[2])
STEPS = 72
HIT = 0.0008  # metres


@njit(cache=True, fastmath=True, nogil=True)
def _primitive(row, px, py, pz):  # type: ignore[no-untyped-def]
    """Signed distance (for some kinds a lower bound of it) from a world point to one primitive."""
    dx, dy, dz = px - row[6], py - row[7], pz - row[8]
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
            away = math.sqrt((px - row[6]) ** 2 + (py - row[7]) ** 2 + (pz - row[8]) ** 2) - row[24]
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
def _color(rows, px, py, pz, pixel, out):  # type: ignore[no-untyped-def]
    """Linear colour of the surface at a point, mixed at blended seams and across painted edges `pixel` metres wide."""
    total = 1e9
    for i in range(rows.shape[0]):
        row = rows[i]
        d = _primitive(row, px, py, pz)
        operation = int(row[1])
        k = row[2]
        if operation == 0:
            width = max(k, 1e-6)
            share = min(max(0.5 + 0.5 * (total - d) / width, 0.0), 1.0)
            h = max(k - abs(d - total), 0.0) / width
            total = min(d, total) - h * h * k * 0.25
        elif operation == 1:
            share = 1.0 if -d > total else 0.0
            total = max(total, -d)
        else:
            share = min(max(0.5 - d / pixel, 0.0), 1.0)
        for j in range(3):
            out[j] += (row[3 + j] - out[j]) * share


@njit(cache=True, fastmath=True, nogil=True)
def _shade(rows, px, py, pz, step):  # type: ignore[no-untyped-def]
    """How much light leaves a white surface: half-Lambert key light, sky, and what is close by shadows a little."""
    a = _distance(rows, px + step, py - step, pz - step)
    b = _distance(rows, px - step, py - step, pz + step)
    c = _distance(rows, px - step, py + step, pz - step)
    d = _distance(rows, px + step, py + step, pz + step)
    nx, ny, nz = a - b - c + d, -a - b + c + d, -a + b - c + d
    length = math.sqrt(nx * nx + ny * ny + nz * nz) + 1e-12
    nx, ny, nz = nx / length, ny / length, nz / length
    key = 0.5 + 0.5 * (nx * LX + ny * LY + nz * LZ)
    near = min(max(_distance(rows, px + nx * 0.07, py + ny * 0.07, pz + nz * 0.07) / 0.07, 0.0), 1.0)
    far = min(max(_distance(rows, px + nx * 0.2, py + ny * 0.2, pz + nz * 0.2) / 0.2, 0.0), 1.0)
    open_sky = 0.55 + 0.2 * near + 0.25 * far
    return (0.24 + 0.20 * (0.5 + 0.5 * nz) + 0.62 * key * key) * open_sky


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
    rows: Array, bound: float, viewmat: Array, fx: float, fy: float, cx: float, cy: float, rgb: Array, alpha: Array,
    depth: Array,
) -> None:  # fmt: skip
    """Fill `rgb` (sRGB, not multiplied by alpha), `alpha` and `depth` (metres along the view axis, 0 where empty)."""
    height, width = alpha.shape
    eye = np.zeros(3)
    for i in range(3):
        eye[i] = -(viewmat[0, i] * viewmat[0, 3] + viewmat[1, i] * viewmat[1, 3] + viewmat[2, i] * viewmat[2, 3])
    color = np.zeros(3)
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
            color[:] = 0.0
            _color(rows, px, py, pz, t * norm / fx, color)
            light = _shade(rows, px, py, pz, 0.004)
            for j in range(3):
                c = min(max(color[j] * light, 0.0), 1.0)
                rgb[v, u, j] = 12.92 * c if c <= 0.0031308 else 1.055 * c ** (1.0 / 2.4) - 0.055
            alpha[v, u] = coverage
            depth[v, u] = t * z


@njit(cache=True, nogil=True)
def distances(rows: Array, points: Array, out: Array) -> None:
    """Fill `out` [N] with the scene's signed distance at `points` [N, 3]; what `_primitive` says of it holds here."""
    for n in range(points.shape[0]):
        out[n] = _distance(rows, points[n, 0], points[n, 1], points[n, 2])


@njit(cache=True, nogil=True)
def colors(rows: Array, points: Array, pixel: float, out: Array) -> None:
    """Fill `out` [N, 3] with the linear colour of the surface at `points`, painted edges `pixel` metres wide."""
    for n in range(points.shape[0]):
        out[n] = 0.0
        _color(rows, points[n, 0], points[n, 1], points[n, 2], pixel, out[n])
