"""A picture as what is optimised: from noise, from another picture, and on from a checkpoint."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as PilImage

from lucid_blender.backend.diffusion import load
from lucid_blender.backend.job import Job
from lucid_blender.backend.pictures import fitted, read_picture, save_png
from lucid_blender.backend.run import handle
from lucid_blender.core.errors import FormatError, InvalidInput
from lucid_blender.core.inputs import Inputs
from lucid_blender.core.messages import Finished, Generate, Progress, Snapshot
from lucid_blender.core.options import DiffusionModel, Generation, Image, InterpolatedViews, Ism, Meshing, Sds
from lucid_blender.core.pictures import Picture
from lucid_blender.core.presets import preset, with_representation

SIZE = 32  # what the tiny model takes


def generation(model: Path, options: Image | None = None, **changes: object) -> Generation:
    plain = preset("draft", "a hat", model=DiffusionModel(source=str(model)))
    plain = with_representation(replace(plain, resolution=SIZE, seed=3), "image")
    plain = replace(plain, iterations=6, objective=Sds(), snapshot_seconds=0, checkpoint_seconds=0)
    return replace(plain, representation=options or Image(), **changes)  # type: ignore[arg-type]


def gradient_picture(height: int = SIZE, width: int = SIZE) -> Picture:
    rows, columns = np.indices((height, width))
    values = [255 * rows / height, 255 * columns / width, np.full((height, width), 90)]
    return Picture(pixels=np.stack(values, -1).astype(np.uint8))


def finished(request: Generate) -> Finished:
    *_, last = handle(request)
    assert isinstance(last, Finished)
    return last


def image(folder: Path, name: str = "image.png") -> np.ndarray:
    return read_picture(folder / name).pixels


def test_the_optimised_latents_decode_to_the_picture(tiny_model: Path, tmp_path: Path) -> None:
    settings = generation(tiny_model)
    events = list(handle(Generate(generation=settings, job_folder=str(tmp_path / "job"))))
    last = events[-1]
    assert isinstance(last, Finished)
    assert last.splats is None and last.mesh is None and last.artefacts == ("image.png",)
    shots = [event for event in events if isinstance(event, Snapshot)]
    assert [shot.step for shot in shots] == [1, 2, 3, 4, 5, 6] and all(shot.splats is None for shot in shots)
    assert shots[-1].picture is not None and (shots[-1].picture.pixels == image(tmp_path / "job")).all()
    assert shots[0].picture is not None and (shots[0].picture.pixels != shots[-1].picture.pixels).any()
    checkpoint = Job.open(tmp_path / "job").load_checkpoint()
    assert checkpoint is not None
    latents = checkpoint[0]["values"]
    assert latents.shape == (1, 4, 8, 8)
    with torch.no_grad():
        decoded = load(settings.model).decode(latents)[0].permute(1, 2, 0)
    # Half a step of 8 bits.
    assert np.abs(image(tmp_path / "job") / 255 - decoded.clamp(0, 1).numpy()).max() <= 0.5 / 255 + 1e-6


def test_decoding_undoes_what_encoding_does_to_latents(tiny_model: Path) -> None:
    model = load(DiffusionModel(source=str(tiny_model)))
    vae = model._pipeline.vae
    raw = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        wanted = vae.decode(raw).sample
        found = model.decode(raw * vae.config.scaling_factor)
    assert torch.allclose(found, (wanted + 1) / 2, atol=1e-5)


@pytest.mark.parametrize("space", ["latents", "pixels"])
@pytest.mark.parametrize("objective", [Sds(), Ism()])
def test_a_picture_moves_and_the_seed_decides_where_to(
    tiny_model: Path, tmp_path: Path, space: str, objective: Sds | Ism
) -> None:
    settings = generation(tiny_model, Image(space=space), objective=objective)  # type: ignore[arg-type]
    for name, changed in (
        ("one", settings),
        ("same", settings),
        ("fewer", replace(settings, iterations=1)),
        ("other", replace(settings, seed=4)),
    ):
        finished(Generate(generation=changed, job_folder=str(tmp_path / name)))
    one = image(tmp_path / "one")
    assert (one == image(tmp_path / "same")).all()
    assert (one != image(tmp_path / "fewer")).any() and (one != image(tmp_path / "other")).any()


@pytest.mark.parametrize("options", [Image(), Image(space="pixels")])
@pytest.mark.parametrize("picture", [None, gradient_picture()])
def test_a_stopped_picture_goes_on_bit_by_bit(
    tiny_model: Path, tmp_path: Path, options: Image, picture: Picture | None
) -> None:
    settings = replace(generation(tiny_model, options), checkpoint_seconds=1000)
    finished(Generate(generation=settings, job_folder=str(tmp_path / "whole"), inputs=Inputs(image=picture)))
    events = handle(Generate(generation=settings, job_folder=str(tmp_path / "job"), inputs=Inputs(image=picture)))
    for event in events:
        if isinstance(event, Progress) and event.step == 4:
            break
    events.close()  # type: ignore[attr-defined]
    last = finished(Generate(generation=settings, job_folder=str(tmp_path / "job"), resume=True))
    ends = [Job.open(tmp_path / name).load_checkpoint() for name in ("whole", "job")]
    assert ends[0] is not None and ends[1] is not None
    assert torch.equal(ends[0][0]["values"], ends[1][0]["values"])
    for name in last.artefacts:
        assert (image(tmp_path / "whole", name) == image(tmp_path / "job", name)).all()


def test_editing_starts_from_the_picture_and_keeps_it(tiny_model: Path, tmp_path: Path) -> None:
    picture = gradient_picture(40, 64)
    options = Image(space="pixels", learning_rate=(1e-9, 1e-9))
    request = Generate(
        generation=generation(tiny_model, options), job_folder=str(tmp_path / "job"), inputs=Inputs(image=picture)
    )
    assert finished(request).artefacts == ("image.png", "before.png", "before-after.png")
    before, after, both = (image(tmp_path / "job", name) for name in request_names())
    assert (before == after).all()  # with a rate of nothing
    assert (
        both.shape == (SIZE, 2 * SIZE + 4, 3) and (both[:, :SIZE] == before).all() and (both[:, -SIZE:] == after).all()
    )
    assert np.abs(before / 255 - fitted(picture, SIZE)).max() <= 0.5 / 255 + 1e-6


def request_names() -> tuple[str, str, str]:
    return "before.png", "image.png", "before-after.png"


def test_editing_in_latents_starts_from_what_the_model_makes_of_the_picture(tiny_model: Path, tmp_path: Path) -> None:
    settings = generation(tiny_model, Image(learning_rate=(1e-9, 1e-9)))
    finished(Generate(generation=settings, job_folder=str(tmp_path / "job"), inputs=Inputs(image=gradient_picture())))
    checkpoint = Job.open(tmp_path / "job").load_checkpoint()
    assert checkpoint is not None
    model = load(settings.model)
    pixels = torch.from_numpy(fitted(gradient_picture(), SIZE)).permute(2, 0, 1)[None]
    with torch.no_grad():
        posterior = model._pipeline.vae.encode(2 * pixels - 1).latent_dist
    scale = model._pipeline.vae.config.scaling_factor
    distance = (checkpoint[0]["values"] / scale - posterior.mean).abs() / posterior.std
    assert distance.max() < 5  # a sample of the posterior: 256 normal numbers stay below 5 deviations


def test_pixels_stay_colours(tiny_model: Path, tmp_path: Path) -> None:
    settings = generation(tiny_model, Image(space="pixels", learning_rate=(0.9, 0.9)))
    finished(Generate(generation=settings, job_folder=str(tmp_path / "job")))
    checkpoint = Job.open(tmp_path / "job").load_checkpoint()
    assert checkpoint is not None
    values = checkpoint[0]["values"]
    assert values.min() == 0 and values.max() == 1


def test_what_an_image_does_not_have_is_refused_with_its_name(tiny_model: Path, tmp_path: Path) -> None:
    settings = generation(tiny_model)
    with pytest.raises(InvalidInput, match="view_prompts is InterpolatedViews"):
        replace(settings, view_prompts=InterpolatedViews())
    with pytest.raises(InvalidInput, match="disparity_share is 0.5"):
        replace(settings, regularisers=replace(settings.regularisers, disparity_share=0.5))
    with pytest.raises(InvalidInput, match="no surface"):
        replace(settings, mesh=Meshing())
    prop = preset("draft", "a hat", model=settings.model)
    for name in ("gaussians", "nerf"):
        request = Generate(
            generation=replace(with_representation(prop, name), iterations=1),
            job_folder=str(tmp_path / name),
            inputs=Inputs(image=gradient_picture()),
        )
        with pytest.raises(InvalidInput, match="cannot start from a picture"):
            list(handle(request))


# ---------------------------------------------------------------- picture files


def test_a_picture_file_is_read_with_what_is_transparent_on_white(tmp_path: Path) -> None:
    pixels = np.zeros((2, 3, 4), np.uint8)
    pixels[0, 0] = (200, 10, 30, 255)
    PilImage.fromarray(pixels, "RGBA").save(tmp_path / "a.png")
    found = read_picture(tmp_path / "a.png").pixels
    assert found[0, 0].tolist() == [200, 10, 30] and (found[1] == 255).all()


def test_a_file_that_is_no_picture_is_refused_with_advice(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    for name, said in (("a.png", "cannot be read as a picture"), ("b.png", "there is no picture")):
        with pytest.raises(FormatError, match=said) as caught:
            read_picture(tmp_path / name)
        assert caught.value.advice
    save_png(tmp_path / "cut.png", gradient_picture().pixels)
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:-60])
    with pytest.raises(FormatError, match="cannot be read"):
        read_picture(tmp_path / "cut.png")


def test_a_picture_is_fitted_by_its_middle_square() -> None:
    pixels = np.zeros((8, 24, 3), np.uint8)
    pixels[:, 8:16] = 255
    assert (fitted(Picture(pixels=pixels), 8) == 1).all()


@pytest.mark.parametrize("pixels", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)])
def test_a_picture_of_another_shape_or_type_is_refused(pixels: np.ndarray) -> None:
    with pytest.raises(InvalidInput, match="wanted uint8"):
        Picture(pixels=pixels)
