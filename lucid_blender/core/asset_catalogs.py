"""The catalogs of an asset library: blender_assets.cats.txt, lines of UUID:path:simple name."""

from __future__ import annotations

import uuid
from pathlib import Path

from .errors import FormatError, InvalidInput
from .whole_files import write_whole_bytes

FILE = "blender_assets.cats.txt"
VERSION = "VERSION 1"
_OURS = uuid.UUID("6f1f2a8e-2c0e-4d0c-9b6b-7d7a51d2c0de")  # so that a path has the same id in every new library
_HEADER = f"""# Catalogs of this asset library. Blender writes this file, too.
# UUID:path/of/the/catalog:simple name

{VERSION}

"""


def ensure_catalog(folder: Path, path: str) -> str:
    """The UUID of a catalog of the library in ``folder``; it is added to the file when it is not there, and all that
    others have written stays.

    Raises InvalidInput for a path that cannot be one or a file that cannot be written, FormatError for one of a version
    that is not known.
    """
    path = "/".join(part.strip() for part in path.strip().split("/") if part.strip())
    if not path or ":" in path or "\n" in path:
        raise InvalidInput(f"{path!r} cannot be a catalog", advice="Name it like Props/Plants, without a colon.")
    file = folder / FILE
    try:
        text = file.read_text("utf-8") if file.exists() else ""
        known = _catalogs(text, file)
        if path in known:
            return known[path]
        made = str(uuid.uuid5(_OURS, path))
        line = f"{made}:{path}:{path.replace('/', '-')}\n"
        before = text or _HEADER
        text = before + ("" if before.endswith("\n") else "\n") + line
        write_whole_bytes(file, text.encode())
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{file} cannot be read and written: {error}", advice="Choose another library.") from error
    return made


def library_of(blend: Path, libraries: list[Path]) -> Path:
    """The folder whose catalogs Blender shows for a saved .blend: of the library that it lies in, or of the nearest
    catalog file above it, else its own."""
    for library in libraries:
        if blend.is_relative_to(library):
            return library
    return next((folder for folder in blend.parents if (folder / FILE).exists()), blend.parent)


def _catalogs(text: str, file: Path) -> dict[str, str]:
    known: dict[str, str] = {}
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("VERSION"):
            if line != VERSION:
                raise FormatError(f"{file} is of {line}; wanted {VERSION}", advice="A newer Blender may have made it.")
        elif line and not line.startswith("#"):
            identifier, _, rest = line.partition(":")
            known.setdefault(rest.partition(":")[0], identifier)
    return known
