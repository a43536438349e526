"""Inputs: what travels beside the options of a run, from the scene or from files, and is kept in its job folder."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from .editing import InitialSplats
from .errors import InvalidInput
from .meshes import TriangleMesh
from .pictures import Picture

InputName = Literal["mesh", "control_mesh", "splats", "image"]
INPUT_NAMES: tuple[InputName, ...] = get_args(InputName)


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """All of them are optional. Raises InvalidInput when the placement is no matrix."""

    mesh: TriangleMesh | None = None  # for the MeshSurface initialiser
    control_mesh: TriangleMesh | None = None  # for the controls; None: they see the mesh
    splats: InitialSplats | None = None  # for the FromSplats initialiser
    image: Picture | None = None  # for the Image representation: the picture to edit
    # 4 x 4, row by row: from the prop's frame to the world of whoever asks, who puts the result there. None: the same
    placement: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if self.placement is not None and not (len(self.placement) == 16 and all(map(math.isfinite, self.placement))):
            raise InvalidInput(f"a placement has {len(self.placement)} numbers; wanted 16 finite ones")

    @property
    def names(self) -> tuple[InputName, ...]:
        """Which of those that are arrays are there."""
        return tuple(name for name in INPUT_NAMES if getattr(self, name) is not None)
