"""What came beside the options of a job, as it lies in the folder: meshes and splats, as both programs read them."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .editing import InitialSplats
from .errors import JobError
from .inputs import InputName, Inputs
from .meshes import TriangleMesh
from .pictures import Picture
from .splats import SplatCloud

FILES: Mapping[InputName, str] = {
    "mesh": "initial_mesh.npz",
    "control_mesh": "control_mesh.npz",
    "splats": "initial_splats.npz",
    "image": "initial_image.png",
}
LOST = "Start a new run; this job can only go on from a checkpoint."
OF_MESH = ("vertices", "triangles", "colors")
OF_CLOUD = ("positions", "scales", "rotations", "opacities", "sh")

Arrays = Mapping[str, npt.NDArray[Any]]


def read(
    folder: Path,
    names: Collection[InputName],
    placement: tuple[float, ...] | None,
    read_image: Callable[[Path], Picture],
) -> Inputs:
    """What came beside the options; each program reads pictures in its own way. Raises JobError for what is lost."""
    return Inputs(
        mesh=read_mesh(folder / FILES["mesh"]) if "mesh" in names else None,
        control_mesh=read_mesh(folder / FILES["control_mesh"]) if "control_mesh" in names else None,
        splats=read_splats(folder / FILES["splats"]) if "splats" in names else None,
        image=read_image(folder / FILES["image"]) if "image" in names else None,
        placement=placement,
    )


def read_mesh(path: Path) -> TriangleMesh:
    """Raises JobError when the file is not what the job was created with."""
    with _arrays(path) as arrays:
        return TriangleMesh(**{name: arrays[name] for name in OF_MESH})


def read_splats(path: Path) -> InitialSplats:
    """Raises JobError when the file is not what the job was created with."""
    with _arrays(path) as arrays:
        return InitialSplats(cloud=SplatCloud(**{name: arrays[name] for name in OF_CLOUD}), frozen=arrays["frozen"])


@contextmanager
def _arrays(path: Path) -> Iterator[Arrays]:
    """The arrays of a file; what goes wrong with it, inside too, is a JobError."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            yield arrays
    except OSError as error:
        reason = error.strerror or str(error)
        advice = "Check that the disk is connected and that the folder still exists."
        raise JobError(f"{path} cannot be read: {reason}", advice=advice) from error
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise JobError(f"{path} is not what the job was created with: {error}", advice=LOST) from error
