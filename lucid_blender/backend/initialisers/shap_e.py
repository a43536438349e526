"""Points on the surface that OpenAI's Shap-E makes from a text, as DreamMapping starts (through diffusers)."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import ShapEPipeline

from ...core.errors import LucidError, ModelError
from ...core.meshes import TriangleMesh
from ...core.options import MeshSurface, ShapE
from ...core.splats import SplatCloud
from ...core.wanted import Wanted, is_of_the_hub
from ..hub import folder_of
from .mesh import mesh_surface
from .mesh_file import normalised, srgb_from_linear

logger = logging.getLogger(__name__)


def shap_e(
    options: ShapE, prompt: str, generator: torch.Generator, *, device: torch.device, allow_download: bool
) -> SplatCloud:
    """``options.count`` splats on the surface for ``options.prompt``, or else for ``prompt``.

    Raises ModelError when the model cannot be loaded, and LucidError when it makes no surface.
    """
    pipeline = _load(options, allow_download).to(device)
    pipeline.set_progress_bar_config(disable=True)
    mesh = _surface(pipeline, options, options.prompt or prompt, generator)
    surface = MeshSurface(
        count=options.count, jitter=options.jitter, opacity=options.opacity, use_colors=options.use_colors
    )
    return mesh_surface(surface, mesh, generator)


def _surface(pipeline: Any, options: ShapE, prompt: str, generator: torch.Generator) -> TriangleMesh:
    """The surface in the training frame. Shap-E's axes are ours: Z up, fronts towards -Y."""
    latents = pipeline(
        prompt,
        guidance_scale=options.guidance_scale,
        num_inference_steps=options.steps,
        generator=generator,
        output_type="latent",
    ).images
    try:
        made = pipeline.shap_e_renderer.decode_to_mesh(latents, pipeline.device, grid_size=options.grid)
    except (ValueError, RuntimeError) as error:
        if "non-empty" not in str(error):  # diffusers joins the colours of no vertices
            raise
        raise LucidError(
            f"Shap-E made no surface for {prompt!r}",
            advice="Try another seed, a simpler initialiser.prompt, or start from a sphere.",
        ) from error
    linear = torch.stack([made.vertex_channels[name] for name in "RGB"], 1).cpu().numpy().astype(np.float64)
    logger.info("Shap-E made %d triangles", len(made.faces))
    return TriangleMesh(
        vertices=normalised(made.verts.cpu().numpy(), radius=options.radius),
        triangles=made.faces.cpu().numpy(),
        colors=srgb_from_linear(linear).astype(np.float32),
    )


def _load(options: ShapE, allow_download: bool) -> Any:
    """The pipeline, in float32. Where there are no safetensors, diffusers reads pickles as tensors only."""
    folder = Path(options.source)
    if is_of_the_hub(options.source, "shap_e"):
        folder = folder_of(
            Wanted(source=options.source, revision=options.revision, part="shap_e", allow_download=allow_download)
        )
    try:
        return ShapEPipeline.from_pretrained(str(folder), dtype=torch.float32, local_files_only=True)
    except (OSError, ValueError, RuntimeError, TypeError, AttributeError, KeyError) as error:
        raise ModelError(
            f"cannot load Shap-E from {options.source!r}: {error}",
            advice="The folder must hold a complete Shap-E in diffusers' layout.",
        ) from error
