"""One splat over one pixel: what forward and backward must decide alike, so it stands once, computed as written."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload
from numpy.polynomial import Chebyshev, Polynomial

from .compiled import inlined, multiply_add
from .contract import ALPHA_CUT, ALPHA_MAX, TRANSMITTANCE_MIN

Scalar = Any

LOG2_E = 1.4426950408889634
SMALLEST_EXPONENT = -60.0


def _power_of_two_series(degree: int) -> tuple[float, ...]:
    """Coefficients of 2^r on [-1/2, 1/2], exact at 0: (2^r - 1) / r is interpolated at the Chebyshev nodes."""
    slope = Chebyshev.interpolate(lambda r: np.expm1(r * math.log(2)) / r, degree - 1, domain=[-0.5, 0.5])
    return (1.0, *(float(c) for c in slope.convert(kind=Polynomial).coef))


_SERIES_32 = tuple(np.float32(c) for c in _power_of_two_series(6))
_SERIES_64 = _power_of_two_series(12)


def exp2_of_negative(x: Scalar) -> Scalar:
    """2^x for x <= 0, to an ulp or two; 2^-60 for anything smaller. Branchless, so that loops over it use vectors.

    The integer part of x is found by adding 1.5 * 2^(mantissa bits), and becomes the exponent bits of the result.
    """
    raise NotImplementedError("exists only compiled")


@overload(exp2_of_negative, jit_options={"error_model": "numpy", "forceinline": True})
def _exp2_of_negative(x: Any) -> Any:
    if x == types.float32:
        magic, lowest = np.float32(1.5 * 2**23), np.float32(SMALLEST_EXPONENT)
        c0, c1, c2, c3, c4, c5, c6 = _SERIES_32

        def exp2_32(x: Any) -> Any:
            x = max(x, lowest)
            shifted = x + magic
            r = x - (shifted - magic)
            series = multiply_add(multiply_add(multiply_add(c6, r, c5), r, c4), r, c3)
            series = multiply_add(multiply_add(multiply_add(series, r, c2), r, c1), r, c0)
            return np.int32(np.float32(series).view(np.int32) + (np.float32(shifted).view(np.int32) << 23)).view(
                np.float32
            )

        return exp2_32
    if x == types.float64:
        magic_64 = 1.5 * 2**52
        d0, d1, d2, d3, d4, d5, d6, d7, d8, d9, d10, d11, d12 = _SERIES_64

        def exp2_64(x: Any) -> Any:
            x = max(x, SMALLEST_EXPONENT)
            shifted = x + magic_64
            r = x - (shifted - magic_64)
            series = d6 + r * (d7 + r * (d8 + r * (d9 + r * (d10 + r * (d11 + r * d12)))))
            series = d0 + r * (d1 + r * (d2 + r * (d3 + r * (d4 + r * (d5 + r * series)))))
            return np.int64(np.float64(series).view(np.int64) + (np.float64(shifted).view(np.int64) << 52)).view(
                np.float64
            )

        return exp2_64
    return None


@inlined
def cover(
    real: Any, dx: Scalar, dy: Scalar, across: Scalar, shear: Scalar, along: Scalar, opacity: Scalar, light: Scalar
) -> tuple[Scalar, Scalar, Scalar, bool]:
    """(raw alpha, alpha, weight, light left) of a splat over a pixel at offset (dx, dy) where ``light`` still arrives.

    ``across`` and ``along`` are A and E times -log2(e) / 2. ``light`` is the transmittance; once it would
    have fallen below the minimum it is kept negative, which drops everything behind.
    """
    t = multiply_add(shear, dy, dx)
    raw = opacity * exp2_of_negative(multiply_add(across * t, t, along * dy * dy))
    alpha = min(raw, real(ALPHA_MAX))
    left = light * (real(1) - alpha)
    hit = alpha >= real(ALPHA_CUT)
    seen = hit & (left >= real(TRANSMITTANCE_MIN))
    weight = alpha * light if seen else real(0)
    left = left if seen else (-abs(light) if hit else light)
    return raw, alpha, weight, left
