"""3D Gaussian splats that are rendered, stepped by Adam, and densified (Kerbl et al. 2023; LucidDreamer sec. 4.2)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from ...core.cameras import Camera
from ...core.errors import LucidError
from ...core.meshes import TriangleMesh
from ...core.options import Gaussians, LearningRates, Meshing, Regularisers
from ...core.splats import SplatCloud
from ..meshing.surface import extract
from ..rasterizers.contract import Rasterize, Rendered
from ..schedules import log_linear
from . import adam, densify
from .adam import MOMENTS
from .kept import Kept
from .spherical_harmonics import colors_from_sh

ADAM_EPSILON = 1e-15
OPACITY_MARGIN = 1e-6  # logits stay finite
REST_SHARE = 1 / 20  # learning rate of the higher harmonics, x the colour's first


class GaussianSplats:
    """N splats as raw parameters: means, quats, log_scales, opacity_logits, sh_dc, sh_rest.

    One iteration: ``render``, a backward pass, ``step``, ``after_step``. Everything lives on the CPU in float32.
    """

    def __init__(
        self,
        options: Gaussians,
        cloud: SplatCloud,
        *,
        extent: float,
        iterations: int,
        rasterize: Rasterize,
        kept: Kept | None = None,
    ) -> None:
        """``kept`` says what of the cloud, which is then its start, must not change."""
        self.options = options
        self._extent = extent
        self._iterations = iterations
        self._rasterize = rasterize
        self._rendered: Rendered | None = None
        self._scales = torch.zeros(0, 3)
        self._set_parameters(_raw_parameters(cloud, options.sh_degree))
        self._kept = kept
        self._frozen = torch.zeros(len(cloud), dtype=torch.bool) if kept is None else kept.frozen
        self._forget_statistics()

    def __len__(self) -> int:
        return len(self.parameters["means"])

    def render(
        self, cameras: Sequence[Camera], background: Tensor, generator: torch.Generator | None = None
    ) -> Rendered:
        """Pictures of every camera on a background [3]. A generator switches the training augmentations on:
        scales are jittered, and now and then colours do not depend on the view. (The release jitters each view of a
        batch anew; here the batch shares one draw.)"""
        scales, degree = self.parameters["log_scales"].exp(), int(self.options.sh_degree)
        if generator is not None:
            scales, degree = self._augmented(scales, generator)
        rendered = self._rasterize(
            self.parameters["means"],
            self.parameters["quats"],
            scales,
            torch.sigmoid(self.parameters["opacity_logits"]),
            self._colors(cameras, degree),
            cameras=cameras,
            background=background,
        )
        if generator is not None:
            rendered.means2d.retain_grad()
            self._rendered, self._scales = rendered, scales
        return rendered

    def latents(self, count: int) -> None:
        """None: splats are seen as pictures."""

    def regularisation(self, options: Regularisers) -> Tensor:
        """Scalar: the weighted mean of the scales of the last training render, metres."""
        return options.scale * self._scales.mean()

    def step(self, iteration: int) -> None:
        """One step of Adam with the rates of this iteration; then the gradients are gone."""
        rates = self._rates(iteration)
        for group in self.optimiser.param_groups:
            group["lr"] = rates[group["name"]]
        self._forget_gradients_of_frozen()
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)

    def after_step(self, iteration: int, generator: torch.Generator) -> None:
        """Collect statistics; densify, prune and reset opacities when it is time.

        The release densifies before the step, which then skips the new splats; here the step comes first.
        """
        options = self.options.densification
        if options is None or iteration >= options.stop:
            return
        self._collect_statistics()
        if densify.densifies_at(options, iteration):
            self._densify(densify.prunes_large_at(options, iteration), generator)
        if densify.resets_at(options, iteration):
            self._reset_opacities()

    def snapshot(self) -> SplatCloud:
        """The splats as physical values, in the coordinates that they came in."""
        values = {name: p.detach() for name, p in self.parameters.items()}
        tiny = float(np.finfo(np.float32).tiny)
        cloud = SplatCloud(
            positions=values["means"].numpy().copy(),
            scales=values["log_scales"].exp().clamp(min=tiny).numpy(),
            rotations=torch.nn.functional.normalize(values["quats"], dim=-1).numpy(),
            opacities=torch.sigmoid(values["opacity_logits"]).numpy(),
            sh=torch.cat([values["sh_dc"], values["sh_rest"]], 1).numpy(),
        )
        return cloud if self._kept is None else self._kept.restored(cloud, self._frozen)

    def mesh(self, options: Meshing) -> TriangleMesh:
        """A mesh around the splats as they are."""
        return extract(self.snapshot(), options, self._rasterize)

    def pictures(self) -> dict[str, Tensor]:
        """None: a turntable shows splats."""
        return {}

    # ------------------------------------------------------------ state, for checkpoints

    def state(self) -> dict[str, Tensor]:
        """Everything that another object needs to go on bit by bit."""
        state = dict(self.parameters) | {"statistics.gradients": self._gradients, "statistics.seen": self._seen}
        if self._kept is not None:
            state["frozen"] = self._frozen
        state |= adam.memory_of(self.optimiser, self.parameters)
        return {name: value.detach().clone() for name, value in state.items()}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        self._set_parameters({name: state[name] for name in self.parameters})
        self._gradients, self._seen = state["statistics.gradients"].clone(), state["statistics.seen"].clone()
        self._frozen = state.get("frozen", torch.zeros(len(self), dtype=torch.bool)).clone()
        adam.remind(self.optimiser, self.parameters, state)

    # ------------------------------------------------------------ inside

    def _set_parameters(self, values: Mapping[str, Tensor]) -> None:
        self.parameters = {name: value.detach().clone().contiguous().requires_grad_() for name, value in values.items()}
        groups = [{"params": [p], "name": name} for name, p in self.parameters.items()]
        self.optimiser = torch.optim.Adam(groups, lr=0.0, eps=ADAM_EPSILON)

    def _rates(self, iteration: int) -> dict[str, float]:
        rates: LearningRates = self.options.learning_rates
        position, color, scale, rotation = (
            log_linear(ends, iteration, self._iterations)
            for ends in (rates.position, rates.color, rates.scale, rates.rotation)
        )
        return {
            "means": position * self._extent,
            "quats": rotation,
            "log_scales": scale,
            "opacity_logits": rates.opacity,
            "sh_dc": color,
            "sh_rest": rates.color[0] * REST_SHARE,
        }

    def _augmented(self, scales: Tensor, generator: torch.Generator) -> tuple[Tensor, int]:
        normal = torch.randn(scales.shape, generator=generator)
        dropped = bool(torch.rand((), generator=generator) < self.options.degree_dropout)
        normal[self._frozen] = 0
        jittered = (scales + scales * self.options.scale_jitter * normal).clamp(min=0)
        return jittered, 0 if dropped else self.options.sh_degree

    def _colors(self, cameras: Sequence[Camera], degree: int) -> Tensor:
        sh = torch.cat([self.parameters["sh_dc"], self.parameters["sh_rest"]], 1)
        means = self.parameters["means"]
        if degree == 0:
            return colors_from_sh(sh, means[None], 0)[0]
        origins = torch.from_numpy(np.stack([camera.position for camera in cameras])).to(means)
        return colors_from_sh(sh, means - origins[:, None], degree)

    def _forget_gradients_of_frozen(self) -> None:
        """Without gradients from the first step on, Adam's moments stay 0 and its steps change no bit."""
        if self._frozen.any():
            for parameter in self.parameters.values():
                if parameter.grad is not None:
                    parameter.grad[self._frozen] = 0

    def _forget_statistics(self) -> None:
        self._gradients, self._seen = torch.zeros(len(self)), torch.zeros(len(self))

    def _collect_statistics(self) -> None:
        """Screen-space gradient norms, in units of half the picture's size, of every view that shows a splat."""
        rendered = self._rendered
        if rendered is None or rendered.means2d.grad is None:
            return
        height, width = rendered.color.shape[1:3]
        norms = (rendered.means2d.grad * torch.tensor([width / 2, height / 2])).norm(dim=-1)
        visible = rendered.radii > 0
        self._gradients += (norms * visible).sum(0)
        self._seen += visible.sum(0)
        self._rendered = None

    @torch.no_grad()
    def _densify(self, prune_large: bool, generator: torch.Generator) -> None:
        options = self.options.densification
        assert options is not None
        scales, opacities = self.parameters["log_scales"].exp(), torch.sigmoid(self.parameters["opacity_logits"])
        sizes = scales.amax(1)
        gradients = (self._gradients / self._seen.clamp(min=1)).masked_fill(self._frozen, -1.0)  # frozen never grow
        selection = densify.select(gradients, sizes, options, self._extent)
        plan = densify.plan(
            selection, sizes, opacities, options, self._extent, prune_large=prune_large, spared=self._frozen
        )
        if not len(plan.parents):
            raise LucidError(
                "every splat became transparent, so nothing is left of the prop",
                advice="Try another seed, a higher guidance scale, or a lower opacity learning rate.",
            )
        normals = torch.randn((2 * int(selection.split.sum()), 3), generator=generator)
        self._replace(plan, normals)

    def _replace(self, plan: densify.Plan, normals: Tensor) -> None:
        parents, children = plan.parents, plan.is_child
        values = {name: p.detach()[parents] for name, p in self.parameters.items()}
        values["means"][children] += densify.child_offsets(
            values["quats"][children], values["log_scales"][children].exp(), normals[plan.child[children]]
        )
        values["log_scales"][children] -= math.log(densify.SPLIT_SHRINK)
        states = {name: dict(self.optimiser.state.get(p, {})) for name, p in self.parameters.items()}
        self._set_parameters(values)
        self._frozen = self._frozen[parents]
        for name, state in states.items():
            for key in MOMENTS:
                if key in state:
                    state[key] = state[key][parents]
                    state[key][plan.is_new] = 0
            if state:
                self.optimiser.state[self.parameters[name]] = state
        self._forget_statistics()

    @torch.no_grad()
    def _reset_opacities(self) -> None:
        logits = self.parameters["opacity_logits"]
        logits.copy_(torch.where(self._frozen, logits, densify.reset_opacity(logits)))
        for key in MOMENTS:
            if key in self.optimiser.state.get(logits, {}):
                self.optimiser.state[logits][key].zero_()


def _raw_parameters(cloud: SplatCloud, degree: int) -> dict[str, Tensor]:
    opacities = torch.from_numpy(cloud.opacities).clamp(OPACITY_MARGIN, 1 - OPACITY_MARGIN)
    sh = torch.zeros(len(cloud), (degree + 1) ** 2, 3)
    kept = min(sh.shape[1], cloud.sh.shape[1])
    sh[:, :kept] = torch.from_numpy(cloud.sh[:, :kept])
    return {
        "means": torch.from_numpy(cloud.positions),
        "quats": torch.from_numpy(cloud.rotations),
        "log_scales": torch.from_numpy(cloud.scales).log(),
        "opacity_logits": torch.logit(opacities),
        "sh_dc": sh[:, :1],
        "sh_rest": sh[:, 1:],
    }
