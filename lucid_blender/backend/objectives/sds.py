"""Score Distillation Sampling (Poole et al. 2022; LucidDreamer Eq. 6), with the released LucidDreamer's details."""

from __future__ import annotations

import torch
from torch import Tensor

from ...core.options import Sds, Timesteps
from ..schedules import NoiseSchedule, draw_timestep
from .guidance import Condition, Distilled, Network, draw_noise, finite, guided_noise


class SdsObjective:
    """gradient = w(t) (eps_cfg(x_t, t, y) - noise), w = gamma."""

    def __init__(self, options: Sds, timesteps: Timesteps, network: Network, schedule: NoiseSchedule) -> None:
        self.options = options
        self.timesteps = timesteps
        self.network = network
        self.schedule = schedule

    @torch.no_grad()
    def __call__(self, latents: Tensor, condition: Condition, iteration: int, generator: torch.Generator) -> Distilled:
        t = draw_timestep(self.timesteps, iteration, self.schedule.length, generator)
        noise = draw_noise(latents, self.options.noise_offset, generator)
        return self.distil(latents, condition, noise, t)

    @torch.no_grad()
    def distil(self, latents: Tensor, condition: Condition, noise: Tensor, t: int) -> Distilled:
        """The gradient on ``latents`` [V, C, h, w] for a given timestep and noise of the same shape."""
        x_t = self.schedule.add_noise(latents, noise, t)
        predicted = guided_noise(self.network, x_t, t, condition, self.options.guidance_scale)
        weight = self.schedule.gamma(t)
        gradient = finite(self.options.gradient_scale * weight * (predicted - noise))
        return Distilled(gradient, t, float(weight))
