"""What a run wants of the hub, and which files each thing needs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lucid_blender.core.errors import ModelError
from lucid_blender.core.models import HubPlace
from lucid_blender.core.options import BUILTIN, Control, DiffusionModel, Lora, ShapE, TextualInversion
from lucid_blender.core.presets import preset
from lucid_blender.core.wanted import Part, Wanted, all_wanted, files_of, find_wanted, is_of_the_hub

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SHAP_E = (
    "model_index.json",
    "prior/config.json",
    "prior/diffusion_pytorch_model.safetensors",
    "scheduler/scheduler_config.json",
    "shap_e_renderer/config.json",
    "shap_e_renderer/diffusion_pytorch_model.bin",
    "text_encoder/config.json",
    "text_encoder/model.safetensors",
    "tokenizer/merges.txt",
    "tokenizer/vocab.json",
)


def files(part: Part, *names: str, source: str = "owner/name") -> tuple[str, ...]:
    return files_of(Wanted(source=source, part=part), names)


def test_a_lora_is_the_usual_file_or_the_only_one_or_the_named_one() -> None:
    usual = "pytorch_lora_weights.safetensors"
    assert files("lora", "a.safetensors", usual, "README.md") == (usual,)
    assert files("lora", "a.safetensors", "README.md", "sub/b.safetensors") == ("a.safetensors",)
    peft = ("adapter_model.safetensors", "adapter_config.json")
    assert files("lora", *peft) == peft
    named = "owner/name/sub/b.safetensors"
    assert files("lora", usual, "sub/b.safetensors", source=named) == ("sub/b.safetensors",)


@pytest.mark.parametrize("names", [(), ("pytorch_lora_weights.bin",), ("a.safetensors", "b.safetensors")])
def test_a_lora_that_is_not_plain_is_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(ModelError, match="owner/name holds"):
        files("lora", *names)


def test_a_controlnet_is_its_settings_and_weights_in_one_file_or_in_all_shards() -> None:
    whole = ("config.json", "diffusion_pytorch_model.safetensors")
    assert files("controlnet", *whole, "diffusion_pytorch_model.bin", "control.png") == whole
    index = "diffusion_pytorch_model.safetensors.index.json"
    shards = [f"diffusion_pytorch_model-0000{k}-of-00002.safetensors" for k in (1, 2)]
    assert files("controlnet", "config.json", index, *shards) == ("config.json", index, *shards)
    with pytest.raises(ModelError, match="safetensors"):
        files("controlnet", "config.json", index, shards[0])
    with pytest.raises(ModelError, match="no ControlNet"):
        files("controlnet", whole[1])


def test_shap_e_is_complete_with_pickles_only_where_there_is_nothing_else() -> None:
    more = ("README.md", "prior/diffusion_pytorch_model.bin", "shap_e_renderer/other.bin", "image_encoder/config.json")
    assert sorted(files("shap_e", *SHAP_E, *more)) == sorted(SHAP_E)
    for name in SHAP_E:
        if name.endswith(("config.json", ".bin", ".safetensors", "index.json")) and "scheduler" not in name:
            with pytest.raises(ModelError, match="Shap-E"):
                files("shap_e", *(other for other in SHAP_E if other != name))


@pytest.mark.parametrize(
    ("source", "part", "wanted"),
    [
        ("owner/name", "lora", True),
        ("owner/name/sub/file.safetensors", "lora", True),
        ("owner/file.safetensors", "lora", False),
        ("/nowhere/file.safetensors", "lora", False),
        ("builtin:dipped", "lora", False),
        ("file.safetensors", "lora", False),
        ("owner/name", "controlnet", True),
        ("owner/name/file.safetensors", "controlnet", False),
        ("builtin", "controlnet", False),
        ("", "lora", False),
    ],
)
def test_what_is_of_the_hub(source: str, part: Part, wanted: bool) -> None:
    assert is_of_the_hub(source, part) == wanted


def test_what_is_on_the_disk_is_not_of_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert is_of_the_hub("owner/name", "lora")
    (tmp_path / "owner" / "name").mkdir(parents=True)
    assert not is_of_the_hub("owner/name", "lora")


def test_a_run_wants_everything_once() -> None:
    model = DiffusionModel(
        source="a/model",
        revision="v2",
        loras=(Lora(source="a/lora"), Lora(source=" a/lora "), Lora(source="x.safetensors")),
        textual_inversions=(TextualInversion(source="a/word"),),
        allow_download=False,
    )
    controls = (Control(kind="depth", source="a/depth", revision="v3"), Control(kind="depth", source=BUILTIN))
    generation = replace(preset("draft", "a mug", model=model), controls=controls, initialiser=ShapE())
    assert [(w.part, w.source, w.revision) for w in all_wanted(generation)] == [
        ("model", "a/model", "v2"),
        ("textual_inversion", "a/word", ""),
        ("lora", "a/lora", ""),
        ("controlnet", "a/depth", "v3"),
        ("shap_e", "openai/shap-e", ""),
    ]
    assert not any(wanted.allow_download for wanted in all_wanted(generation))
    assert all_wanted(preset("draft", "a mug")) == ()


def test_the_cache_has_it_when_it_has_all_of_it(tmp_path: Path) -> None:
    wanted = Wanted(source="owner/name/sub/deep/b.safetensors", part="lora")
    assert wanted.places == (HubPlace("owner/name", "main"),)
    repository = tmp_path / "models--owner--name"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(COMMIT)
    snapshot = repository / "snapshots" / COMMIT
    (snapshot / "sub" / "deep").mkdir(parents=True)
    (snapshot / "sub" / "deep" / "a.safetensors").touch()
    assert find_wanted(wanted, tmp_path) is None
    (snapshot / "sub" / "deep" / "b.safetensors").touch()
    assert find_wanted(wanted, tmp_path) == snapshot
    assert find_wanted(replace(wanted, revision="v2"), tmp_path) is None
    assert find_wanted(Wanted(source="owner/name", part="lora"), tmp_path) is None
