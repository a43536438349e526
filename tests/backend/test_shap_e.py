"""Shap-E as an initialiser: diffusers' own pipeline on a tiny random model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lucid_blender.backend import choices
from lucid_blender.backend.initialisers import shap_e as module
from lucid_blender.backend.initialisers.shap_e import shap_e
from lucid_blender.core.errors import LucidError, ModelError
from lucid_blender.core.options import DiffusionModel, Generation, ShapE
from lucid_blender.core.splats import SplatCloud

from .tiny_shap_e import save_tiny_shap_e

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_shap_e(tmp_path_factory.mktemp("models") / "shap-e")


def made(model: Path, *, seed: int = 0, prompt: str = "a mug", **changes: object) -> SplatCloud:
    options = replace(ShapE(source=str(model), count=2000, steps=3, grid=16, jitter=0.0), **changes)  # type: ignore[arg-type]
    return shap_e(options, prompt, torch.Generator().manual_seed(seed), device=CPU, allow_download=False)


def test_the_pipeline_gives_as_many_splats_as_asked_on_a_surface_of_the_asked_size(model: Path) -> None:
    cloud = made(model, radius=0.5)
    assert len(cloud) == 2000
    distances = np.linalg.norm(cloud.positions, axis=1)
    assert distances.max() <= 0.5 + 1e-5
    assert distances.max() > 0.4  # points come within a fifth of the farthest vertex
    assert np.allclose(cloud.opacities, 0.1)


def test_the_points_lie_where_the_distance_field_changes_sign(model: Path) -> None:
    pipeline = module._load(ShapE(source=str(model)), allow_download=False)
    pipeline.set_progress_bar_config(disable=True)
    generator = torch.Generator().manual_seed(0)
    latents = pipeline("a mug", guidance_scale=15.0, num_inference_steps=3, generator=generator, output_type="latent")
    mesh = pipeline.shap_e_renderer.decode_to_mesh(latents.images, CPU, grid_size=24)
    inner = mesh.verts[(mesh.verts.abs() < 0.95).all(1)][None]  # the rest closes the surface at the volume's border
    assert inner.shape[1] > 100
    with torch.no_grad():
        seen = pipeline.shap_e_renderer.mlp(position=inner, direction=None, ts=None, nerf_level="fine")
        everywhere = pipeline.shap_e_renderer.mlp(
            position=2 * torch.rand(1, 5000, 3) - 1, direction=None, ts=None, nerf_level="fine"
        )
    # Interpolated within cells of 0.087, and moved up to a cell by the border that diffusers lays around the grid: the
    # half of them that is least so is near 0, compared with the field's spread.
    assert seen.signed_distance.abs().median() < 0.05 * everywhere.signed_distance.std()


def test_the_prompt_and_the_seed_decide_the_shape(model: Path) -> None:
    assert made(model).equals(made(model))
    assert not made(model).equals(made(model, seed=1))
    assert not made(model).equals(made(model, prompt="a lamp"))


def test_its_own_prompt_goes_before_the_runs(model: Path) -> None:
    asked = ShapE(source=str(model)).prompt
    assert asked == ""
    options = ShapE(source=str(model), count=500, steps=3, grid=16, prompt="a mug")
    clouds = [
        shap_e(options, prompt, torch.Generator().manual_seed(0), device=CPU, allow_download=False)
        for prompt in ("a mug of gold, 8k", "a mug")
    ]
    assert clouds[0].equals(clouds[1])


def test_colours_are_grey_unless_asked_for_and_then_those_of_the_texture_in_srgb(model: Path) -> None:
    assert np.allclose(made(model).base_colors, 0.498, atol=1e-6)
    coloured = made(model, use_colors=True).base_colors
    pipeline = module._load(ShapE(source=str(model)), allow_download=False)
    pipeline.set_progress_bar_config(disable=True)
    generator = torch.Generator().manual_seed(0)
    latents = pipeline("a mug", guidance_scale=15.0, num_inference_steps=3, generator=generator, output_type="latent")
    mesh = pipeline.shap_e_renderer.decode_to_mesh(latents.images, CPU, grid_size=16)
    with torch.no_grad():
        texture = pipeline.shap_e_renderer.mlp(
            position=mesh.verts[None], direction=None, ts=None, nerf_level="fine", rendering_mode="stf"
        ).channels[0]
    assert coloured.std() > 0
    # Interpolated vertex colours stay within the vertices' range, which the network gives in sRGB.
    assert (coloured >= texture.min(0).values.numpy() - 1e-4).all()
    assert (coloured <= texture.max(0).values.numpy() + 1e-4).all()


def test_a_shape_without_surface_is_an_error_with_advice(tmp_path: Path) -> None:
    empty = save_tiny_shap_e(tmp_path / "empty", offset=-50.0)
    with pytest.raises(LucidError, match="no surface") as caught:
        made(empty)
    assert "prompt" in caught.value.advice


@pytest.mark.parametrize(
    ("source", "advice"),
    [("/nowhere/shap-e", "The folder must hold"), ("someone/not-in-the-cache", "Downloads are switched off")],
)
def test_a_model_that_is_not_there_is_a_model_error_with_advice(source: str, advice: str) -> None:
    with pytest.raises(ModelError, match=source) as caught:
        made(Path(source))
    assert advice in caught.value.advice


def test_an_incomplete_folder_is_a_model_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        made(tmp_path)
    assert "complete Shap-E" in caught.value.advice


def test_a_run_starts_from_shap_e_with_the_models_device_and_permission(model: Path) -> None:
    options = ShapE(source=str(model), count=300, steps=3, grid=16)
    generation = Generation(
        prompt="a mug", initialiser=options, model=DiffusionModel(device="cpu", allow_download=False)
    )
    cloud = choices.make_initial_cloud(generation, None, torch.Generator().manual_seed(0))
    assert len(cloud) == 300
