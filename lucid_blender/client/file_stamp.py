"""Whether a file has changed, without reading it; and small files that are asked for at every redraw."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

Stamp = tuple[int, int]
NO_FILE: Stamp = (0, 0)


def stamp_of(path: Path) -> Stamp:
    """When a file changed, in nanoseconds, and its size; NO_FILE where it cannot be seen."""
    try:
        found = path.stat()
    except OSError:
        return NO_FILE
    return found.st_mtime_ns, found.st_size


def read_seldom(path: Path) -> object:
    """What a file of JSON holds, read again only when it has changed; None where it is none, or not there."""
    return _read(path, stamp_of(path))


@lru_cache(maxsize=16)
def _read(path: Path, stamp: Stamp) -> object:
    try:
        return json.loads(path.read_text("utf-8")) if stamp != NO_FILE else None
    except (OSError, ValueError):
        return None
