"""What came beside the options of a job, as files in its folder: meshes, splats, a picture."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..core import job_inputs
from ..core.editing import InitialSplats
from ..core.errors import FormatError, JobError
from ..core.inputs import InputName, Inputs
from ..core.job_inputs import FILES, LOST, OF_CLOUD, OF_MESH
from ..core.meshes import TriangleMesh
from ..core.pictures import Picture
from .job_files import write_atomic
from .pictures import read_picture, save_png


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
    return job_inputs.read(folder, names, placement, read_image)


def write_mesh(path: Path, mesh: TriangleMesh) -> None:
    _write(path, {name: getattr(mesh, name) for name in OF_MESH})


def write_splats(path: Path, initial: InitialSplats) -> None:
    _write(path, {name: getattr(initial.cloud, name) for name in OF_CLOUD} | {"frozen": initial.frozen})


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
