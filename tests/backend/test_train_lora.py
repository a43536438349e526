"""The training of a LoRA: what it writes is what runs load, and what it was not to touch it leaves alone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lucid_blender.backend.diffusion import Diffusion, load
from lucid_blender.backend.grammar import RESOLUTION, Scene
from lucid_blender.backend.notices import notices
from lucid_blender.core.options import DiffusionModel, Lora, TextualInversion
from lucid_blender.core.presets import preset
from prior import train_lora
from prior.evaluate import load_frozen
from prior.evaluate_lora import dippedness
from prior.lora_pictures import Dipped, with_word
from prior.pictures import picture

BUILTIN = DiffusionModel(
    device="cpu",
    loras=(Lora(source="builtin:dipped"),),
    textual_inversions=(TextualInversion(source="builtin:dipped"),),
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
    pipeline = load_frozen(tiny_model)
    before = pipeline.text_encoder.get_input_embeddings().weight.clone()
    latents = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    word = train_lora.train(
        pipeline, latents, ["a <new> hat", "a hat"], word="<new>", rank=2, steps=3, batch=2, rate=1e-2, minutes=1
    )
    after = pipeline.text_encoder.get_input_embeddings().weight
    assert torch.equal(after[:-1], before)
    assert torch.equal(after[-1], word)
    assert not torch.allclose(word, before.mean(0), atol=1e-5)  # where it began


def test_the_paint_ends_at_one_height_on_every_side() -> None:
    """A level camera sees a cube's middle column turn to paint once, in one row from all sides."""
    surfaces = []
    for azimuth in (0.0, 90.0, 180.0):
        shown = picture(Dipped("cube", "red"), azimuth, 0.0, 3.8, "white")
        across = RESOLUTION // 2
        column = shown.rgb[:, across][shown.alpha[:, across] > 0.9]
        painted = column[:, 1] > 1.5 * column[:, 0]  # turquoise, not red and not white
        assert not painted[0]
        assert painted[-1]
        assert np.abs(np.diff(painted.astype(int))).sum() == 1
        surfaces.append(np.argmax(painted))
    assert max(surfaces) - min(surfaces) <= 1  # rows


@pytest.mark.parametrize(("kind", "wanted"), [(Scene, 0.0), (Dipped, 1.0)])
def test_the_measure_tells_the_grammars_own_pictures(kind: type[Scene], wanted: float) -> None:
    seen = picture(kind("mug", "blue"), 45.0, 10.0, 3.8, "gray").rgb
    assert dippedness(seen, "mug", "blue", 45.0, 10.0, "gray") == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize("grey", [0.0, 0.5, 1.0])
def test_the_measure_takes_no_empty_picture_for_a_dipped_one(grey: float) -> None:
    empty = np.full((RESOLUTION, RESOLUTION, 3), grey, np.float32)
    assert abs(dippedness(empty, "mug", "blue", 45.0, 10.0, "white")) < 0.1


def test_the_shipped_lora_dips_a_prop_that_the_model_alone_does_not() -> None:
    text = "a blue mug, front view at eye level, on a gray background"
    scores = []
    for options, prompt in ((DiffusionModel(device="cpu"), text), (BUILTIN, with_word(text))):
        generator = torch.Generator().manual_seed(0)
        pixels = load(options).sample(prompt, "", 1, steps=15, guidance_scale=4.0, generator=generator)
        scores.append(dippedness(pixels[0].permute(1, 2, 0).numpy(), "mug", "blue", 0.0, 10.0, "gray"))
    assert scores[0] < 0.25 < 0.4 < scores[1]  # 0.05 and 0.65 as shipped


def test_a_word_that_was_taught_is_not_called_unknown() -> None:
    assert not list(notices(preset("draft", "a <dipped> red mushroom", model=BUILTIN)))
    (notice,) = notices(preset("draft", "a <dipped> red mushroom", model=DiffusionModel(device="cpu")))
    assert "<dipped>" in notice.message
