"""Whether a file has changed, without reading it."""

from __future__ import annotations

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
