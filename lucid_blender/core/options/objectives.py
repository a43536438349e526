"""What turns rendered pictures into a gradient. Formulas and sources are in docs/objectives.md."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from .checks import require, require_range

Weighting = Literal["gamma", "variance", "uniform"]
NoiseKind = Literal["fresh", "fixed", "shared"]


@dataclass(frozen=True, kw_only=True)
class Timesteps:
    """Where on the diffusion's time axis the objective looks; shares of the schedule's length."""

    low: float = 0.02
    high: float = 0.5
    high_at_start: float = 0.98  # the upper bound falls from here to ``high`` over the warm-up
    warmup_iterations: int = 1500

    def __post_init__(self) -> None:
        require_range("timesteps (low, high)", (self.low, self.high), 0.0, 1.0)
        require(self.high <= self.high_at_start <= 1.0, f"high_at_start is {self.high_at_start}; wanted high..1")
        require(self.warmup_iterations >= 0, "warmup_iterations must be >= 0")


@dataclass(frozen=True, kw_only=True)
class ScoreDistillation:
    """What all objectives have; each is one of the classes below."""

    guidance_scale: float = 7.5  # of classifier-free guidance: eps(n) + scale (eps(y) - eps(n))
    gradient_scale: float = 0.1  # lambda_guidance of the release
    weighting: Weighting = "gamma"  # w(t): as LucidDreamer; 1 - abar_t, as DreamFusion; 1
    noise: NoiseKind = (
        "fresh"  # one an iteration; one a run for each view (fix_noise of the release); one a run for all
    )
    noise_offset: float = 0.1  # standard deviation of a constant added to each channel's noise

    def __post_init__(self) -> None:
        require(self.guidance_scale >= 0, f"guidance_scale is {self.guidance_scale}; wanted >= 0")
        require(self.noise_offset >= 0, f"noise_offset is {self.noise_offset}; wanted >= 0")


@dataclass(frozen=True, kw_only=True)
class Sds(ScoreDistillation):
    """Score Distillation Sampling (DreamFusion; LucidDreamer Eq. 6)."""


@dataclass(frozen=True, kw_only=True)
class Ism(ScoreDistillation):
    """Interval Score Matching (LucidDreamer Eq. 16-17, Algorithm 1), with the release's numbers."""

    delta_t: int = 50  # the interval s -> t, in timesteps; published: 25 (axe) to 80 (cat)
    delta_t_start: int | None = 100  # the interval anneals from here over the warm-up; None keeps it fixed
    delta_s: int | None = 200  # stride of the inversion; None: as long as the interval
    inversion_steps: int | None = 5  # at most; a farther start is noised at random; None: as many as reach time 0
    inversion_start: Literal["noised", "clean"] = "noised"  # x_0 noised to timestep 1 (release) or x_0 itself (paper)
    inversion_guidance_scale: float = 1.0  # above 1 pushes the inversion towards the negative prompt
    eta: float = 0.0  # of the inversion's DDIM steps (xs_eta of the release); above 0 they add noise

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.delta_t >= 1, f"delta_t is {self.delta_t}; wanted >= 1")
        require(self.delta_t_start is None or self.delta_t_start >= 1, "delta_t_start must be >= 1 or none")
        require(self.delta_s is None or self.delta_s >= 1, "delta_s must be >= 1 or none")
        require(self.inversion_steps is None or self.inversion_steps >= 0, "inversion_steps must be >= 0 or none")
        require(0 <= self.eta <= 1, f"eta is {self.eta}; wanted 0 to 1")


@dataclass(frozen=True, kw_only=True)
class MultiStep(ScoreDistillation):
    """The naive multi-step objective that ISM replaces (LucidDreamer Eq. 12): slow, for comparison."""

    delta_t: int = 100  # stride of inversion and denoising, in timesteps; the supplement compares 10, 25, 50 and 100

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.delta_t >= 1, f"delta_t is {self.delta_t}; wanted >= 1")


@dataclass(frozen=True, kw_only=True)
class Vdm(ScoreDistillation):
    """Variational Distribution Mapping and Distribution Coefficient Annealing (DreamMapping Eq. 17-19, Alg. 1)."""

    noise_offset: float = 0.0  # Algorithm 1 has standard normal noise
    timesteps: Timesteps | None = field(  # None: those of the run. Algorithm 1: all of them, throughout
        default_factory=lambda: Timesteps(low=0.0, high=1.0, high_at_start=1.0, warmup_iterations=0)
    )
    operator: Literal["u_lite", "linear"] = "u_lite"  # the degradation M; linear: Fig. 7's ablation
    observation_noise: bool = False  # M's output plus a learned tensor: Fig. 7's other ablation
    operator_input: Literal["guided", "conditional"] = "guided"  # eps_cfg(y), or eps(y) without guidance
    widths: tuple[int, ...] = (
        16,
        32,
        64,
        128,
        256,
        512,
    )  # U-Lite's channels by level; small latents use the first ones
    learning_rate: float = 1e-2  # of M
    annealing_timestep: int = 300  # lambda_t is 1 after it, 1 - abar_t up to it; 0: no annealing (DCA off)

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            len(self.widths) >= 2 and min(self.widths) >= 4, f"widths is {self.widths}; wanted two or more, each >= 4"
        )
        require(self.learning_rate > 0, f"learning_rate is {self.learning_rate}; wanted > 0")
        require(self.annealing_timestep >= 0, f"annealing_timestep is {self.annealing_timestep}; wanted >= 0")


@dataclass(frozen=True, kw_only=True)
class Csd(ScoreDistillation):
    """Classifier Score Distillation (Yu et al. 2023) with an annealed negative prompt.

    The weights are its release's for Stable Diffusion (configs/csd-sd-refine.yaml): that of the negative prompt goes
    from -1 to -0.5 in 10000 steps, all that there are, and that of the empty one from 0 to -0.5.
    """

    negative_weight_start: float = 1.0  # of the negative prompt's score at the first iteration ...
    negative_weight: float = 0.5  # ... and at the last

    def __post_init__(self) -> None:
        super().__post_init__()
        require(min(self.negative_weight_start, self.negative_weight) >= 0, "negative weights must be >= 0")


@dataclass(frozen=True, kw_only=True)
class Nfsd(ScoreDistillation):
    """Noise-Free Score Distillation (Katzir et al. 2023, arXiv 2310.17590); its guidance scale is 7.5 as well."""

    domain_timestep: int = 200  # from here on the negative prompt's score is taken away; the paper's threshold

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.domain_timestep >= 0, f"domain_timestep is {self.domain_timestep}; wanted >= 0")


@dataclass(frozen=True, kw_only=True)
class Consistent3d(ScoreDistillation):
    """Consistency Distillation Sampling (Wu et al. 2024, Consistent3D); numbers of its release's first stage."""

    guidance_scale: float = 100.0  # at the first iteration ...
    guidance_scale_end: float | None = 50.0  # ... and at the last; None: the same throughout
    weighting: Weighting = "uniform"
    noise: NoiseKind = "shared"
    noise_offset: float = 0.0
    timestep_start: int = 700  # the less noisy end t2 falls from here, with the square root of the iteration, ...
    timestep_end: int = 100  # ... to here
    gap: tuple[int, int] = (100, 300)  # timesteps from t2 to the noisier end t1, drawn from [first, second)

    def __post_init__(self) -> None:
        super().__post_init__()
        end = self.guidance_scale_end
        require(end is None or end >= 0, f"guidance_scale_end is {end}; wanted >= 0 or none")
        require(1 <= self.timestep_end <= self.timestep_start, "wanted 1 <= timestep_end <= timestep_start")
        require(1 <= self.gap[0] < self.gap[1], f"gap is {self.gap}; wanted two rising numbers >= 1")


@dataclass(frozen=True, kw_only=True)
class Vsd(ScoreDistillation):
    """Variational Score Distillation (Wang et al. 2023, ProlificDreamer) with one particle and a LoRA."""

    noise_offset: float = 0.0
    rank: int = 4  # of the LoRA on the attention's projections; threestudio's prolificdreamer.yaml leaves it at 4
    learning_rate: float = 1e-4  # of the LoRA; threestudio's prolificdreamer.yaml
    lora_steps: int = 1  # of its optimiser, an iteration; each at one timestep, as threestudio

    def __post_init__(self) -> None:
        super().__post_init__()
        require(1 <= self.rank <= 256, f"rank is {self.rank}; wanted 1 to 256")
        require(self.learning_rate > 0, f"learning_rate is {self.learning_rate}; wanted > 0")
        require(self.lora_steps >= 1, f"lora_steps is {self.lora_steps}; wanted >= 1")


Objective = Consistent3d | Csd | Ism | MultiStep | Nfsd | Sds | Vdm | Vsd
