"""The frozen 2D diffusion model: any Stable Diffusion in diffusers' layout, the built-in one among them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, StableDiffusionPipeline
from diffusers.utils import logging as diffusers_logging
from torch import Tensor
from transformers.utils import logging as transformers_logging

from ..core.errors import ModelError
from ..core.model_files import files_below, weights_of
from ..core.models import kind_of
from ..core.options import Control, DiffusionModel
from .controlnets import ControlNet, additions, load_controls
from .hub import folder_of_model
from .lora_copy import LoraCopy
from .personalisation import UNET, personalise
from .schedules import NoiseSchedule
from .single_file import own_configuration, prediction

logger = logging.getLogger(__name__)

BUILTIN_FOLDER = Path(__file__).parent / "models" / "builtin"
SAMPLES_AT_ONCE = 8  # as much memory as distilling takes
PREDICTIONS = ("epsilon", "v_prediction")
ADVICE = "It must be a complete Stable Diffusion 1.x or 2.x in diffusers' layout, as safetensors."


class Diffusion:
    """Text to embeddings, pictures to latents, latents to noise. Nothing here learns.

    ``evaluations`` counts the network's evaluations, one for each latent; ``control_evaluations`` those of ControlNets.
    """

    def __init__(
        self,
        pipeline: StableDiffusionPipeline,
        device: torch.device,
        dtype: torch.dtype,
        controls: Sequence[ControlNet] = (),
    ) -> None:
        scheduler = DDIMScheduler.from_config(pipeline.scheduler.config)
        self.prediction: str = scheduler.config.prediction_type
        if self.prediction not in PREDICTIONS:
            raise ModelError(
                f"the model predicts {self.prediction!r}; wanted {' or '.join(PREDICTIONS)}",
                advice="Choose a Stable Diffusion 1.x or 2.x model.",
            )
        self.device = device
        self.dtype = dtype
        self.schedule = NoiseSchedule(scheduler.alphas_cumprod.to(device=device, dtype=torch.float32))
        self.evaluations = 0
        self.control_evaluations = 0
        self._pipeline = pipeline.to(device)
        self._controls = controls
        for control in controls:
            control.network.to(device)
        for network in (pipeline.vae, pipeline.unet, pipeline.text_encoder):
            network.requires_grad_(False).eval()
        pipeline.vae.to(memory_format=torch.channels_last)  # on a CPU its encoder's convolutions are half again as fast

    @torch.no_grad()
    def embed(self, texts: list[str]) -> Tensor:
        """[B, L, D] text embeddings."""
        embeddings = self._pipeline.encode_prompt(texts, self.device, 1, do_classifier_free_guidance=False)[0]
        return torch.as_tensor(embeddings)

    def encode(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """[V, 3, H, W] sRGB in [0, 1] -> [V, C, h, w] float32 latents sampled from the posterior; differentiable."""
        vae = self._pipeline.vae
        posterior = vae.encode((2 * images - 1).to(self.device, self.dtype)).latent_dist
        noise = torch.randn(posterior.mean.shape, generator=generator).to(posterior.mean)
        latents: Tensor = (posterior.mean + posterior.std * noise).float()
        return (latents - float(vae.config.shift_factor or 0.0)) * float(vae.config.scaling_factor)

    def decode(self, latents: Tensor) -> Tensor:
        """[V, C, h, w] latents -> [V, 3, H, W] float32 sRGB, about 0 to 1; differentiable."""
        vae = self._pipeline.vae
        latents = latents / float(vae.config.scaling_factor) + float(vae.config.shift_factor or 0.0)
        images: Tensor = vae.decode(latents.to(self.device, self.dtype)).sample.float()
        return (images + 1) / 2

    def latent_shape(self, resolution: int) -> tuple[int, int, int]:
        """[C, h, w] of the latents of a square picture of ``resolution`` pixels."""
        size = resolution // int(self._pipeline.vae_scale_factor)
        return int(self._pipeline.vae.config.latent_channels), size, size

    def control_sizes(self, resolution: int) -> list[int]:
        """Pixels a side of each ControlNet's pictures, for pictures of ``resolution`` pixels."""
        _, latents, _ = self.latent_shape(resolution)
        return [latents * control.factor for control in self._controls]

    @torch.no_grad()
    def predict_noise(
        self, latents: Tensor, timestep: int, embeddings: Tensor, control: Sequence[Tensor] = ()
    ) -> Tensor:
        """eps(x, t, c): [B, C, h, w] float32 latents and [B, L, D] embeddings -> [B, C, h, w] float32.

        ``control`` has a picture [V, 3, S, S] of each view for every ControlNet; without, none of them acts.
        """
        return self._predict(latents, timestep, embeddings, control)

    def lora_copy(self, rank: int) -> LoraCopy:
        """The network with trainable changes of that rank. There is one at a time: a new one ends the old one's use."""
        return LoraCopy(self._pipeline.unet, self._predict, rank=rank)

    def _predict(self, latents: Tensor, timestep: int, embeddings: Tensor, control: Sequence[Tensor] = ()) -> Tensor:
        self.evaluations += len(latents)
        x, words = latents.to(self.dtype), embeddings.to(self.dtype)
        added: dict[str, Any] = {}
        if control:
            length = self.schedule.length
            self.control_evaluations += len(latents) * sum(c.acts(timestep, length) for c in self._controls)
            added = additions(self._controls, control, x, timestep, words, length=length)
        predicted: Tensor = self._pipeline.unet(
            x, torch.tensor(timestep, device=self.device), encoder_hidden_states=words, **added
        ).sample.float()
        if self.prediction == "epsilon":
            return predicted
        abar = self.schedule.abar[timestep]
        return abar.sqrt() * predicted + (1 - abar).sqrt() * latents

    @torch.no_grad()
    def sample(
        self, prompt: str, negative: str, count: int, *, steps: int, guidance_scale: float, generator: torch.Generator
    ) -> Tensor:
        """[count, 3, H, W] float32 sRGB in [0, 1] on the CPU: pictures of the model's own size by DPM-Solver++."""
        components = {**self._pipeline.components, "safety_checker": None}
        components["scheduler"] = DPMSolverMultistepScheduler.from_config(self._pipeline.scheduler.config)
        pipeline = StableDiffusionPipeline(**components, requires_safety_checker=False)
        pipeline.set_progress_bar_config(disable=True)
        found = [
            pipeline(
                [prompt] * min(SAMPLES_AT_ONCE, count - start),
                negative_prompt=[negative] * min(SAMPLES_AT_ONCE, count - start),
                num_inference_steps=steps,
                guidance_scale=guidance_scale,
                generator=generator,
                output_type="pt",
            ).images
            for start in range(0, count, SAMPLES_AT_ONCE)
        ]
        return torch.cat(found).float().cpu()


def load(options: DiffusionModel, controls: Sequence[Control] = ()) -> Diffusion:
    """Load the model that the options name, from safetensors only, with its LoRAs, textual inversions and ControlNets.

    Raises ModelError when it is not there, is not complete, is no Stable Diffusion, or when something does not fit it.
    """
    device = choose_device(options.device)
    dtype = choose_dtype(options.precision, device)
    logger.info("loading %s on %s as %s", options.source, device, dtype)
    diffusers_logging.disable_progress_bar()
    transformers_logging.disable_progress_bar()
    folder = _folder(options)
    try:
        pipeline = _pipeline(options, folder, dtype)
    except (OSError, ValueError, RuntimeError, TypeError, AttributeError, KeyError) as error:
        raise ModelError(f"cannot load the model {options.source!r}: {error}", advice=ADVICE) from error
    if options.prediction != "auto":
        pipeline.scheduler.register_to_config(prediction_type=options.prediction)
    personalise(pipeline, options)
    return Diffusion(pipeline, device, dtype, load_controls(controls, pipeline.unet, options, dtype))


def _folder(options: DiffusionModel) -> Path:
    """Where the model is, or what says how a single file is made, after a download if need be."""
    match kind_of(options.source):
        case "builtin":
            _check_folder(BUILTIN_FOLDER, is_builtin=True)
            return BUILTIN_FOLDER
        case "hub":
            return folder_of_model(options)
        case "file":
            return own_configuration(Path(options.source)) or folder_of_model(options)
        case "folder":
            _check_folder(Path(options.source), is_builtin=False)
            return Path(options.source)


def _pipeline(options: DiffusionModel, folder: Path, dtype: torch.dtype) -> StableDiffusionPipeline:
    if kind_of(options.source) == "file":
        return _from_file(Path(options.source), folder, dtype)
    return _from_folder(folder, dtype)


def _from_file(path: Path, configuration: Path, dtype: torch.dtype) -> StableDiffusionPipeline:
    pipeline = StableDiffusionPipeline.from_single_file(
        str(path),
        config=str(configuration),
        dtype=dtype,
        local_files_only=True,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    if told := prediction(path):
        pipeline.scheduler.register_to_config(prediction_type=told)
    return pipeline


def _from_folder(folder: Path, dtype: torch.dtype) -> StableDiffusionPipeline:
    halves = not weights_of(UNET, files_below(folder), "") and weights_of(UNET, files_below(folder), "fp16")
    return StableDiffusionPipeline.from_pretrained(
        folder,
        dtype=dtype,
        variant="fp16" if halves else None,
        use_safetensors=True,
        local_files_only=True,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def choose_device(name: str) -> torch.device:
    """The best device for "auto": cuda, then mps, then cpu. Raises ModelError when the named one is not there."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(device for device, found in there.items() if found))
    if not there[name]:
        raise ModelError(f"there is no {name} device", advice="Choose the device 'auto' or 'cpu'.")
    return torch.device(name)


def choose_dtype(precision: str, device: torch.device) -> torch.dtype:
    """float16 on cuda for "auto", else float32."""
    if precision == "auto":
        return torch.float16 if device.type == "cuda" else torch.float32
    return {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}[precision]


def _check_folder(folder: Path, *, is_builtin: bool) -> None:
    if not (folder / "model_index.json").is_file():
        advice = "Install Lucid Dreamer again." if is_builtin else "Give a folder in diffusers' layout."
        raise ModelError(f"{folder} has no model_index.json, so it holds no diffusers model", advice=advice)
    if not any((folder / "unet").glob("*.safetensors")):
        raise ModelError(
            f"{folder / 'unet'} holds no .safetensors file",
            advice="Only safetensors are read, because other formats can run code. Convert the model first.",
        )
