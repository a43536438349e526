"""Reading .splat files, which web viewers use: records of 32 bytes, without a header.

A splat: position 3 x float32, scale 3 x float32 (standard deviations), sRGB colour and opacity 4 x uint8, quaternion
wxyz 4 x uint8 (128 is 0, a step 1/128). Little-endian; colours do not depend on the view.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from ..errors import FormatError, InvalidInput
from ..splats import FloatArray, SplatCloud

RECORD = np.dtype([("position", "<f4", 3), ("scale", "<f4", 3), ("rgba", "u1", 4), ("rotation", "u1", 4)])


def read_splat(path: str | os.PathLike[str]) -> SplatCloud:
    """The splats in a .splat file.

    Raises FormatError, which names the file, when its length is wrong or it holds values that are no splats.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{path} cannot be opened: {error.strerror}", advice="Check the path.") from error
    if not data or len(data) % RECORD.itemsize:
        raise FormatError(
            f"{path.name}: {len(data)} bytes; a .splat file has {RECORD.itemsize} for each splat",
            advice="The file is cut short, or not a .splat file. Export or download it again.",
        )
    records = np.frombuffer(data, RECORD)
    rgba: FloatArray = records["rgba"].astype(np.float32) / np.float32(255)
    try:
        return SplatCloud.from_colors(
            positions=records["position"],
            scales=np.where(records["scale"] == 0, np.finfo(np.float32).tiny, records["scale"]),  # flat splats
            rotations=records["rotation"].astype(np.float32) / np.float32(128) - np.float32(1),
            opacities=rgba[:, 3],
            colors=rgba[:, :3],
        )
    except InvalidInput as error:
        raise FormatError(f"{path.name}: {error}", advice="Export the file again, or choose another one.") from error
