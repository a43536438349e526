"""Every choice a run can be made with. Defaults live here; the command line, the API and the panel read them here.

A union of dataclasses is an exclusive choice; backend/choices.py has an arm for each member.
Numbers without another source are those of the LucidDreamer release (published configs and code).
"""

from .cameras import OrbitCameras
from .control import Control, ControlKind
from .generation import Generation, Rasterizer
from .initialisers import Box, BuiltinPoints, FromSplats, Initialiser, MeshSurface, PointE, ShapE, Sphere
from .meshing import Meshing
from .model import BUILTIN, DiffusionModel, Lora, TextualInversion
from .objectives import (
    Consistent3d,
    Csd,
    Ism,
    MultiStep,
    Nfsd,
    NoiseKind,
    Objective,
    ScoreDistillation,
    Sds,
    Timesteps,
    Vdm,
    Vsd,
    Weighting,
)
from .outputs import OrbitVideo, Outputs, ProcessVideo
from .prompts import InterpolatedViews, NamedViews, NoViews, PerpNeg, ViewPrompts
from .regularisers import Regularisers
from .representations import (
    ConeBlob,
    Densification,
    GaussianBlob,
    Gaussians,
    HashGrid,
    Image,
    LearningRates,
    Nerf,
    NerfRates,
    Occupancy,
    Representation,
)

__all__ = [
    "BUILTIN",
    "Box",
    "BuiltinPoints",
    "ConeBlob",
    "Consistent3d",
    "Control",
    "ControlKind",
    "Csd",
    "Densification",
    "DiffusionModel",
    "FromSplats",
    "GaussianBlob",
    "Gaussians",
    "Generation",
    "HashGrid",
    "Image",
    "Initialiser",
    "InterpolatedViews",
    "Ism",
    "LearningRates",
    "Lora",
    "MeshSurface",
    "Meshing",
    "MultiStep",
    "NamedViews",
    "Nerf",
    "NerfRates",
    "Nfsd",
    "NoViews",
    "NoiseKind",
    "Objective",
    "Occupancy",
    "OrbitCameras",
    "OrbitVideo",
    "Outputs",
    "PerpNeg",
    "PointE",
    "ProcessVideo",
    "Rasterizer",
    "Regularisers",
    "Representation",
    "ScoreDistillation",
    "Sds",
    "ShapE",
    "Sphere",
    "TextualInversion",
    "Timesteps",
    "Vdm",
    "ViewPrompts",
    "Vsd",
    "Weighting",
]
