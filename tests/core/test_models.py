"""Models on offer, what a source is, which files are needed, and the hub's cache read without its library."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lucid_blender.core.errors import ModelError
from lucid_blender.core.model_files import find_cached, is_complete, needed
from lucid_blender.core.models import KNOWN, HubPlace, in_words, kind_of, known, places_to_ask, places_to_find

SMALL = [
    "model_index.json",
    "scheduler/scheduler_config.json",
    "text_encoder/config.json",
    "tokenizer/merges.txt",
    "tokenizer/vocab.json",
    "unet/config.json",
    "vae/config.json",
]
WEIGHTS = [
    "text_encoder/model.safetensors",
    "unet/diffusion_pytorch_model.safetensors",
    "vae/diffusion_pytorch_model.safetensors",
]
SD21, SD15 = KNOWN
COMMIT = "a" * 40


def make(folder: Path, names: list[str]) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    return folder


def test_every_model_on_offer_is_pinned_and_has_checksums() -> None:
    for model in KNOWN:
        assert all(re.fullmatch(r"[0-9a-f]{40}", place.revision) for place in model.places)
        assert [name for name, _ in model.weights] == WEIGHTS
        assert all(re.fullmatch(r"[0-9a-f]{64}", sha256) for _, sha256 in model.weights)
        assert model.license_page.startswith("https://")
    assert len({id for model in KNOWN for id in model.ids}) == sum(len(model.ids) for model in KNOWN)


def test_a_withdrawn_id_stands_for_the_places_that_have_the_model_now() -> None:
    assert places_to_ask("stabilityai/stable-diffusion-2-1-base") == SD21.places
    assert places_to_ask("runwayml/stable-diffusion-v1-5", "fp16") == SD15.places
    assert known("someone/else") is None


def test_the_place_that_is_named_is_asked_first() -> None:
    second, first = places_to_ask(SD21.places[1].id)
    assert (second, first) == (SD21.places[1], SD21.places[0])


def test_a_revision_that_is_given_is_meant() -> None:
    assert places_to_ask(SD15.id, "v2") == (HubPlace(SD15.id, "v2"),)
    assert places_to_find(SD15.id, "v2") == (HubPlace(SD15.id, "v2"),)
    assert places_to_ask("someone/else") == (HubPlace("someone/else", "main"),)


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("builtin", "builtin"),
        ("owner/name", "hub"),
        ("owner/name.v2", "hub"),
        ("gone/model.safetensors", "file"),
        ("/nowhere/folder", "folder"),
        ("C:\\models\\sd", "folder"),
        ("a/b/c", "folder"),
    ],
)
def test_a_source_is_what_it_looks_like(source: str, kind: str) -> None:
    assert kind_of(source) == kind


def test_what_is_there_is_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "owner" / "name").mkdir(parents=True)
    (tmp_path / "one.safetensors").write_text("")
    assert (kind_of("owner/name"), kind_of("one.safetensors")) == ("folder", "file")


def test_the_full_weights_are_taken_before_halves_and_nothing_else() -> None:
    halves = [name.replace(".safetensors", ".fp16.safetensors") for name in WEIGHTS]
    others = ["README.md", "unet/diffusion_pytorch_model.bin", "safety_checker/model.safetensors", "all.safetensors"]
    found = needed([*others, *halves, *SMALL, *WEIGHTS], "it")
    assert (set(found.names), found.variant) == ({*SMALL, *WEIGHTS}, "")
    found = needed([*SMALL, *halves], "it")
    assert (set(found.names), found.variant) == ({*SMALL, *halves}, "fp16")


def test_shards_count_when_all_are_there() -> None:
    stem = "unet/diffusion_pytorch_model"
    shards = [f"{stem}.safetensors.index.json", *(f"{stem}-0000{n}-of-00002.safetensors" for n in (1, 2))]
    rest = [*SMALL, WEIGHTS[0], WEIGHTS[2]]
    assert set(shards) <= set(needed([*rest, *shards], "it").names)
    with pytest.raises(ModelError, match="safetensors of its unet"):
        needed([*rest, *shards[:-1]], "it")


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([*WEIGHTS], "it has no model_index.json"),
        ([*SMALL[:5], *SMALL[6:], *WEIGHTS], "it has no unet/config.json"),
        ([*SMALL[:3], *SMALL[5:], *WEIGHTS], "it has no tokenizer"),
        ([*SMALL, *WEIGHTS[1:]], "no .safetensors of its text_encoder"),
        ([*SMALL, *WEIGHTS, "text_encoder_2/config.json"], "two text encoders"),
    ],
)
def test_what_is_missing_is_named(names: list[str], said: str) -> None:
    with pytest.raises(ModelError, match=said):
        needed(names, "it")


def test_a_cached_model_counts_when_it_is_whole(tmp_path: Path) -> None:
    repository = tmp_path / "models--owner--name"
    folder = make(repository / "snapshots" / COMMIT, [*SMALL, *WEIGHTS[:2]])
    make(repository, ["refs/main"])
    (repository / "refs" / "main").write_text(COMMIT)
    assert find_cached("owner/name", "", tmp_path) is None and not is_complete(folder)
    make(folder, WEIGHTS)
    assert find_cached("owner/name", "", tmp_path) == find_cached("owner/name", COMMIT, tmp_path) == folder
    assert find_cached("owner/name", "other", tmp_path) is None
    assert find_cached("owner/name", "", tmp_path / "elsewhere") is None


def test_what_was_cached_under_a_withdrawn_id_still_serves(tmp_path: Path) -> None:
    repository = tmp_path / "models--stabilityai--stable-diffusion-2-1-base"
    folder = make(repository / "snapshots" / COMMIT, [*SMALL, *WEIGHTS])
    make(repository, ["refs/main"])
    (repository / "refs" / "main").write_text(COMMIT)
    assert find_cached(SD21.id, "", tmp_path) == folder


def test_the_pinned_commit_wins_over_what_else_is_cached(tmp_path: Path) -> None:
    repository = tmp_path / f"models--{SD15.id.replace('/', '--')}"
    make(repository / "snapshots" / COMMIT, [*SMALL, *WEIGHTS])
    make(repository, ["refs/main"])
    (repository / "refs" / "main").write_text(COMMIT)
    pinned = make(repository / "snapshots" / SD15.places[0].revision, [*SMALL, *WEIGHTS])
    assert find_cached(SD15.id, "", tmp_path) == pinned


def test_sizes_are_shown_as_the_hub_shows_them() -> None:
    assert [in_words(size) for size in (12, 1_500, 340_000_000, 5_161_555_606)] == [
        "12 bytes",
        "1.5 kB",
        "340 MB",
        "5.16 GB",
    ]
