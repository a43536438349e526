"""Files that are as they were or complete, whatever happens while they are written."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

PARTIAL = ".partial"  # in the names of files that are being written


def write_whole(path: Path, writer: Callable[[Path], None], *, keep: Path | None = None) -> None:
    """Let ``writer`` write a temporary file with the suffix of ``path`` and put it in the place of ``path``.

    With ``keep`` the old content moves there first, so that at every moment one of the two is complete. Raises OSError.
    """
    partial = path.with_name(f".{path.stem}.{os.getpid()}{PARTIAL}{path.suffix}")
    try:
        writer(partial)
        with partial.open("r+b") as file:
            os.fsync(file.fileno())
        if keep is not None and path.exists():
            os.replace(path, keep)
        os.replace(partial, path)
        _sync_folder(path.parent)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def write_whole_bytes(path: Path, content: bytes) -> None:
    """The same for content that is there already."""

    def write(partial: Path) -> None:
        partial.write_bytes(content)

    write_whole(path, write)


def remove_partial_files(folder: Path) -> None:
    """Remove what a killed process left half written."""
    for path in folder.glob(f".*{PARTIAL}*"):
        with suppress(OSError):
            path.unlink()


def _sync_folder(folder: Path) -> None:
    """Make the renaming last over a power cut, where the system can (not on Windows, not on every network disk)."""
    if sys.platform != "win32":
        with suppress(OSError):
            handle = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
