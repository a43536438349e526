"""The training of a LoRA: what it writes is what runs load, and what it was not to touch it leaves alone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lucid_blender.backend.diffusion import Diffusion, load
from lucid_blender.backend.grammar import CLASSES, FOV_Y, RESOLUTION, Scene, focal_length, look_at
from lucid_blender.backend.grammar.scene import trace_scene
from lucid_blender.backend.notices import notices
from lucid_blender.core.options import DiffusionModel, Lora, TextualInversion
from lucid_blender.core.presets import preset
from prior import train_lora
from prior.evaluate_lora import bandedness
from prior.lora_pictures import BAND_COLOR, Banded, picture, with_word

BUILTIN = DiffusionModel(
    device="cpu",
    loras=(Lora(source="builtin:banded"),),
    textual_inversions=(TextualInversion(source="builtin:banded"),),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four pictures of another size than the model's, two of them with the word."""
    lines = []
    for i in range(4):
        pixels = np.full((20, 20, 3), 60 * i, np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
        lines.append(json.dumps({"file_name": f"{i}.png", "text": "a <new> hat" if i % 2 else "a hat"}))
    (tmp_path / "metadata.jsonl").write_text("\n".join(lines))
    return tmp_path


def trained(tiny_model: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    arguments = f"--pictures {folder} --model {tiny_model} --word <new> --rank 2 --steps 3 --batch 2"
    monkeypatch.setattr("sys.argv", ["train_lora", *arguments.split(), "--folder", str(folder / "made")])
    train_lora.main()
    return folder / "made"


def with_files(tiny_model: Path, made: Path) -> Diffusion:
    word = TextualInversion(source=str(made / train_lora.INVERSION_FILE))
    return load(DiffusionModel(source=str(tiny_model), loras=(Lora(source=str(made)),), textual_inversions=(word,)))


def test_what_training_writes_is_what_runs_load(
    tiny_model: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = trained(tiny_model, folder, monkeypatch)
    before, after = load(DiffusionModel(source=str(tiny_model))), with_files(tiny_model, made)
    plain, changed = (dict(model._pipeline.unet.named_parameters()) for model in (before, after))
    moved = {name for name in plain if not torch.equal(plain[name], changed[name])}
    projections = {name for name in plain if name.removesuffix(".weight").endswith(tuple(train_lora.PROJECTIONS))}
    assert moved == {name for name in projections if name.endswith(".weight")}
    assert after._pipeline.tokenizer.tokenize("a <new> hat")[1] == "<new>"
    assert torch.equal(before.embed(["a hat"]), after.embed(["a hat"]))


def test_training_changes_the_new_word_alone(tiny_model: Path) -> None:
    """Were the others to move as well, the word would be made for a text encoder that nobody has."""
    pipeline = train_lora.load_frozen(tiny_model)
    before = pipeline.text_encoder.get_input_embeddings().weight.clone()
    latents = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    word = train_lora.train(
        pipeline, latents, ["a <new> hat", "a hat"], word="<new>", rank=2, steps=3, batch=2, rate=1e-2, minutes=1
    )
    after = pipeline.text_encoder.get_input_embeddings().weight
    assert torch.equal(after[:-1], before)
    assert torch.equal(after[-1], word)
    assert not torch.allclose(word, before.mean(0), atol=1e-5)  # where it began


def test_bands_are_at_the_same_heights_from_every_side() -> None:
    """Two opposite sides of a ball see the same rows of band and colour."""
    focal, half = focal_length(FOV_Y, RESOLUTION), RESOLUTION / 2
    sides = []
    for azimuth in (0.0, 180.0):
        view = look_at(azimuth, 0.0, 3.8)
        rgb, _, _ = trace_scene(Banded("ball", "blue"), view, focal, focal, half, half, RESOLUTION, RESOLUTION)
        middle = rgb[:, RESOLUTION // 2]
        sides.append(middle[:, 0] > 0.5 * BAND_COLOR[0] * middle.max())  # blue has hardly any red in it
    assert np.array_equal(*sides)
    assert np.abs(np.diff(sides[0].astype(int))).sum() >= 4


@pytest.mark.parametrize(("kind", "wanted"), [(Scene, 0.0), (Banded, 1.0)])
def test_the_measure_tells_the_grammars_own_pictures(kind: type[Scene], wanted: float) -> None:
    seen = picture(kind("mug", "blue"), 45.0, 10.0, 3.8, "gray")
    assert bandedness(seen, "mug", "blue", 45.0, 10.0, "gray") == pytest.approx(wanted, abs=1e-5)


def test_the_shipped_lora_bands_what_it_was_never_shown() -> None:
    """A class outside its training pictures; the ordinary model's sample of it is not banded."""
    name, text = CLASSES[0], f"a red {CLASSES[0]}, front view at eye level, on a gray background"
    scores = []
    for options, prompt in ((DiffusionModel(device="cpu"), text), (BUILTIN, with_word(text))):
        generator = torch.Generator().manual_seed(0)
        pixels = load(options).sample(prompt, "", 1, steps=15, guidance_scale=4.0, generator=generator)
        scores.append(bandedness(pixels[0].permute(1, 2, 0).numpy(), name, "red", 0.0, 10.0, "gray"))
    assert scores[1] > scores[0] + 0.15  # 0.53 and 0.28, for a mushroom's white spots are a little like bands


def test_a_word_that_was_taught_is_not_called_unknown() -> None:
    assert not list(notices(preset("draft", "a <banded> red mushroom", model=BUILTIN)))
    (notice,) = notices(preset("draft", "a <banded> red mushroom", model=DiffusionModel(device="cpu")))
    assert "<banded>" in notice.message
