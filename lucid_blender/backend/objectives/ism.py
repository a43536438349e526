"""Interval Score Matching (Liang et al., LucidDreamer, CVPR 2024), Algorithm 1 with the released details.

Where the release departs from the paper it is followed, by options:
- the inversion starts from x_0 noised to the first timestep, not from a clean x_0 (METHOD: a random start);
- it makes at most ``inversion_steps`` strides of ``delta_s``; s beyond their reach is approached by random noising;
- the last stride is shortened to land on s;
- the interval anneals from ``delta_t_start`` to ``delta_t``;
- the guidance's unconditional branch has the negative prompt, the inversion the empty one.
Not followed: the release asks the network once in vain when s is where the inversion starts.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...core.options import Ism, Timesteps
from ..schedules import FIRST_TIMESTEP, NoiseSchedule, draw_timestep, interval
from .guidance import Condition, Distilled, Network, draw_noise, finite, guided_noise


class IsmObjective:
    """gradient = w(t) (eps_cfg(x_t, t, y) - eps(x_s, s, null)) (Eq. 17), x_s and x_t on one DDIM inversion path."""

    def __init__(self, options: Ism, timesteps: Timesteps, network: Network, schedule: NoiseSchedule) -> None:
        self.options = options
        self.timesteps = timesteps
        self.network = network
        self.schedule = schedule

    @torch.no_grad()
    def __call__(self, latents: Tensor, condition: Condition, iteration: int, generator: torch.Generator) -> Distilled:
        t = draw_timestep(self.timesteps, iteration, self.schedule.length, generator)
        noise = draw_noise(latents, self.options.noise_offset, generator)
        perp_neg = condition.perp_negatives is not None
        delta_t = interval(self.options, iteration, self.timesteps.warmup_iterations, round_up=perp_neg)
        return self.distil(latents, condition, noise, t, delta_t)

    @torch.no_grad()
    def distil(self, latents: Tensor, condition: Condition, noise: Tensor, t: int, delta_t: int) -> Distilled:
        """The gradient on ``latents`` [V, C, h, w] for a timestep, an interval, and the noise that starts it."""
        s = max(t - delta_t, FIRST_TIMESTEP)
        x_s = self.invert(latents, condition, noise, s, delta_t)
        target = self._inversion_noise(x_s, s, condition)
        x_t = self.schedule.move(x_s, target, s, t)  # the prediction at s both moves and is the target
        predicted = guided_noise(self.network, x_t, t, condition, self.options.guidance_scale)
        weight = self.schedule.gamma(t)
        gradient = finite(self.options.gradient_scale * weight * (predicted - target))
        return Distilled(gradient, t, float(weight))

    def invert(self, latents: Tensor, condition: Condition, noise: Tensor, s: int, delta_t: int) -> Tensor:
        """x_s [V, C, h, w] by DDIM inversion (Eq. 11) in strides of delta_S."""
        stride = self.options.delta_s or delta_t
        reach = s - FIRST_TIMESTEP
        steps = self.options.inversion_steps
        if steps is None:
            steps = math.ceil(reach / stride)
        here = max(s - steps * stride, FIRST_TIMESTEP)
        x = self.schedule.add_noise(latents, noise, here)
        while here < s:
            there = min(here + stride, s)
            x = self.schedule.move(x, self._inversion_noise(x, here, condition), here, there)
            here = there
        return x

    def _inversion_noise(self, x: Tensor, t: int, condition: Condition) -> Tensor:
        """eps(x, t, null); a guidance scale above 1 extrapolates towards the negative prompt, as released."""
        scale = self.options.inversion_guidance_scale
        if scale <= 1:
            return self.network.predict_noise(x, t, condition.empty)
        both = torch.cat([condition.empty, condition.negative])
        empty, negative = self.network.predict_noise(x.repeat(2, 1, 1, 1), t, both).chunk(2)
        return empty + scale * (negative - empty)
