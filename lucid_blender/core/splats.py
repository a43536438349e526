"""SplatCloud: a set of 3D Gaussians in physical values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import InvalidInput

SH_DC = 0.28209479177387814  # 1 / (2 sqrt(pi)): the constant spherical harmonic of degree 0

FloatArray = npt.NDArray[np.float32]


def sh_coefficients(degree: int) -> int:
    """Number of spherical-harmonic coefficients a channel up to ``degree``: 1, 4, 9, 16."""
    return (degree + 1) ** 2


@dataclass(frozen=True, kw_only=True, eq=False)
class SplatCloud:
    """N Gaussians, float32, checked once here and never again.

    positions  [N, 3] metres
    scales     [N, 3] metres, standard deviations along the local axes, > 0
    rotations  [N, 4] unit quaternions wxyz
    opacities  [N] in [0, 1]
    sh         [N, K, 3] spherical-harmonic coefficients, K = 1, 4, 9 or 16; colour = 0.5 + SH_DC sh[:, 0] + ...

    Raises InvalidInput when a shape, a value or a range is wrong; names the array.
    """

    positions: FloatArray
    scales: FloatArray
    rotations: FloatArray
    opacities: FloatArray
    sh: FloatArray

    def __post_init__(self) -> None:
        for name in ("positions", "scales", "rotations", "opacities", "sh"):
            array = np.ascontiguousarray(getattr(self, name), dtype=np.float32)
            if not np.isfinite(array).all():
                bad = int(np.count_nonzero(~np.isfinite(array)))
                raise InvalidInput(f"{name} has {bad} values that are NaN or infinite; all must be finite")
            object.__setattr__(self, name, array)
        count = len(self)
        coefficients = self.sh.shape[1] if self.sh.ndim == 3 else 0
        if coefficients not in (1, 4, 9, 16):
            raise InvalidInput(f"sh has shape {self.sh.shape}; wanted [N, 1, 4, 9 or 16, 3]")
        wanted = {
            "positions": (count, 3),
            "scales": (count, 3),
            "rotations": (count, 4),
            "opacities": (count,),
            "sh": (count, coefficients, 3),
        }
        for name, shape in wanted.items():
            if getattr(self, name).shape != shape:
                raise InvalidInput(f"{name} has shape {getattr(self, name).shape}; wanted {shape}")
        if count and self.scales.min() <= 0:
            raise InvalidInput(f"scales must be > 0; the smallest is {self.scales.min():g}")
        if count and (self.opacities.min() < 0 or self.opacities.max() > 1):
            raise InvalidInput(
                f"opacities must lie in [0, 1]; found {self.opacities.min():g} to {self.opacities.max():g}"
            )
        object.__setattr__(self, "rotations", _normalised(self.rotations))

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def sh_degree(self) -> int:
        return int(round(self.sh.shape[1] ** 0.5)) - 1

    @property
    def base_colors(self) -> FloatArray:
        """[N, 3] sRGB display colours of the constant term, not clipped."""
        return np.asarray(0.5 + SH_DC * self.sh[:, 0], dtype=np.float32)

    @classmethod
    def from_colors(
        cls,
        *,
        positions: FloatArray,
        scales: FloatArray,
        rotations: FloatArray,
        opacities: FloatArray,
        colors: FloatArray,  # [N, 3] sRGB in [0, 1]
    ) -> SplatCloud:
        """A cloud whose colour does not depend on the view (SH degree 0)."""
        sh = ((np.asarray(colors, dtype=np.float32) - 0.5) / SH_DC)[:, None, :]
        return cls(positions=positions, scales=scales, rotations=rotations, opacities=opacities, sh=sh)

    @classmethod
    def empty(cls) -> SplatCloud:
        """A cloud of no splats."""
        none = np.empty((0, 3), np.float32)
        return cls.from_colors(
            positions=none, scales=none, rotations=np.empty((0, 4), np.float32), opacities=none[:, 0], colors=none
        )

    def chosen(self, which: npt.NDArray[Any]) -> SplatCloud:
        """Some of the splats, by a mask [N] or by indices."""
        return SplatCloud(
            positions=self.positions[which],
            scales=self.scales[which],
            rotations=self.rotations[which],
            opacities=self.opacities[which],
            sh=self.sh[which],
        )

    @classmethod
    def joined(cls, clouds: Sequence[SplatCloud]) -> SplatCloud:
        """One after the other, with the highest degree; coefficients that a cloud has not are 0, as it is seen."""
        coefficients = max(cloud.sh.shape[1] for cloud in clouds)
        missing = [((0, 0), (0, coefficients - cloud.sh.shape[1]), (0, 0)) for cloud in clouds]
        return cls(
            positions=np.concatenate([cloud.positions for cloud in clouds]),
            scales=np.concatenate([cloud.scales for cloud in clouds]),
            rotations=np.concatenate([cloud.rotations for cloud in clouds]),
            opacities=np.concatenate([cloud.opacities for cloud in clouds]),
            sh=np.concatenate([np.pad(cloud.sh, width) for cloud, width in zip(clouds, missing, strict=True)]),
        )

    def equals(self, other: SplatCloud) -> bool:
        """True when every array is the same bit by bit."""
        names = ("positions", "scales", "rotations", "opacities", "sh")
        return all(getattr(self, name).tobytes() == getattr(other, name).tobytes() for name in names)


def _normalised(rotations: FloatArray) -> FloatArray:
    length = np.linalg.norm(rotations.astype(np.float64), axis=1, keepdims=True)  # squares overflow float32
    if len(length) and length.min() < 1e-12:
        raise InvalidInput(f"rotations has {int((length < 1e-12).sum())} quaternions of length 0")
    # Unit quaternions pass untouched, so that writing and reading a cloud changes no bit.
    return np.where(np.abs(length - 1) < 1e-6, rotations, rotations / length).astype(np.float32)
