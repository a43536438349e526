"""The whole request."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from .cameras import OrbitCameras
from .checks import require
from .control import Control
from .initialisers import Initialiser, Sphere
from .meshing import Meshing
from .model import DiffusionModel
from .objectives import Ism, Objective, Timesteps
from .outputs import Outputs
from .prompts import InterpolatedViews, NoViews, ViewPrompts
from .regularisers import Regularisers
from .representations import Gaussians, Image, Representation

Rasterizer = Literal["auto", "numba_cpu", "torch_oracle", "diff_gaussian_rasterization", "gsplat"]


@dataclass(frozen=True, kw_only=True)
class Generation:
    """One run: a prompt and every choice about it. Presets are values of this (core/presets.py)."""

    prompt: str
    negative_prompt: str = ""
    null_prompt: str = ""  # stands for the empty prompt: of ISM's inversion (inverse_text of the release), CSD, NFSD
    seed: int = 0
    iterations: int = 5000
    views: int = 4  # pictures an iteration
    resolution: int = 512  # pixels, height and width of a picture
    model: DiffusionModel = field(default_factory=DiffusionModel)
    controls: tuple[Control, ...] = ()  # of the control mesh, or else of the initial mesh
    view_prompts: ViewPrompts = field(default_factory=InterpolatedViews)
    objective: Objective = field(default_factory=Ism)
    timesteps: Timesteps = field(default_factory=Timesteps)
    initialiser: Initialiser = field(default_factory=Sphere)
    representation: Representation = field(default_factory=Gaussians)
    cameras: OrbitCameras = field(default_factory=OrbitCameras)
    regularisers: Regularisers = field(default_factory=Regularisers)
    rasterizer: Rasterizer = "auto"
    mesh: Meshing | None = None  # a mesh at the end of the run
    outputs: Outputs = field(default_factory=Outputs)
    snapshot_seconds: float = 2.0  # seconds between two moments that are shown of the growing prop
    checkpoint_seconds: float = 30.0  # seconds between two states on the disk, from which a run can go on

    def __post_init__(self) -> None:
        require(bool(self.prompt.strip()), "the prompt is empty; describe the prop, for example 'a red mushroom'")
        require(0 <= self.seed < 2**63, f"seed is {self.seed}; wanted 0 to 2^63 - 1")
        require(self.iterations >= 1, f"iterations is {self.iterations}; wanted >= 1")
        require(1 <= self.views <= 64, f"views is {self.views}; wanted 1 to 64")
        require(
            16 <= self.resolution <= 2048 and self.resolution % 8 == 0,
            f"resolution is {self.resolution}; wanted a multiple of 8 from 16 to 2048",
        )
        if not isinstance(self.representation, Gaussians):
            self._check_start()
        if isinstance(self.representation, Image):
            self._check_image()

    def _check_start(self) -> None:
        """Initialisers are for splats; a picture starts from noise or a picture, a field from its blob."""
        kind, start = type(self.representation).__name__, type(self.initialiser).__name__
        require(
            isinstance(self.initialiser, Sphere),
            f"{kind} does not start from splats, and so not from {start}; leave the initialiser at Sphere, the default",
        )

    def _check_image(self) -> None:
        """A picture has no views, no depth and no surface."""
        views = type(self.view_prompts).__name__
        require(
            isinstance(self.view_prompts, NoViews), f"an image has no views; view_prompts is {views}, wanted NoViews"
        )
        share = self.regularisers.disparity_share
        require(share == 0, f"an image has no disparity; regularisers.disparity_share is {share}, wanted 0")
        require(self.mesh is None, "an image has no surface to make a mesh of; leave the mesh out")
        require(self.outputs.orbit_video is None, "an image cannot be seen from all around; leave the orbit video out")
        require(
            not self.controls, "an image has no cameras that a ControlNet could see a mesh from; leave controls out"
        )
