"""Loading any Stable Diffusion in diffusers' layout, and what it is asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from lucid_blender.backend.diffusion import load
from lucid_blender.core.errors import ModelError
from lucid_blender.core.options import DiffusionModel

from .tiny_models import save_tiny_model


def test_a_local_folder_loads_and_answers(tiny_model: Path) -> None:
    model = load(DiffusionModel(source=str(tiny_model)))
    embeddings = model.embed(["a hat", ""])
    noise = model.predict_noise(torch.randn(2, 4, 8, 8), 500, embeddings)
    assert noise.shape == (2, 4, 8, 8)
    assert model.evaluations == 2


def test_the_gradient_reaches_the_picture_through_the_encoder(tiny_model: Path) -> None:
    model = load(DiffusionModel(source=str(tiny_model)))
    images = torch.rand(2, 3, 32, 32, requires_grad=True)
    model.encode(images, torch.Generator().manual_seed(0)).sum().backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0


def test_latents_are_the_posterior_scaled_as_the_pipeline_does(tiny_model: Path) -> None:
    model = load(DiffusionModel(source=str(tiny_model)))
    images = torch.rand(1, 3, 32, 32)
    posterior = model._pipeline.vae.encode(2 * images - 1).latent_dist
    noise = torch.randn(posterior.mean.shape, generator=torch.Generator().manual_seed(7))
    wanted = (posterior.mean + posterior.std * noise) * model._pipeline.vae.config.scaling_factor
    assert torch.allclose(model.encode(images, torch.Generator().manual_seed(7)), wanted, atol=1e-6)


def test_a_v_prediction_is_turned_into_noise(tmp_path: Path) -> None:
    model = load(DiffusionModel(source=str(save_tiny_model(tmp_path / "v", prediction="v_prediction"))))
    x, embeddings = torch.randn(1, 4, 8, 8), model.embed(["a"])
    v = model._pipeline.unet(x, torch.tensor(300), encoder_hidden_states=embeddings).sample
    abar = model.schedule.abar[300]
    x0 = abar.sqrt() * x - (1 - abar).sqrt() * v
    noise = model.predict_noise(x, 300, embeddings)
    assert torch.allclose(abar.sqrt() * x0 + (1 - abar).sqrt() * noise, x, atol=1e-5)


def test_other_latent_sizes_than_stable_diffusions_are_read_from_the_model(tmp_path: Path) -> None:
    model = load(DiffusionModel(source=str(save_tiny_model(tmp_path / "wide", channels=6))))
    assert model.encode(torch.rand(1, 3, 64, 64), torch.Generator()).shape == (1, 6, 16, 16)


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / "pickled")
    for file in (folder / "unet").glob("*.safetensors"):
        file.rename(file.with_suffix(".bin"))
    with pytest.raises(ModelError, match="safetensors"):
        load(DiffusionModel(source=str(folder)))


def test_a_model_that_predicts_something_else_is_refused(tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / "sample")
    path = folder / "scheduler" / "scheduler_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"prediction_type": "sample"}))
    with pytest.raises(ModelError, match="epsilon or v_prediction"):
        load(DiffusionModel(source=str(folder)))


def test_a_folder_without_a_model_says_so(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model_index.json"):
        load(DiffusionModel(source=str(tmp_path)))


def test_a_hub_model_that_is_not_in_the_cache_is_not_fetched_when_downloads_are_off(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        load(DiffusionModel(source="nobody/no-such-model", allow_download=False))
    assert "online access" in caught.value.advice


def test_truncated_weights_say_what_is_wrong(tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / "cut")
    weights = next((folder / "unet").glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ModelError, match="cannot load the model"):
        load(DiffusionModel(source=str(folder)))


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_device_that_is_not_there_is_refused(tiny_model: Path) -> None:
    with pytest.raises(ModelError, match="no cuda device"):
        load(DiffusionModel(source=str(tiny_model), device="cuda"))


def test_a_withdrawn_model_that_is_nowhere_is_an_error_about_the_one_asked_for() -> None:
    with pytest.raises(ModelError, match="stabilityai/stable-diffusion-2-1-base"):
        load(DiffusionModel(source="stabilityai/stable-diffusion-2-1-base", allow_download=False))
