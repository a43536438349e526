"""How fine a prop's detail is: its pictures' power spectrum against the scene's, inside both silhouettes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt

Floats = npt.NDArray[np.float32]
Array = npt.NDArray[np.float64]

BANDS = 16  # of equal width, from 0 to half a cycle a pixel; the first one is not looked at
UPPER = 4  # the first band of fine detail: from an eighth of a cycle a pixel on
FEATHER = 0.05  # of the picture's side: how far inside the silhouette the window reaches 1
SMALLEST = 0.005  # of the pictures' pixels: with a smaller window there is nothing to compare
FLOOR = 3 / 255**2  # power of differences of one step of 8-bit colour, three channels
SOLID = 0.5


@dataclass(frozen=True)
class Detail:
    """Power spectra against each other."""

    distance: float  # dB: root mean square over bands of the difference of logarithms
    sharpness: float  # amplitude of the fine detail, x the truth's: below 1 is blurred, above 1 is rough


def detail(
    pictures: Floats,  # [V, H, W, 3] sRGB, of the prop
    alphas: Floats,  # [V, H, W]
    true_pictures: Floats,
    true_alphas: Floats,
) -> Detail | None:
    """The prop's detail against the truth's; None where their silhouettes have next to nothing in common."""
    windows = np.stack(
        [window(mask) for mask in (alphas > SOLID) & (true_alphas > SOLID)],
    )
    if windows.mean() < SMALLEST:
        return None
    found, wanted = (power_in_bands(images, windows) + FLOOR for images in (pictures, true_pictures))
    decibels = 10 * np.log10(found / wanted)
    return Detail(
        distance=float(np.sqrt(np.mean(decibels[1:] ** 2))),
        sharpness=float(10 ** (decibels[UPPER:].mean() / 20)),
    )


def window(mask: npt.NDArray[np.bool_]) -> Array:
    """[H, W] 0 outside of the mask and 1 well inside, with a raised cosine between: so its own edge adds little."""
    depth = distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1] / (FEATHER * len(mask))
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * np.clip(depth, 0, 1)))


def power_in_bands(
    pictures: Floats,  # [V, H, W, 3]
    windows: Array,  # [V, H, W]
) -> Array:
    """[BANDS] radially averaged power of what differs from the mean colour of each view, over all views and channels.

    P(f) = sum_v |F(w_v (x_v - m_v))|^2 / sum_v sum w_v^2, so that white noise of variance s^2 a channel has 3 s^2.
    """
    weights = windows[..., None]
    means = (weights * pictures).sum((1, 2), keepdims=True) / np.maximum(weights.sum((1, 2), keepdims=True), 1e-12)
    spectra = np.fft.fft2(weights * (pictures - means), axes=(1, 2))
    power = (np.abs(spectra) ** 2).sum((0, 3)) / np.square(windows).sum()
    height, width = power.shape
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width))
    band = np.minimum((frequency * 2 * BANDS).astype(int), BANDS)  # corners beyond half a cycle are left out
    totals = np.bincount(band.ravel(), power.ravel(), BANDS + 1)[:BANDS]
    return np.asarray(totals / np.bincount(band.ravel(), minlength=BANDS + 1)[:BANDS])
