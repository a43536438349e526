"""SplatCloud <-> PLY in the layout of the 3D Gaussian Splatting release.

One "vertex" a splat: x y z, nx ny nz (unused), f_dc_0..2, f_rest_0.. (all coefficients of red, then green, then blue),
opacity (logit), scale_0..2 (log), rot_0..3 (wxyz). The header is held against the file's size before anything is read.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from plyfile import PlyData, PlyElement, PlyParseError

from ..errors import FormatError, InvalidInput
from ..splats import FloatArray, SplatCloud, sh_coefficients
from ..whole_files import write_whole

MAX_HEADER_BYTES = 1 << 16
MAX_PROPERTIES = 1024
BLOCK_ROWS = 4096
OPACITY_MARGIN = 2.0**-24  # 1 - this is the largest float32 below 1: logits of 0 and 1 stay finite
REST_COUNTS = {3 * (sh_coefficients(degree) - 1): degree for degree in range(4)}

_POSITION = ("x", "y", "z")
_NORMAL = ("nx", "ny", "nz")
_DC = ("f_dc_0", "f_dc_1", "f_dc_2")
_SCALE = ("scale_0", "scale_1", "scale_2")
_ROTATION = ("rot_0", "rot_1", "rot_2", "rot_3")
_SPLAT = (*_DC, "opacity", *_SCALE, *_ROTATION)
_SIZES = {
    **dict.fromkeys(("char", "uchar", "int8", "uint8"), 1),
    **dict.fromkeys(("short", "ushort", "int16", "uint16"), 2),
    **dict.fromkeys(("int", "uint", "float", "int32", "uint32", "float32"), 4),
    **dict.fromkeys(("double", "float64"), 8),
}
_FORMATS = ("ascii", "binary_little_endian", "binary_big_endian")


# ---------------------------------------------------------------- reading


def read_ply(path: str | os.PathLike[str]) -> SplatCloud:
    """The splats in a PLY file: SH degree 0 to 3, ASCII or binary of either byte order, properties in any order.

    Raises FormatError, which names the file, when it is not that, is cut short, or holds values that are no splats.
    """
    path = Path(path)
    try:
        with path.open("rb") as stream:
            header = _read_header(stream)
            _check_size(header, os.fstat(stream.fileno()).st_size)
            rest = _check_splats(header)
        return _cloud(PlyData.read(str(path))["vertex"].data, rest)
    except (InvalidInput, PlyParseError) as error:
        advice = getattr(error, "advice", "") or "Export the file again, or choose another one."
        raise FormatError(f"{path.name}: {error}", advice=advice) from error
    except (ValueError, OverflowError, MemoryError) as error:
        raise FormatError(f"{path.name} could not be read: {error}", advice="Export the file again.") from error
    except OSError as error:
        raise InvalidInput(f"{path} cannot be opened: {error.strerror}", advice="Check the path.") from error


@dataclass
class _Element:
    name: str
    count: int
    sizes: dict[str, int] = field(default_factory=dict)  # property -> bytes; for a list: those of its length
    lists: set[str] = field(default_factory=set)


@dataclass
class _Header:
    length: int
    format: str
    elements: list[_Element]


def _read_header(stream: BinaryIO) -> _Header:
    start = stream.read(MAX_HEADER_BYTES)
    if not start:
        raise FormatError("the file is empty")
    if start.split(maxsplit=1)[:1] != [b"ply"] or not start.startswith(b"ply"):
        raise FormatError(f"not a PLY file: it starts with {start[:8]!r}; wanted 'ply'")
    newline = b"\r" if b"\n" not in start[:5] else b"\n"
    before, found, _ = start.partition(b"end_header")
    end = start.find(newline, len(before))
    if not found or end < 0:
        raise FormatError(
            f"the header does not end within {len(start)} bytes", advice="The file is cut short, or not a PLY."
        )
    return _parse_header(before.decode("ascii", "replace").splitlines()[1:], length=end + 1)


def _parse_header(lines: list[str], *, length: int) -> _Header:
    header = _Header(length, "", [])
    for line in lines:
        words = line.split()
        match words:
            case [] | ["comment" | "obj_info", *_]:
                continue
            case ["format", name, "1.0"] if name in _FORMATS:
                header.format = name
            case ["element", name, count]:
                header.elements.append(_Element(name, _count(name, count)))
            case ["property", *what] if header.elements:
                _add_property(header.elements[-1], what)
            case _:
                raise FormatError(f"the header has a line that means nothing: {line[:60]!r}")
    if not header.format:
        raise FormatError(f"the header has no format line; wanted one of {', '.join(_FORMATS)}")
    return header


def _count(name: str, text: str) -> int:
    if not text.isascii() or not text.removeprefix("-").isdigit() or len(text) > 18:
        raise FormatError(f"the number of {name} elements is {text[:30]!r}; wanted a whole number")
    if int(text) < 0:
        raise FormatError(f"the number of {name} elements is negative: {text}")
    return int(text)


def _add_property(element: _Element, what: list[str]) -> None:
    match what:
        case ["list", length, item, name] if length in _SIZES and item in _SIZES:
            element.lists.add(name)
            size = _SIZES[length]
        case [item, name] if item in _SIZES:
            size = _SIZES[item]
        case _:
            raise FormatError(f"the header has a property that means nothing: {' '.join(what)[:60]!r}")
    if name in element.sizes:
        raise FormatError(f"{element.name} has the property {name[:40]!r} twice")
    element.sizes[name] = size
    if len(element.sizes) > MAX_PROPERTIES:
        raise FormatError(f"{element.name} has more than {MAX_PROPERTIES} properties")


def _check_size(header: _Header, file_size: int) -> None:
    """Every element needs at least these bytes; the file must have them."""
    available = file_size - header.length
    for element in header.elements:
        # In ASCII a value takes a digit and a separator; the last separator of the file may be absent.
        row = 2 * len(element.sizes) if header.format == "ascii" else sum(element.sizes.values())
        needed = max(element.count * row - (header.format == "ascii"), 0)
        if element.count and not row:
            raise FormatError(f"there are {element.count} {element.name} elements without any property")
        if needed > available:
            raise FormatError(
                f"the header announces {element.count} {element.name} elements, at least {needed} bytes; "
                f"{max(available, 0)} bytes are there",
                advice="The file is cut short or damaged. Export or download it again.",
            )
        available -= needed


def _check_splats(header: _Header) -> int:
    """The number of f_rest properties, once all that a splat needs is there."""
    vertex = next((element for element in header.elements if element.name == "vertex"), None)
    if vertex is None:
        names = ", ".join(element.name for element in header.elements[:5]) or "nothing"
        raise FormatError(f"there is no 'vertex' element; found {names[:60]}")
    single = vertex.sizes.keys() - vertex.lists
    if "packed_position" in single:
        advice = "Export it as an ordinary splat PLY: in SuperSplat choose 'Splat PLY' instead of 'Compressed PLY'."
        raise FormatError("a compressed splat PLY, which is not read here", advice=advice)
    missing = [name for name in (*_POSITION, *_SPLAT) if name not in single]
    if missing:
        raise _missing(missing)
    rest = sum(name.startswith("f_rest_") for name in single)
    if rest not in REST_COUNTS or any(name not in single for name in _rest_names(rest)):
        wanted = ", ".join(map(str, REST_COUNTS))
        raise FormatError(f"there are {rest} f_rest properties; SH degrees 0 to 3 have {wanted}")
    return rest


def _missing(missing: list[str]) -> FormatError:
    if not set(_SPLAT) - set(missing):
        text = "has points but no splats: it is"
        advice = "An ordinary point cloud or mesh: use File > Import > Stanford PLY, or choose a splat file."
    else:
        text = "is"
        advice = "Export the splats in the layout of the 3D Gaussian Splatting release."
    shown = ", ".join(missing[:6]) + (", ..." if len(missing) > 6 else "")
    return FormatError(f"the file {text} missing {shown}", advice=advice)


def _cloud(vertex: npt.NDArray[Any], rest: int) -> SplatCloud:
    coefficients = rest // 3
    names = (*_POSITION, *_SCALE, *_ROTATION, "opacity")
    # The file has all of red, then green, then blue; a cloud has the three of each coefficient together.
    higher = tuple(f"f_rest_{channel * coefficients + k}" for k in range(coefficients) for channel in range(3))
    table, sh = _table_of(vertex, names), _table_of(vertex, (*_DC, *higher))
    _refuse_nan((table, names), (sh, (*_DC, *higher)))
    with np.errstate(over="ignore", under="ignore"):  # infinite scales are refused by SplatCloud
        # In float64 both ways: a cloud that came from a file goes there and back without changing a bit.
        scales = np.exp(table[:, 3:6].astype(np.float64)).astype(np.float32)
        opacities = 1 / (1 + np.exp(-table[:, 10].astype(np.float64)))
    return SplatCloud(
        positions=table[:, 0:3],
        scales=np.maximum(scales, np.finfo(np.float32).tiny),
        rotations=table[:, 6:10],
        opacities=opacities.astype(np.float32),
        sh=sh.reshape(len(sh), 1 + coefficients, 3),
    )


def _table_of(vertex: npt.NDArray[Any], names: tuple[str, ...]) -> FloatArray:
    """[N, len(names)] the named properties; by blocks of rows that stay in the processor's cache."""
    table = np.empty((len(vertex), len(names)), np.float32)
    fields = vertex.dtype.names or ()
    if all(vertex.dtype[name] == np.dtype("<f4") for name in fields) and sys.byteorder == "little":
        # As every program writes them: the rows are a matrix, which is twenty times faster than a column at a time.
        columns = np.array([fields.index(name) for name in names])
        rows = np.asarray(vertex).view("<f4").reshape(len(vertex), len(fields))
        for start in range(0, len(vertex), BLOCK_ROWS):
            block = slice(start, start + BLOCK_ROWS)
            np.take(rows[block], columns, axis=1, out=table[block], mode="clip")  # "raise" would copy once more
        return table
    with np.errstate(over="ignore"):  # doubles beyond float32 become infinite and are refused
        for start in range(0, len(vertex), BLOCK_ROWS):
            block_of = np.array(vertex[start : start + BLOCK_ROWS])
            for k, name in enumerate(names):
                table[start : start + BLOCK_ROWS, k] = block_of[name]
    return table


def _refuse_nan(*tables: tuple[FloatArray, tuple[str, ...]]) -> None:
    """Infinite logits are opacities of 0 and 1, and a log-scale of -inf is a flat splat: some programs write them."""
    count, columns = 0, list[str]()
    for table, names in tables:
        if np.isfinite(table).all():
            continue
        may_be_infinite = np.array([name == "opacity" or name in _SCALE for name in names])
        bad = np.where(may_be_infinite, np.isnan(table), ~np.isfinite(table))
        count += int(bad.sum())
        columns += [names[k] for k in np.unique(np.nonzero(bad)[1])]
    if columns:
        raise FormatError(f"{count} values are NaN or infinite, in {', '.join(columns[:6])}")


# ---------------------------------------------------------------- writing


def write_ply(path: str | os.PathLike[str], cloud: SplatCloud, *, pad_to_degree_3: bool = False) -> None:
    """Write binary little-endian PLY; the file appears whole or not at all.

    pad_to_degree_3 adds SH coefficients of 0, for viewers that insist on all 45 f_rest properties.
    Raises InvalidInput when the file cannot be written.
    """
    path = Path(path)
    coefficients = 16 if pad_to_degree_3 else cloud.sh.shape[1]
    try:
        content = PlyData([PlyElement.describe(_table(cloud, coefficients), "vertex")], byte_order="<")
        write_whole(path, lambda partial: content.write(str(partial)))
    except OSError as error:
        advice = "Check that the folder exists, may be written to and has space."
        raise InvalidInput(f"{path} cannot be written: {error.strerror}", advice=advice) from error


def _table(cloud: SplatCloud, coefficients: int) -> npt.NDArray[Any]:
    rest = 3 * (coefficients - 1)
    names = (*_POSITION, *_NORMAL, *_DC, *_rest_names(rest), "opacity", *_SCALE, *_ROTATION)
    values = np.zeros((len(cloud), len(names)), "<f4")
    opacity = 9 + rest
    values[:, 0:3] = cloud.positions
    values[:, 6:9] = cloud.sh[:, 0]
    higher = values[:, 9:opacity].reshape(len(cloud), 3, coefficients - 1)  # a copy: columns are not contiguous
    higher[:, :, : cloud.sh.shape[1] - 1] = cloud.sh[:, 1:].transpose(0, 2, 1)
    values[:, 9:opacity] = higher.reshape(len(cloud), rest)
    values[:, opacity] = _logit(cloud.opacities)
    values[:, opacity + 1 : opacity + 4] = np.log(cloud.scales.astype(np.float64))
    values[:, opacity + 4 :] = cloud.rotations
    return values.view([(name, "<f4") for name in names]).reshape(len(cloud))


def _logit(opacities: FloatArray) -> npt.NDArray[np.float64]:
    inside = np.clip(opacities.astype(np.float64), OPACITY_MARGIN, 1 - OPACITY_MARGIN)
    return np.asarray(np.log(inside / (1 - inside)))


def _rest_names(count: int) -> tuple[str, ...]:
    return tuple(f"f_rest_{k}" for k in range(count))
