"""Single .safetensors files: what they are, and that they load as the folders they were made of."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from lucid_blender.backend import hub
from lucid_blender.backend.diffusion import Diffusion, load
from lucid_blender.backend.single_file import family, own_configuration, prediction
from lucid_blender.core.errors import ModelError
from lucid_blender.core.messages import ModelFound
from lucid_blender.core.model_files import find_cached
from lucid_blender.core.models import KNOWN
from lucid_blender.core.options import DiffusionModel
from lucid_blender.core.presets import preset

from .fake_hub import FakeHub, FakeRepository
from .tiny_models import save_tiny_model
from .tiny_single_file import save_single_file

SD21, SD15 = KNOWN


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model that reads texts as wide as Stable Diffusion 1.x does."""
    return save_tiny_model(tmp_path_factory.mktemp("wide") / "model", width=768)


@pytest.fixture(scope="module")
def single(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same in one file."""
    return save_single_file(folder, tmp_path_factory.mktemp("single") / "model.safetensors")


def answers(model: Diffusion) -> list[torch.Tensor]:
    """What every part of a model says."""
    generator = torch.Generator().manual_seed(3)
    images = torch.rand(1, 3, 32, 32, generator=generator)
    noise = torch.randn(1, 4, 8, 8, generator=generator)
    words = model.embed(["a hat"])
    latents = model.encode(images, generator)
    return [words, latents, model.predict_noise(noise, 500, words), model.decode(latents)]


def test_a_single_file_says_the_same_as_its_folder_with_the_hubs_small_files(
    served: FakeHub,
    folder: Path,
    single: Path,
) -> None:
    served.repositories = {SD15.id: FakeRepository(folder, commit=SD15.places[0].revision)}
    model = load(DiffusionModel(source=str(single)))
    for found, wanted in zip(answers(model), answers(load(DiffusionModel(source=str(folder)))), strict=True):
        assert torch.allclose(found, wanted, atol=1e-6)  # the attention of the decoder is a convolution in the file
    assert not served.sent(".safetensors")
    assert find_cached(SD15.id, "", hub.cache()) is None
    served.requests.clear()
    load(DiffusionModel(source=str(single), allow_download=False))
    assert not served.requests


def test_progress_tells_of_the_small_files(served: FakeHub, folder: Path, single: Path) -> None:
    served.repositories = {SD15.id: FakeRepository(folder, commit=SD15.places[0].revision)}
    (found,) = [
        e
        for e in hub.fetch(preset("draft", "a hat", model=DiffusionModel(source=str(single))))
        if isinstance(e, ModelFound)
    ]
    assert found.size < sum(path.stat().st_size for path in folder.glob("*/*.safetensors"))


def test_offline_and_without_them_it_says_what_it_needs(served: FakeHub, single: Path) -> None:
    with pytest.raises(ModelError, match=SD15.id) as caught:
        load(DiffusionModel(source=str(single), allow_download=False))
    assert "online access" in caught.value.advice and not served.requests


def test_a_file_in_a_folder_of_diffusers_layout_needs_nothing_else(
    served: FakeHub,
    folder: Path,
    single: Path,
    tmp_path: Path,
) -> None:
    beside = tmp_path / "beside"
    shutil.copytree(folder, beside, ignore=shutil.ignore_patterns("*.safetensors"))
    shutil.copy(single, beside)
    assert own_configuration(beside / single.name) == beside and own_configuration(single) is None
    options = DiffusionModel(source=str(beside / single.name))
    assert list(hub.fetch(preset("draft", "a hat", model=options))) == []
    load(options)
    assert not served.requests


@pytest.mark.parametrize(("width", "known"), [(768, SD15), (1024, SD21)])
def test_the_width_of_the_text_tells_the_family(tmp_path: Path, width: int, known: object) -> None:
    assert family(header(tmp_path, width)) is known


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"width": 2048}, "width 2048; wanted 768"),
        ({"channels": 9}, "9 channels, as models for inpainting"),
        ({"parts": ("model.diffusion_model.", "first_stage_model.")}, "no text encoder"),
        ({"parts": ("lora_unet_",)}, "no network"),
    ],
)
def test_other_files_are_refused_with_what_they_are(tmp_path: Path, changes: dict[str, object], said: str) -> None:
    with pytest.raises(ModelError, match=said):
        family(header(tmp_path, **{"width": 768, **changes}))  # type: ignore[arg-type]


def test_broken_and_absent_files_are_said_to_be_so(tmp_path: Path, single: Path) -> None:
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(single.read_bytes()[:1000])
    with pytest.raises(ModelError, match="cannot be read"):
        load(DiffusionModel(source=str(broken)))
    with pytest.raises(ModelError, match="there is no file"):
        load(DiffusionModel(source=str(tmp_path / "none.safetensors")))


def test_what_the_file_says_that_it_predicts_is_followed(
    served: FakeHub,
    folder: Path,
    single: Path,
    tmp_path: Path,
) -> None:
    served.repositories = {SD15.id: FakeRepository(folder, commit=SD15.places[0].revision)}
    path = tmp_path / "v.safetensors"
    save_file(load_file(single), path, metadata={"modelspec.predict_key": "v"})
    assert prediction(path) == "v_prediction" and prediction(single) == ""
    assert load(DiffusionModel(source=str(path))).prediction == "v_prediction"
    assert load(DiffusionModel(source=str(path), prediction="epsilon")).prediction == "epsilon"
    assert load(DiffusionModel(source=str(single))).prediction == "epsilon"


def test_the_user_has_the_last_word_on_what_a_folder_predicts(tiny_model: Path) -> None:
    x = torch.randn(1, 4, 8, 8)
    plain = load(DiffusionModel(source=str(tiny_model)))
    turned = load(DiffusionModel(source=str(tiny_model), prediction="v_prediction"))
    words = plain.embed(["a hat"])
    abar = plain.schedule.abar[500]
    wanted = abar.sqrt() * plain.predict_noise(x, 500, words) + (1 - abar).sqrt() * x
    assert torch.allclose(turned.predict_noise(x, 500, words), wanted, atol=1e-5)


def header(
    folder: Path,
    width: int,
    channels: int = 4,
    parts: tuple[str, ...] = ("model.diffusion_model.", "first_stage_model.", "cond_stage_model."),
) -> Path:
    """A file that looks like a model and has hardly any weights."""
    tensors = {f"{part}x": torch.zeros(1) for part in parts}
    if "model.diffusion_model." in parts:
        tensors["model.diffusion_model.input_blocks.0.0.weight"] = torch.zeros(2, channels, 3, 3)
        name = "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"
        tensors[name] = torch.zeros(2, width)
    path = folder / "file.safetensors"
    save_file(tensors, path)
    return path
