"""What came beside the options of a job, as files in its folder: meshes, splats, a picture."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..core.editing import InitialSplats
from ..core.errors import FormatError, JobError
from ..core.inputs import InputName, Inputs
from ..core.meshes import TriangleMesh
from ..core.pictures import Picture
from ..core.splats import SplatCloud
from .job_files import file_errors, write_atomic
from .pictures import read_picture, save_png

FILES: Mapping[InputName, str] = {
    "mesh": "initial_mesh.npz",
    "control_mesh": "control_mesh.npz",
    "splats": "initial_splats.npz",
    "image": "initial_image.png",
}
LOST = "Start a new run; this job can only go on from a checkpoint."
_OF_MESH = ("vertices", "triangles", "colors")
_OF_CLOUD = ("positions", "scales", "rotations", "opacities", "sh")

Arrays = Mapping[str, npt.NDArray[Any]]


def write(folder: Path, inputs: Inputs) -> None:
    """A file for each of those that are arrays."""
    for name in ("mesh", "control_mesh"):
        if (mesh := getattr(inputs, name)) is not None:
            write_mesh(folder / FILES[name], mesh)
    if inputs.splats is not None:
        write_splats(folder / FILES["splats"], inputs.splats)
    if inputs.image is not None:
        write_image(folder / FILES["image"], inputs.image)


def read(folder: Path, names: Collection[InputName], placement: tuple[float, ...] | None) -> Inputs:
    """The inverse of ``write``. Raises JobError when a file is not what was written."""
    return Inputs(
        mesh=read_mesh(folder / FILES["mesh"]) if "mesh" in names else None,
        control_mesh=read_mesh(folder / FILES["control_mesh"]) if "control_mesh" in names else None,
        splats=read_splats(folder / FILES["splats"]) if "splats" in names else None,
        image=read_image(folder / FILES["image"]) if "image" in names else None,
        placement=placement,
    )


def write_mesh(path: Path, mesh: TriangleMesh) -> None:
    _write(path, {name: getattr(mesh, name) for name in _OF_MESH})


def read_mesh(path: Path) -> TriangleMesh:
    """Raises JobError when the file is not what ``write_mesh`` wrote."""
    with _arrays(path) as arrays:
        return TriangleMesh(**{name: arrays[name] for name in _OF_MESH})


def write_splats(path: Path, initial: InitialSplats) -> None:
    _write(path, {name: getattr(initial.cloud, name) for name in _OF_CLOUD} | {"frozen": initial.frozen})


def read_splats(path: Path) -> InitialSplats:
    """Raises JobError when the file is not what ``write_splats`` wrote."""
    with _arrays(path) as arrays:
        return InitialSplats(cloud=SplatCloud(**{name: arrays[name] for name in _OF_CLOUD}), frozen=arrays["frozen"])


def write_image(path: Path, picture: Picture) -> None:
    write_atomic(path, lambda partial: save_png(partial, picture.pixels))


def read_image(path: Path) -> Picture:
    """Raises JobError when the file is no picture any more."""
    try:
        return read_picture(path)
    except FormatError as error:
        raise JobError(error.message, advice=LOST) from error


def _write(path: Path, arrays: dict[str, npt.NDArray[Any]]) -> None:
    def write(partial: Path) -> None:
        with partial.open("wb") as file:  # a name would be given another suffix
            np.savez(file, **arrays)  # type: ignore[arg-type]

    write_atomic(path, write)


@contextmanager
def _arrays(path: Path) -> Iterator[Arrays]:
    """The arrays of a file; what goes wrong with it, inside too, is a JobError."""
    try:
        with file_errors(path, "read"), path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            yield arrays
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise JobError(
            f"{path} is not what the job was created with: {error}",
            advice=LOST,
        ) from error
