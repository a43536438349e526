"""The shipped weights: they load as Stable Diffusion does, know the grammar's words and have learnt something."""

import json
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from torch import Tensor
from transformers import CLIPTextModel, CLIPTokenizer

from lucid_blender.backend.grammar import (
    ACCENTS,
    AZIMUTH_PHRASES,
    BACKGROUNDS,
    CLASSES,
    COLORS,
    FOV_Y,
    HELD_OUT,
    HELD_OUT_MATERIALS,
    MATERIALS,
    RESOLUTION,
    SETTINGS,
    SIZES,
    Description,
    Scene,
    caption,
    focal_length,
    known_words,
    look_at,
    render,
    view_phrase,
)
from lucid_blender.backend.grammar.classifier import WEIGHTS, classify, load_classifier
from lucid_blender.backend.grammar.vocabulary import SYNONYMS

MODELS = Path(__file__).parents[2] / "lucid_blender" / "backend" / "models"
BUILTIN = MODELS / "builtin"


@pytest.fixture(scope="module")
def tokenizer() -> CLIPTokenizer:
    return CLIPTokenizer.from_pretrained(BUILTIN, subfolder="tokenizer")


@pytest.fixture(scope="module")
def vae() -> AutoencoderKL:
    return AutoencoderKL.from_pretrained(BUILTIN, subfolder="vae").float().eval()


@pytest.fixture(scope="module")
def scenes() -> Tensor:
    """Every class once, in different colours on different backgrounds: [50, 3, 128, 128], 0..1."""
    focal, half = focal_length(FOV_Y, RESOLUTION), RESOLUTION / 2
    pictures = []
    for i, name in enumerate(CLASSES):
        scene, view = Scene(name, color_of(i), material=material_of(i)), look_at(40, 20, 3.8)
        rgb = render(scene, view, focal, focal, half, half, RESOLUTION, RESOLUTION, BACKGROUNDS[background_of(i)]).rgb
        pictures.append(torch.from_numpy(rgb).permute(2, 0, 1))
    return torch.stack(pictures)


def color_of(i: int) -> str:
    return list(COLORS)[(3 * i) % len(COLORS)]


def material_of(i: int) -> str | None:
    return (None, *MATERIALS)[i % (len(MATERIALS) + 1)]


def background_of(i: int) -> str:
    return list(BACKGROUNDS)[i % len(BACKGROUNDS)]


def test_the_whole_folder_stays_small_and_holds_safetensors_only() -> None:
    files = [file for file in MODELS.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in BUILTIN.rglob("*") if file.is_file()) < 24e6
    assert sum(file.stat().st_size for file in files) < 36e6  # with what stands beside it: what an artist downloads
    assert {file.suffix for file in files} <= {".safetensors", ".json", ".txt", ".md"}
    assert (MODELS / "classifier" / WEIGHTS).stat().st_size < 2e6


def test_the_layout_is_stable_diffusions() -> None:
    index = json.loads((BUILTIN / "model_index.json").read_text("utf-8"))
    assert index["_class_name"] == "StableDiffusionPipeline"
    assert index["vae"] == ["diffusers", "AutoencoderKL"]
    assert index["safety_checker"] == [None, None]
    scheduler = DDIMScheduler.from_pretrained(BUILTIN, subfolder="scheduler")
    assert scheduler.config.prediction_type == "epsilon"
    assert (scheduler.config.steps_offset, scheduler.config.clip_sample, scheduler.config.set_alpha_to_one) == (
        1,
        False,
        False,
    )


def test_lucid_json_says_what_the_grammar_says() -> None:
    facts = json.loads((BUILTIN / "lucid.json").read_text("utf-8"))
    assert facts["classes"] == list(CLASSES)
    assert facts["colors"] == list(COLORS)
    assert facts["backgrounds"] == {name: list(rgb) for name, rgb in BACKGROUNDS.items()}
    assert facts["accents"] == ACCENTS
    assert facts["materials"] == list(MATERIALS)
    assert facts["sizes"] == list(SIZES)
    assert facts["settings"] == list(SETTINGS)
    assert facts["synonyms"] == SYNONYMS
    assert facts["held_out"] == [list(pair) for pair in HELD_OUT]
    assert facts["held_out_materials"] == [list(pair) for pair in HELD_OUT_MATERIALS]
    assert facts["view_phrases"]["azimuth"] == list(AZIMUTH_PHRASES)
    assert facts["resolution"] == RESOLUTION


def test_every_known_word_is_one_token(tokenizer: CLIPTokenizer) -> None:
    for word in known_words():
        if word.isalpha():
            assert tokenizer.tokenize(word) == [word + "</w>"]


def test_the_plain_vocabulary_files_hold_the_same_tokenizer(tokenizer: CLIPTokenizer) -> None:
    folder = BUILTIN / "tokenizer"
    assert json.loads((folder / "vocab.json").read_text("utf-8")) == tokenizer.get_vocab()
    merges = (folder / "merges.txt").read_text("utf-8").splitlines()
    assert merges[0].startswith("#version")
    assert all(len(line.split(" ")) == 2 for line in merges[1:])


def test_the_longest_caption_fits(tokenizer: CLIPTokenizer) -> None:
    def tokens(text: str) -> int:
        return len(tokenizer(text).input_ids)

    longest = {kind: max(words, key=tokens) for kind, words in (("color", COLORS), ("size", SIZES))}
    name = max(CLASSES, key=lambda name: tokens(f"{name} with {ACCENTS[name]}"))
    prop = Description(
        name,
        longest["color"],
        longest["color"],
        max(MATERIALS, key=tokens),
        longest["size"],
        max(SETTINGS, key=tokens),
    )
    text = "a 3d model of " + caption(prop, max(BACKGROUNDS, key=tokens), view_phrase(45, 10))
    assert tokens(text) <= tokenizer.model_max_length


def test_the_encoder_is_linear_so_gradients_reach_the_picture_undistorted(vae: AutoencoderKL, scenes: Tensor) -> None:
    a, b = scenes[:4] * 2 - 1, scenes[4:8] * 2 - 1
    with torch.no_grad():
        one, other, middle = (vae.encode(x).latent_dist.mode() for x in (a, b, (a + b) / 2))
    assert torch.allclose(middle, (one + other) / 2, atol=0.02)  # of values up to 10; half-precision weights


def test_latents_have_about_unit_variance(vae: AutoencoderKL, scenes: Tensor) -> None:
    with torch.no_grad():
        posterior = vae.encode(scenes * 2 - 1).latent_dist
    assert 0.8 < float(posterior.mode().std()) * vae.config.scaling_factor < 1.3
    assert float(posterior.std.max()) < 0.02  # sampling it changes nothing that can be seen


def test_the_autoencoder_keeps_every_class(vae: AutoencoderKL, scenes: Tensor) -> None:
    x = scenes * 2 - 1
    with torch.no_grad():
        out = vae.decode(vae.encode(x).latent_dist.mode()).sample.clamp(-1, 1)
    psnr = -10 * torch.log10(((out - x) / 2).square().mean((1, 2, 3)))
    assert float(psnr.mean()) > 29
    assert float(psnr.min()) > 23  # stripes and dots, whose edges are everywhere


def test_the_classifier_names_the_grammars_own_pictures(scenes: Tensor) -> None:
    verdicts = classify(load_classifier(), scenes)
    count = len(CLASSES)
    assert sum(verdict.class_name == name for verdict, name in zip(verdicts, CLASSES, strict=True)) >= 0.95 * count
    assert sum(verdict.color == color_of(i) for i, verdict in enumerate(verdicts)) >= 0.95 * count
    assert sum(verdict.material == material_of(i) for i, verdict in enumerate(verdicts)) >= 0.75 * count
    larger = torch.nn.functional.interpolate(scenes, scale_factor=2)
    assert [v.class_name for v in classify(load_classifier(), larger)] == [v.class_name for v in verdicts]


def test_the_right_caption_denoises_better_than_another_class_or_color(
    tokenizer: CLIPTokenizer, vae: AutoencoderKL, scenes: Tensor
) -> None:
    unet = UNet2DConditionModel.from_pretrained(BUILTIN, subfolder="unet").float().eval()
    text_encoder = CLIPTextModel.from_pretrained(BUILTIN, subfolder="text_encoder").float().eval()
    alpha = DDIMScheduler.from_pretrained(BUILTIN, subfolder="scheduler").alphas_cumprod[600]
    n = len(CLASSES)

    def captions(class_shift: int, color_shift: int) -> list[str]:
        view = view_phrase(40, 20)
        return [
            caption(
                Description(CLASSES[(i + class_shift) % n], color_of(i + color_shift), material=material_of(i)),
                background_of(i),
                view,
            )
            for i in range(n)
        ]

    def error(texts: list[str]) -> Tensor:
        tokens = tokenizer(
            texts, padding="max_length", max_length=tokenizer.model_max_length, truncation=True, return_tensors="pt"
        ).input_ids
        words = text_encoder(input_ids=tokens).last_hidden_state
        return (unet(noisy, 600, encoder_hidden_states=words).sample - noise).square().mean((1, 2, 3))

    with torch.no_grad():
        latents = vae.encode(scenes * 2 - 1).latent_dist.mode() * vae.config.scaling_factor
        noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(3))
        noisy = alpha.sqrt() * latents + (1 - alpha).sqrt() * noise
        right, other_class, other_color = error(captions(0, 0)), error(captions(7, 0)), error(captions(0, 1))
    assert int((right < other_class).sum()) >= 0.8 * n
    assert int((right < other_color).sum()) >= 0.8 * n
