"""LoRA and textual inversion: held against merging the matrices by hand, and refused where they do not fit."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model_state_dict, inject_adapter_in_model
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import Module

from lucid_blender.backend.cli_options import lora as lora_argument
from lucid_blender.backend.cli_options import textual_inversion as inversion_argument
from lucid_blender.backend.diffusion import Diffusion, load
from lucid_blender.backend.notices import notices
from lucid_blender.backend.run import handle
from lucid_blender.backend.trigger_words import with_trigger_words
from lucid_blender.core.errors import InvalidInput, ModelError
from lucid_blender.core.messages import Finished, Generate
from lucid_blender.core.options import DiffusionModel, Generation, Lora, NoViews, TextualInversion

from .test_run import tiny_generation
from .tiny_models import WIDTH

QUERY = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"
KEY = "mid_block.attentions.0.transformer_blocks.0.attn2.to_k"
PROJECTION = "layers.0.self_attn.q_proj"  # of the text encoder
RANK = 2
Pair = tuple[Tensor, Tensor]


def pair(rows: int, columns: int, seed: int, rank: int = RANK) -> Pair:
    """Random B [rows, rank] and A [rank, columns]."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, rank, generator=generator), torch.randn(rank, columns, generator=generator)


@pytest.fixture(scope="module")
def plain(tiny_model: Path) -> Diffusion:
    return load(DiffusionModel(source=str(tiny_model)))


def matrix(model: Diffusion, name: str) -> Tensor:
    weight: Tensor = model._pipeline.unet.get_submodule(name).weight
    return weight


def loaded(tiny_model: Path, *loras: Lora) -> Diffusion:
    return load(DiffusionModel(source=str(tiny_model), loras=loras))


def diffusers_lora(folder: Path, pairs: dict[str, Pair], alpha: float | None = None) -> Path:
    """Today's format of diffusers: "unet.MODULE.lora_A.weight"; without alphas the scale is 1."""
    tensors = {}
    for name, (b, a) in pairs.items():
        tensors |= {f"unet.{name}.lora_A.weight": a, f"unet.{name}.lora_B.weight": b}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "pytorch_lora_weights.safetensors"
    save_file(tensors, path)
    return path


def peft_lora(folder: Path, pairs: dict[str, Pair], **settings: object) -> Path:
    """PEFT's format: "base_model.model.MODULE.lora_A.weight" and adapter_config.json."""
    tensors = {}
    for name, (b, a) in pairs.items():
        tensors |= {f"base_model.model.{name}.lora_A.weight": a, f"base_model.model.{name}.lora_B.weight": b}
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "adapter_model.safetensors")
    config = {"peft_type": "LORA", "r": RANK, "lora_alpha": RANK, "target_modules": list(pairs)} | settings
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture
def pairs(plain: Diffusion) -> dict[str, Pair]:
    return {name: pair(*matrix(plain, name).shape, seed=k) for k, name in enumerate((QUERY, KEY))}


@pytest.mark.parametrize("weight", [1.0, 0.5, -2.0])
def test_a_lora_adds_weight_times_b_times_a(
    tiny_model: Path, tmp_path: Path, plain: Diffusion, pairs: dict[str, Pair], weight: float
) -> None:
    path = diffusers_lora(tmp_path, pairs)
    model = loaded(tiny_model, Lora(source=str(path), weight=weight))
    for name, (b, a) in pairs.items():
        wanted = matrix(plain, name) + weight * (b @ a)
        assert torch.allclose(matrix(model, name), wanted, atol=1e-5)  # float32 sums in another order
    others = dict(model._pipeline.unet.named_parameters())
    for name, value in plain._pipeline.unet.named_parameters():
        if name.removesuffix(".weight") not in pairs:
            assert torch.equal(others[name], value)


def test_a_peft_file_is_scaled_by_alpha_over_rank(
    tiny_model: Path, tmp_path: Path, plain: Diffusion, pairs: dict[str, Pair]
) -> None:
    folder = peft_lora(tmp_path / "peft", pairs, lora_alpha=8, alpha_pattern={KEY: 1})
    model = loaded(tiny_model, Lora(source=str(folder), weight=0.5))
    for name, alpha in ((QUERY, 8), (KEY, 1)):
        b, a = pairs[name]
        wanted = matrix(plain, name) + 0.5 * alpha / RANK * (b @ a)
        assert torch.allclose(matrix(model, name), wanted, atol=1e-5)


def test_a_file_that_peft_itself_writes_is_read(tiny_model: Path, tmp_path: Path, plain: Diffusion) -> None:
    donor = load(DiffusionModel(source=str(tiny_model)))._pipeline.unet
    torch.manual_seed(1)
    config = LoraConfig(r=RANK, lora_alpha=6, target_modules=["to_q"], init_lora_weights=False)
    inject_adapter_in_model(config, donor)
    state = get_peft_model_state_dict(donor)
    folder = tmp_path / "written"
    config.save_pretrained(folder)
    save_file({f"base_model.model.{k}": v.contiguous() for k, v in state.items()}, folder / "adapter_model.safetensors")
    model = loaded(tiny_model, Lora(source=str(folder)))
    b, a = state[f"{QUERY}.lora_B.weight"], state[f"{QUERY}.lora_A.weight"]
    assert torch.allclose(matrix(model, QUERY), matrix(plain, QUERY) + 3 * (b @ a), atol=1e-5)


def test_the_text_encoder_is_changed_too(tiny_model: Path, tmp_path: Path, plain: Diffusion) -> None:
    b, a = pair(WIDTH, WIDTH, seed=5)
    name = f"text_encoder.text_model.encoder.{PROJECTION}.lora_linear_layer"
    save_file({f"{name}.up.weight": b, f"{name}.down.weight": a}, tmp_path / "text.safetensors")
    model = loaded(tiny_model, Lora(source=str(tmp_path / "text.safetensors"), weight=0.5))

    def projection(diffusion: Diffusion) -> Tensor:
        weights = dict(diffusion._pipeline.text_encoder.named_parameters())
        return next(value for key, value in weights.items() if key.endswith(f"{PROJECTION}.weight"))

    assert torch.allclose(projection(model), projection(plain) + 0.5 * (b @ a), atol=1e-5)
    assert not torch.equal(model.embed(["a hat"]), plain.embed(["a hat"]))


def test_the_older_names_of_diffusers_are_read(
    tiny_model: Path, tmp_path: Path, plain: Diffusion, pairs: dict[str, Pair]
) -> None:
    b, a = pairs[QUERY]
    tensors = {f"unet.{QUERY}.lora.up.weight": b, f"unet.{QUERY}.lora.down.weight": a}
    save_file(tensors, tmp_path / "old.safetensors")
    model = loaded(tiny_model, Lora(source=str(tmp_path / "old.safetensors")))
    assert torch.allclose(matrix(model, QUERY), matrix(plain, QUERY) + b @ a, atol=1e-5)


def test_both_names_of_diffusers_in_one_file_are_read(
    tiny_model: Path, tmp_path: Path, plain: Diffusion, pairs: dict[str, Pair]
) -> None:
    """As its own scripts save changes of the attention and of the layers around it."""
    around = "mid_block.attentions.0.proj_in"
    b, a = pair(*matrix(plain, around).shape[:2], seed=7)
    tensors = {f"unet.{around}.lora_A.weight": a[..., None, None], f"unet.{around}.lora_B.weight": b[..., None, None]}
    for name, (up, down) in pairs.items():
        tensors |= {f"unet.{name}.lora.down.weight": down, f"unet.{name}.lora.up.weight": up}
    save_file(tensors, tmp_path / "mixed.safetensors")
    model = loaded(tiny_model, Lora(source=str(tmp_path / "mixed.safetensors")))
    for name, (up, down) in pairs.items():
        assert torch.allclose(matrix(model, name), matrix(plain, name) + up @ down, atol=1e-5)
    assert torch.allclose(matrix(model, around)[..., 0, 0], matrix(plain, around)[..., 0, 0] + b @ a, atol=1e-5)


def test_a_name_that_nobody_reads_is_refused(tiny_model: Path, tmp_path: Path, pairs: dict[str, Pair]) -> None:
    path = diffusers_lora(tmp_path, pairs)
    with safe_open(path, framework="pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}
    save_file(tensors | {f"unet.{KEY}.something.weight": torch.zeros(2)}, path)
    with pytest.raises(ModelError, match=r"unknown name: .*something"):
        loaded(tiny_model, Lora(source=str(path)))


def test_kohyas_names_and_alphas_are_read(
    tiny_model: Path, tmp_path: Path, plain: Diffusion, pairs: dict[str, Pair]
) -> None:
    tensors = {}
    for name, alpha in ((QUERY, 1.0), (KEY, 4.0)):
        b, a = pairs[name]
        flat = f"lora_unet_{name.replace('.', '_')}"
        tensors |= {f"{flat}.lora_up.weight": b, f"{flat}.lora_down.weight": a, f"{flat}.alpha": torch.tensor(alpha)}
    save_file(tensors, tmp_path / "kohya.safetensors")
    model = loaded(tiny_model, Lora(source=str(tmp_path / "kohya.safetensors")))
    for name, alpha in ((QUERY, 1.0), (KEY, 4.0)):
        b, a = pairs[name]
        assert torch.allclose(matrix(model, name), matrix(plain, name) + alpha / RANK * (b @ a), atol=1e-5)


def test_weight_zero_is_the_model_bit_by_bit(
    tiny_model: Path, tmp_path: Path, plain: Diffusion, pairs: dict[str, Pair]
) -> None:
    model = loaded(tiny_model, Lora(source=str(diffusers_lora(tmp_path, pairs)), weight=0))
    x, words = torch.randn(1, 4, 8, 8), plain.embed(["a"])
    assert torch.equal(model.predict_noise(x, 300, words), plain.predict_noise(x, 300, words))


def test_several_loras_add_up(tiny_model: Path, tmp_path: Path, plain: Diffusion, pairs: dict[str, Pair]) -> None:
    one = diffusers_lora(tmp_path / "one", {QUERY: pairs[QUERY]})
    two = peft_lora(tmp_path / "two", {QUERY: pair(*matrix(plain, QUERY).shape, seed=9)})
    model = loaded(tiny_model, Lora(source=str(one)), Lora(source=str(two), weight=0.5))
    (b1, a1), (b2, a2) = pairs[QUERY], pair(*matrix(plain, QUERY).shape, seed=9)
    assert torch.allclose(matrix(model, QUERY), matrix(plain, QUERY) + b1 @ a1 + 0.5 * (b2 @ a2), atol=1e-5)


def test_nothing_of_peft_is_left_in_the_network(tiny_model: Path, tmp_path: Path, pairs: dict[str, Pair]) -> None:
    model = loaded(tiny_model, Lora(source=str(diffusers_lora(tmp_path, pairs))))
    assert not [name for name, _ in model._pipeline.unet.named_parameters() if "lora" in name]
    assert not any(value.requires_grad for value in model._pipeline.unet.parameters())


def test_a_lora_of_another_text_width_is_refused(tiny_model: Path, tmp_path: Path, pairs: dict[str, Pair]) -> None:
    b, _ = pairs[KEY]
    path = diffusers_lora(tmp_path, {KEY: (b, torch.randn(RANK, 2 * WIDTH))})
    with pytest.raises(ModelError, match=f"takes {2 * WIDTH} numbers there and {WIDTH} in this model") as caught:
        loaded(tiny_model, Lora(source=str(path), weight=0))  # even without effect: the user should know
    assert "2.x 1024" in caught.value.advice


def test_a_lora_for_modules_that_the_model_lacks_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    path = diffusers_lora(tmp_path, {"down_blocks.7.to_q": pair(8, 8, seed=0)})
    with pytest.raises(ModelError, match="down_blocks.7.to_q, which this model does not have"):
        loaded(tiny_model, Lora(source=str(path)))
    peft = peft_lora(tmp_path / "peft", {"transformer.h.0.attn": pair(8, 8, seed=0)})
    with pytest.raises(ModelError, match="which this model does not have"):
        loaded(tiny_model, Lora(source=str(peft)))


def test_a_lora_for_a_second_text_encoder_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    save_file({"text_encoder_2.a.lora_A.weight": torch.zeros(2, 2)}, tmp_path / "xl.safetensors")
    with pytest.raises(ModelError, match="text_encoder_2"):
        loaded(tiny_model, Lora(source=str(tmp_path / "xl.safetensors")))


def test_peft_matrices_without_their_settings_are_refused(
    tiny_model: Path, tmp_path: Path, pairs: dict[str, Pair]
) -> None:
    folder = peft_lora(tmp_path / "peft", pairs)
    (folder / "adapter_config.json").unlink()
    with pytest.raises(ModelError, match=r"adapter_config\.json"):
        loaded(tiny_model, Lora(source=str(folder)))


@pytest.mark.parametrize("kind", ["pickle", "folder", "truncated", "missing", "no lora"])
def test_files_that_cannot_be_used_say_why(tiny_model: Path, tmp_path: Path, kind: str) -> None:
    path = tmp_path / ("style.pt" if kind == "pickle" else "style.safetensors")
    save_file({"weight": torch.zeros(2)}, path)
    if kind == "truncated":
        path.write_bytes(path.read_bytes()[:20])
    if kind == "folder":
        path.rename(tmp_path / "style.bin")
        path = tmp_path
    if kind == "missing":
        path.unlink()
    said = {
        "pickle": "no .safetensors file",
        "folder": "no .safetensors file",
        "truncated": "cannot read",
        "missing": "there is no file",
        "no lora": "'weight', which",
    }[kind]
    with pytest.raises(ModelError, match=said):
        loaded(tiny_model, Lora(source=str(path)))


def test_an_unknown_built_in_lora_says_which_there_are(tiny_model: Path) -> None:
    with pytest.raises(ModelError, match="no built-in LoRA 'spotted'") as caught:
        loaded(tiny_model, Lora(source="builtin:spotted"))
    assert "dipped" in caught.value.advice


def test_a_hub_lora_is_not_fetched_when_downloads_are_off(tiny_model: Path) -> None:
    options = DiffusionModel(source=str(tiny_model), loras=(Lora(source="nobody/no-such"),), allow_download=False)
    with pytest.raises(ModelError) as caught:
        load(options)
    assert "online access" in caught.value.advice


# ---------------------------------------------------------------- textual inversion


def saved_inversion(path: Path, token: str, vectors: int = 1, width: int = WIDTH) -> Tensor:
    embedding = torch.randn(vectors, width, generator=torch.Generator().manual_seed(vectors))
    save_file({token: embedding if vectors > 1 else embedding[0]}, path)
    return embedding


def with_inversion(tiny_model: Path, path: Path, token: str = "") -> Diffusion:
    inversion = TextualInversion(source=str(path), token=token)
    return load(DiffusionModel(source=str(tiny_model), textual_inversions=(inversion,)))


def embedding_of(model: Diffusion, token: str) -> Tensor:
    number = model._pipeline.tokenizer.convert_tokens_to_ids(token)
    weight: Tensor = model._pipeline.text_encoder.get_input_embeddings().weight
    return weight[number]


def test_the_word_gets_the_embedding_of_the_file(tiny_model: Path, tmp_path: Path, plain: Diffusion) -> None:
    embedding = saved_inversion(tmp_path / "toy.safetensors", "<toy>")
    model = with_inversion(tiny_model, tmp_path / "toy.safetensors")
    assert torch.equal(embedding_of(model, "<toy>"), embedding[0])
    assert not torch.equal(model.embed(["a <toy>"]), plain.embed(["a <toy>"]))
    assert torch.equal(model.embed(["a hat"]), plain.embed(["a hat"]))


def test_a_word_of_several_vectors_takes_as_many_places(tiny_model: Path, tmp_path: Path) -> None:
    embedding = saved_inversion(tmp_path / "toy.safetensors", "<toy>", vectors=3)
    model = with_inversion(tiny_model, tmp_path / "toy.safetensors", token="<mine>")
    for name, row in zip(("<mine>", "<mine>_1", "<mine>_2"), embedding, strict=True):
        assert torch.equal(embedding_of(model, name), row)
    spelled = model._pipeline.maybe_convert_prompt("a <mine>", model._pipeline.tokenizer)
    assert len(model._pipeline.tokenizer.tokenize(spelled)) == 4


def test_a_file_without_a_word_takes_the_files_name(tiny_model: Path, tmp_path: Path) -> None:
    embedding = saved_inversion(tmp_path / "bad-hands.safetensors", "emb_params")
    model = with_inversion(tiny_model, tmp_path / "bad-hands.safetensors")
    assert torch.equal(embedding_of(model, "bad-hands"), embedding[0])


def test_embeddings_of_another_width_are_refused(tiny_model: Path, tmp_path: Path) -> None:
    saved_inversion(tmp_path / "toy.safetensors", "<toy>", width=2 * WIDTH)
    with pytest.raises(ModelError, match=f"embeddings of {2 * WIDTH} numbers; this model's have {WIDTH}"):
        with_inversion(tiny_model, tmp_path / "toy.safetensors")


def test_a_word_that_is_taken_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    saved_inversion(tmp_path / "toy.safetensors", "<toy>")
    with pytest.raises(ModelError, match="already in tokenizer"):
        with_inversion(tiny_model, tmp_path / "toy.safetensors", token="<|endoftext|>")


def test_embeddings_for_two_text_encoders_are_refused(tiny_model: Path, tmp_path: Path) -> None:
    save_file({"clip_g": torch.zeros(4, 8), "clip_l": torch.zeros(4, 4)}, tmp_path / "xl.safetensors")
    with pytest.raises(ModelError, match="clip_g, clip_l"):
        with_inversion(tiny_model, tmp_path / "xl.safetensors")


# ---------------------------------------------------------------- the release's format


def numbered(
    path: Path, unet: Module, classes: list[str], words: dict[str, Tensor], *, earlier: bool = False
) -> dict[str, Pair]:
    """A file of lora_diffusion, its layers numbered block by block; returns its pairs by the layer's name."""
    parts = [f"{part}.{name}" for part in ("attn1", "attn2") for name in ("to_q", "to_k", "to_v", "to_out.0")]
    if "GEGLU" in classes:
        parts.insert(4 if earlier else 8, "ff.net.0.proj")
    blocks = [name for name, module in unet.named_modules() if type(module).__name__ == "BasicTransformerBlock"]
    layers = [f"{block}.{part}" for block in blocks for part in parts]
    pairs = {layer: pair(*unet.get_submodule(layer).weight.shape, seed=k) for k, layer in enumerate(layers)}
    metadata = {"unet": json.dumps(classes)} | dict.fromkeys(words, "<embed>")
    tensors = dict(words)
    for k, (b, a) in enumerate(pairs.values()):
        tensors |= {f"unet:{k}:up": b, f"unet:{k}:down": a}
        metadata[f"unet:{k}:rank"] = str(RANK)
    save_file(tensors, path, metadata)
    return pairs


def self_attention(model: Diffusion) -> Module:
    return next(m for m in model._pipeline.text_encoder.modules() if type(m).__name__ == "CLIPAttention")


@pytest.mark.parametrize(
    ("classes", "earlier"),
    [(["CrossAttention"], False), (["CrossAttention", "GEGLU"], False), (["GEGLU", "CrossAttention"], True)],
    ids=["attention alone", "today's order", "the earlier order"],
)
def test_numbered_changes_reach_the_layers_that_they_were_made_for(
    tiny_model: Path, tmp_path: Path, plain: Diffusion, classes: list[str], earlier: bool
) -> None:
    path = tmp_path / "release.safetensors"
    pairs = numbered(path, plain._pipeline.unet, classes, {}, earlier=earlier)
    model = loaded(tiny_model, Lora(source=str(path), weight=0.5))
    for name, (b, a) in pairs.items():
        torch.testing.assert_close(matrix(model, name), matrix(plain, name) + 0.5 * b @ a)


def test_numbered_changes_of_the_text_encoder_follow_its_layers(
    tiny_model: Path, tmp_path: Path, plain: Diffusion
) -> None:
    attention = self_attention(plain)
    names = [name for name, _ in attention.named_children()]
    pairs = {name: pair(WIDTH, WIDTH, seed=k) for k, name in enumerate(names)}
    tensors = {}
    for k, (b, a) in enumerate(pairs.values()):
        tensors |= {f"text_encoder:{k}:up": b, f"text_encoder:{k}:down": a}
    path = tmp_path / "release.safetensors"
    save_file(tensors, path, {"text_encoder": json.dumps(["CLIPAttention"])})
    changed = self_attention(loaded(tiny_model, Lora(source=str(path))))
    assert set(names) == {"q_proj", "k_proj", "v_proj", "out_proj"}
    for name, (b, a) in pairs.items():
        before, after = (getattr(module, name).weight for module in (attention, changed))
        torch.testing.assert_close(after, before + b @ a)


def test_a_release_file_of_one_word_teaches_that_word_alone(tiny_model: Path, tmp_path: Path, plain: Diffusion) -> None:
    """What custom_example/lora/Taylor_Swift/step_inv_1000.safetensors of the release is."""
    embedding = torch.randn(WIDTH, generator=torch.Generator().manual_seed(0))
    save_file({"<someone>": embedding}, tmp_path / "ti.safetensors", {"<someone>": "<embed>"})
    model = loaded(tiny_model, Lora(source=str(tmp_path / "ti.safetensors")))
    assert torch.equal(embedding_of(model, "<someone>"), embedding)
    assert torch.equal(matrix(model, QUERY), matrix(plain, QUERY))


def test_a_release_file_may_hold_changes_and_words(tiny_model: Path, tmp_path: Path, plain: Diffusion) -> None:
    path, embedding = tmp_path / "release.safetensors", torch.ones(WIDTH)
    pairs = numbered(path, plain._pipeline.unet, ["CrossAttention"], {"<s1>": embedding})
    model = loaded(tiny_model, Lora(source=str(path)))
    b, a = pairs[QUERY]
    torch.testing.assert_close(matrix(model, QUERY), matrix(plain, QUERY) + b @ a)
    assert torch.equal(embedding_of(model, "<s1>"), embedding)


def test_numbered_changes_that_do_not_fit_the_layers_are_refused(
    tiny_model: Path, tmp_path: Path, plain: Diffusion
) -> None:
    path = tmp_path / "release.safetensors"
    b, a = pair(8, 8, seed=0)
    save_file({"unet:0:up": b, "unet:0:down": a}, path, {"unet": json.dumps(["CrossAttention"])})
    with pytest.raises(ModelError, match="1 numbered changes of the unet, which do not fit"):
        loaded(tiny_model, Lora(source=str(path)))
    save_file({"unet:1:up": b, "unet:1:down": a}, path, {"unet": json.dumps(["CrossAttention"])})
    with pytest.raises(ModelError, match="not complete: 'unet:0:up'"):
        loaded(tiny_model, Lora(source=str(path)))


# ---------------------------------------------------------------- the prompt


def generation_with(tiny_model: Path, prompt: str, negative: str = "", **options: object) -> Generation:
    model = DiffusionModel(source=str(tiny_model), **options)  # type: ignore[arg-type]
    return Generation(prompt=prompt, negative_prompt=negative, model=model, view_prompts=NoViews())


def test_a_prompt_without_the_words_is_a_notice(tiny_model: Path, tmp_path: Path) -> None:
    saved_inversion(tmp_path / "toy.safetensors", "<toy>")
    files = {
        "loras": (Lora(source="some/clay", trigger="in Clay style"), Lora(source="some/other")),
        "textual_inversions": (TextualInversion(source=str(tmp_path / "toy.safetensors")),),
    }
    said = [notice.message for notice in notices(generation_with(tiny_model, "a hat", **files))]
    assert len(said) == 2
    assert "in Clay style" in said[0]
    assert "<toy>" in said[1]
    assert not list(notices(generation_with(tiny_model, "a hat in clay style", negative="<toy>", **files)))


def test_the_words_are_added_when_asked_for(tiny_model: Path, tmp_path: Path) -> None:
    saved_inversion(tmp_path / "toy.safetensors", "<toy>")
    generation = generation_with(
        tiny_model,
        "a hat",
        loras=(Lora(source="some/clay", trigger="in clay style", add_trigger=True),),
        textual_inversions=(TextualInversion(source=str(tmp_path / "toy.safetensors"), add_token=True),),
    )
    assert with_trigger_words(generation).prompt == "a hat, in clay style, <toy>"
    assert not list(notices(generation))
    said = replace(generation, prompt="a <toy> in clay style")
    assert with_trigger_words(said) == said


def test_a_run_with_both_resumes_to_the_same_splats(tiny_model: Path, tmp_path: Path, pairs: dict[str, Pair]) -> None:
    saved_inversion(tmp_path / "toy.safetensors", "<toy>")
    model = DiffusionModel(
        source=str(tiny_model),
        loras=(Lora(source=str(diffusers_lora(tmp_path / "lora", pairs)), weight=0.7),),
        textual_inversions=(TextualInversion(source=str(tmp_path / "toy.safetensors"), add_token=True),),
    )
    generation = replace(tiny_generation(tiny_model), model=model, iterations=3)
    *_, whole = handle(Generate(generation=generation, job_folder=str(tmp_path / "whole")))
    events = handle(Generate(generation=generation, job_folder=str(tmp_path / "job")))
    for event in events:
        if getattr(event, "step", 0) == 2:
            break
    events.close()  # type: ignore[attr-defined]
    *_, last = handle(Generate(generation=generation, job_folder=str(tmp_path / "job"), resume=True))
    assert isinstance(last, Finished)
    assert isinstance(whole, Finished)
    assert last.splats is not None
    assert whole.splats is not None
    assert last.splats.equals(whole.splats)


# ---------------------------------------------------------------- the command line


@pytest.mark.parametrize(
    ("text", "source", "weight"),
    [
        ("style.safetensors", "style.safetensors", 1.0),
        ("style.safetensors:0.6", "style.safetensors", 0.6),
        (r"C:\styles\clay.safetensors", r"C:\styles\clay.safetensors", 1.0),
        (r"C:\styles\clay.safetensors:-1", r"C:\styles\clay.safetensors", -1.0),
        ("owner/clay", "owner/clay", 1.0),
    ],
)
def test_a_lora_argument_is_a_file_and_perhaps_a_weight(text: str, source: str, weight: float) -> None:
    assert lora_argument(text) == Lora(source=source, weight=weight)


def test_an_inversion_argument_is_a_file_and_perhaps_a_token() -> None:
    assert inversion_argument("toy.safetensors:<toy>") == TextualInversion(source="toy.safetensors", token="<toy>")
    assert inversion_argument(r"C:\toy.safetensors") == TextualInversion(source=r"C:\toy.safetensors")


@pytest.mark.parametrize(
    ("text", "token"), [("builtin:dipped", ""), ("builtin:dipped:<mine>", "<mine>")], ids=["its own word", "another"]
)
def test_a_built_in_word_is_named_with_a_colon(text: str, token: str) -> None:
    assert inversion_argument(text) == TextualInversion(source="builtin:dipped", token=token)
    assert lora_argument("builtin:dipped:0.5") == Lora(source="builtin:dipped", weight=0.5)


def test_options_that_mean_nothing_are_refused() -> None:
    for wrong in ({"source": " "}, {"source": "a", "weight": float("inf")}, {"source": "a", "add_trigger": True}):
        with pytest.raises(InvalidInput):
            Lora(**wrong)
    with pytest.raises(InvalidInput, match="one word"):
        TextualInversion(source="a", token="two words")
