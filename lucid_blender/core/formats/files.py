"""Splats from a file of any kind that is read here."""

from __future__ import annotations

import os
from pathlib import Path

from ..splats import SplatCloud
from .ply import read_ply
from .splat import read_splat

SUFFIXES = (".ply", ".splat")


def read_splats_file(path: str | os.PathLike[str]) -> SplatCloud:
    """By the name's ending; anything but .splat is read as PLY, which says what it is not.

    Raises FormatError, which names the file, when it cannot be read, and InvalidInput when it cannot be opened.
    """
    return read_splat(path) if Path(path).suffix.lower() == ".splat" else read_ply(path)
