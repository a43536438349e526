"""One splat seen by one camera: its projection, and the gradient of it.

Scalars in, scalars out, no arrays: the same functions serve every compiled rasterizer. ``real`` is the float type
(``np.float32`` or ``np.float64``); every constant goes through it, because a bare 0.5 would turn all arithmetic
into float64. Symbols: W, t the rotation and translation of the viewmat; J the slope of the projection; R the splat's
rotation, S its scales; B = J W R S, so that the covariance on the screen is B B^T + low-pass (equation 5 of the 3D
Gaussian Splatting paper).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .compiled import inlined
from .contract import EXTENT_SIGMAS, EXTENT_TILE, JACOBIAN_MARGIN, LOW_PASS, NEAR, RADIUS_MAX

Scalar = Any
Scalars = tuple[Any, ...]


@inlined
def rotation_of(real: Any, w: Scalar, x: Scalar, y: Scalar, z: Scalar) -> Scalars:
    """The rotation matrix, row by row, of a quaternion of any length."""
    one, two = real(1), real(2)
    scale = one / math.sqrt(w * w + x * x + y * y + z * z)
    w, x, y, z = w * scale, x * scale, y * scale, z * scale
    return (
        (one - two * (y * y + z * z), two * (x * y - w * z), two * (x * z + w * y)),
        (two * (x * y + w * z), one - two * (x * x + z * z), two * (y * z - w * x)),
        (two * (x * z - w * y), two * (y * z + w * x), one - two * (x * x + y * y)),
    )


@inlined
def rotation_gradient(real: Any, w: Scalar, x: Scalar, y: Scalar, z: Scalar, g: Scalars) -> Scalars:
    """From the gradient ``g`` by the rotation matrix to the gradient by the quaternion, (w, x, y, z)."""
    two = real(2)
    scale = real(1) / math.sqrt(w * w + x * x + y * y + z * z)
    w, x, y, z = w * scale, x * scale, y * scale, z * scale
    (g00, g01, g02), (g10, g11, g12), (g20, g21, g22) = g
    vw = two * (x * (g21 - g12) + y * (g02 - g20) + z * (g10 - g01))
    vx = two * (y * (g01 + g10) + z * (g02 + g20) + w * (g21 - g12) - two * x * (g11 + g22))
    vy = two * (x * (g01 + g10) + z * (g12 + g21) + w * (g02 - g20) - two * y * (g00 + g22))
    vz = two * (x * (g02 + g20) + y * (g12 + g21) + w * (g10 - g01) - two * z * (g00 + g11))
    radial = vw * w + vx * x + vy * y + vz * z  # the length of a quaternion changes nothing
    return (
        scale * (vw - radial * w),
        scale * (vx - radial * x),
        scale * (vy - radial * y),
        scale * (vz - radial * z),
    )


@inlined
def frozen_slope(real: Any, slope: Scalar, focal: Scalar, centre: Scalar, size: Scalar) -> Scalar:
    """x / z (or y / z), clamped somewhat beyond the picture's border."""
    margin = real(JACOBIAN_MARGIN / 2) * size
    return min(max(slope, -(centre + margin) / focal), (size - centre + margin) / focal)


@inlined
def screen_rows(matrix: Scalars, fx: Scalar, fy: Scalar, slope_x: Scalar, slope_y: Scalar, z: Scalar) -> Scalars:
    """The two rows of J M for a 3 x 3 matrix M."""
    (m00, m01, m02), (m10, m11, m12), (m20, m21, m22) = matrix
    jx, jy = fx / z, fy / z
    return (
        (jx * (m00 - slope_x * m20), jx * (m01 - slope_x * m21), jx * (m02 - slope_x * m22)),
        (jy * (m10 - slope_y * m20), jy * (m11 - slope_y * m21), jy * (m12 - slope_y * m22)),
    )


@inlined
def matrix_product(a: Scalars, b: Scalars) -> Scalars:
    (a00, a01, a02), (a10, a11, a12), (a20, a21, a22) = a
    (b00, b01, b02), (b10, b11, b12), (b20, b21, b22) = b
    return (
        (a00 * b00 + a01 * b10 + a02 * b20, a00 * b01 + a01 * b11 + a02 * b21, a00 * b02 + a01 * b12 + a02 * b22),
        (a10 * b00 + a11 * b10 + a12 * b20, a10 * b01 + a11 * b11 + a12 * b21, a10 * b02 + a11 * b12 + a12 * b22),
        (a20 * b00 + a21 * b10 + a22 * b20, a20 * b01 + a21 * b11 + a22 * b21, a20 * b02 + a21 * b12 + a22 * b22),
    )


@inlined
def screen_covariance(real: Any, b: Scalars) -> Scalars:
    """(a, b, c, determinant) of B B^T + low-pass.

    The determinant comes from Lagrange's identity, |B0|^2 |B1|^2 - (B0 . B1)^2 = |B0 x B1|^2: a sum of positive terms,
    so that it keeps its digits for a splat a thousand times as long as wide.
    """
    low = real(LOW_PASS)
    (b00, b01, b02), (b10, b11, b12) = b
    xx = b00 * b00 + b01 * b01 + b02 * b02
    xy = b00 * b10 + b01 * b11 + b02 * b12
    yy = b10 * b10 + b11 * b11 + b12 * b12
    n0, n1, n2 = b01 * b12 - b02 * b11, b02 * b10 - b00 * b12, b00 * b11 - b01 * b10
    return xx + low, xy, yy + low, (n0 * n0 + n1 * n1 + n2 * n2) + low * (xx + yy + low)


@inlined
def radius_of(real: Any, a: Scalar, c: Scalar, determinant: Scalar) -> Scalar:
    """Whole pixels: three standard deviations along the longest axis, rounded up."""
    middle = real(0.5) * (a + c)
    longest = middle + math.sqrt(max(real(0.1), middle * middle - determinant))
    return np.ceil(real(EXTENT_SIGMAS) * math.sqrt(longest))


@inlined
def extent_of(mean: Scalar, radius: Scalar, size: int) -> tuple[int, int]:
    """First pixel and end of the tiles that mean +- radius touches along one axis, within the picture."""
    first = np.floor((mean - radius) / EXTENT_TILE) * EXTENT_TILE
    end = np.floor((mean + radius + (EXTENT_TILE - 1)) / EXTENT_TILE) * EXTENT_TILE
    return int(min(max(first, 0.0), float(size))), int(min(max(end, 0.0), float(size)))


@inlined
def ellipse_of(real: Any, a: Scalar, b: Scalar, c: Scalar, determinant: Scalar) -> Scalars:
    """(A, k, E) such that d^T covariance^-1 d = A (dx + k dy)^2 + E dy^2: a sum of squares whatever the rounding."""
    along = real(1) / c
    return c / determinant, -b * along, along


@inlined
def covariance_gradient(real: Any, ellipse: Scalars, by_ellipse: Scalars) -> Scalars:
    """From the gradient by (A, k, E) to the gradient by the covariance (a, b, c); b counted once."""
    across, shear, along = ellipse
    by_across, by_shear, by_along = by_ellipse
    by_a = -across * across * by_across
    by_b = real(2) * shear * by_a - along * by_shear
    by_c = shear * (shear * by_a - along * by_shear) - along * along * by_along
    return by_a, by_b, by_c


@inlined
def to_camera(rotation: Scalars, translation: Scalars, point: Scalars) -> Scalars:
    (r00, r01, r02), (r10, r11, r12), (r20, r21, r22) = rotation
    t0, t1, t2 = translation
    p0, p1, p2 = point
    return (
        r00 * p0 + r01 * p1 + r02 * p2 + t0,
        r10 * p0 + r11 * p1 + r12 * p2 + t1,
        r20 * p0 + r21 * p1 + r22 * p2 + t2,
    )


@inlined
def project(real: Any, mean: Scalars, quat: Scalars, scale: Scalars, view: Scalars) -> Scalars:
    """(radius, mean x, mean y, depth, A, k, E) of one splat on the screen; radius 0 when it is not drawn.

    ``view`` is (W, t, (fx, fy, cx, cy), (width, height)).
    """
    world_to_camera, translation, (fx, fy, cx, cy), (width, height) = view
    nothing = real(0)
    not_drawn = (nothing, nothing, nothing, nothing, nothing, nothing, nothing)
    x, y, z = to_camera(world_to_camera, translation, mean)
    if not z > real(NEAR):
        return not_drawn
    slope_x, slope_y = x / z, y / z
    mean_x, mean_y = fx * slope_x + cx - real(0.5), fy * slope_y + cy - real(0.5)
    axes = screen_axes(real, quat, scale, view, slope_x, slope_y, z)
    a, b, c, determinant = screen_covariance(real, axes)
    radius = radius_of(real, a, c, determinant)
    if not (determinant > nothing and radius < real(RADIUS_MAX) and math.isfinite(mean_x) and math.isfinite(mean_y)):
        return not_drawn
    left, right = extent_of(mean_x, radius, width)
    top, bottom = extent_of(mean_y, radius, height)
    if left >= right or top >= bottom:
        return not_drawn
    across, shear, along = ellipse_of(real, a, b, c, determinant)
    return radius, mean_x, mean_y, z, across, shear, along


@inlined
def screen_axes(
    real: Any, quat: Scalars, scale: Scalars, view: Scalars, slope_x: Scalar, slope_y: Scalar, z: Scalar
) -> Scalars:
    """B = J W R S, two rows."""
    world_to_camera, _, (fx, fy, cx, cy), (width, height) = view
    s0, s1, s2 = scale
    u = frozen_slope(real, slope_x, fx, cx, width)
    v = frozen_slope(real, slope_y, fy, cy, height)
    to_screen = matrix_product(world_to_camera, rotation_of(real, quat[0], quat[1], quat[2], quat[3]))
    (b00, b01, b02), (b10, b11, b12) = screen_rows(to_screen, fx, fy, u, v, z)
    return (b00 * s0, b01 * s1, b02 * s2), (b10 * s0, b11 * s1, b12 * s2)


@inlined
def project_gradient(
    real: Any, mean: Scalars, quat: Scalars, scale: Scalars, view: Scalars, ellipse: Scalars, gradient: Scalars
) -> Scalars:
    """Gradients by (mean, quat, scale) of a drawn splat.

    ``gradient`` is by (mean x, mean y, depth, A, k, E), ``ellipse`` is (A, k, E).
    """
    world_to_camera, translation, (fx, fy, cx, cy), (width, height) = view
    s0, s1, s2 = scale
    by_x, by_y, by_depth = gradient[0], gradient[1], gradient[2]
    two = real(2)
    x, y, z = to_camera(world_to_camera, translation, mean)
    slope_x, slope_y = x / z, y / z
    u = frozen_slope(real, slope_x, fx, cx, width)
    v = frozen_slope(real, slope_y, fy, cy, height)
    rotation = rotation_of(real, quat[0], quat[1], quat[2], quat[3])
    to_screen = matrix_product(world_to_camera, rotation)
    (b00, b01, b02), (b10, b11, b12) = screen_rows(to_screen, fx, fy, u, v, z)  # J W R

    # covariance = (J W R S) (J W R S)^T: g_i is the gradient by row i of J W R S
    by_a, by_b, by_c = covariance_gradient(real, ellipse, (gradient[3], gradient[4], gradient[5]))
    c00, c01, c02, c10, c11, c12 = b00 * s0, b01 * s1, b02 * s2, b10 * s0, b11 * s1, b12 * s2
    g00, g01, g02 = two * by_a * c00 + by_b * c10, two * by_a * c01 + by_b * c11, two * by_a * c02 + by_b * c12
    g10, g11, g12 = two * by_c * c10 + by_b * c00, two * by_c * c11 + by_b * c01, two * by_c * c12 + by_b * c02
    by_scale = (g00 * b00 + g10 * b10, g01 * b01 + g11 * b11, g02 * b02 + g12 * b12)
    g00, g01, g02, g10, g11, g12 = g00 * s0, g01 * s1, g02 * s2, g10 * s0, g11 * s1, g12 * s2  # now by J W R

    # J W R = diag(fx, fy) / z (row 0 - u row 2, row 1 - v row 2) of W R
    jx, jy = fx / z, fy / z
    m0, m1 = (jx * g00, jx * g01, jx * g02), (jy * g10, jy * g11, jy * g12)
    m2 = (-(u * m0[0] + v * m1[0]), -(u * m0[1] + v * m1[1]), -(u * m0[2] + v * m1[2]))
    w2 = to_screen[2]
    by_u = -(m0[0] * w2[0] + m0[1] * w2[1] + m0[2] * w2[2])
    by_v = -(m1[0] * w2[0] + m1[1] * w2[1] + m1[2] * w2[2])
    by_z = by_depth - (g00 * b00 + g01 * b01 + g02 * b02 + g10 * b10 + g11 * b11 + g12 * b12) / z
    by_rotation = matrix_product(transposed(world_to_camera), (m0, m1, m2))
    by_quat = rotation_gradient(real, quat[0], quat[1], quat[2], quat[3], by_rotation)

    by_slope_x, by_slope_y = fx * by_x, fy * by_y
    if u == slope_x:
        by_slope_x += by_u
    if v == slope_y:
        by_slope_y += by_v
    by_z -= (by_slope_x * slope_x + by_slope_y * slope_y) / z
    nothing = real(0)
    by_mean = to_camera(
        transposed(world_to_camera), (nothing, nothing, nothing), (by_slope_x / z, by_slope_y / z, by_z)
    )
    return by_mean, by_quat, by_scale


@inlined
def transposed(matrix: Scalars) -> Scalars:
    (m00, m01, m02), (m10, m11, m12), (m20, m21, m22) = matrix
    return (m00, m10, m20), (m01, m11, m21), (m02, m12, m22)
