"""Models of the hub: asked for, downloaded, resumed and checked, against a hub on this computer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from lucid_blender.backend import hub, run, transfer, weight_files
from lucid_blender.backend.diffusion import load
from lucid_blender.backend.initialisers.shap_e import shap_e
from lucid_blender.client.process import Launch
from lucid_blender.client.session import Session
from lucid_blender.core import models
from lucid_blender.core.errors import ModelError
from lucid_blender.core.messages import Event, FetchModel, Finished, Generate, ModelFound, Progress
from lucid_blender.core.model_files import find_cached, own_login
from lucid_blender.core.models import HubPlace, KnownModel
from lucid_blender.core.options import Control, DiffusionModel, Generation, Lora, ShapE, TextualInversion
from lucid_blender.core.presets import preset
from lucid_blender.core.wanted import Part, Wanted, find_wanted, of_model

from .conftest import HUB_ID as ID
from .fake_hub import COMMIT, FakeHub, FakeRepository
from .test_run import tiny_generation
from .tiny_models import WIDTH, save_tiny_controlnet
from .tiny_shap_e import save_tiny_shap_e

OPTIONS = DiffusionModel(source=ID)
WANTED = Wanted(source=ID)
UNET = "unet/diffusion_pytorch_model.safetensors"


def downloaded(options: DiffusionModel = OPTIONS) -> list[Event]:
    return list(hub.handle(FetchModel(wanted=of_model(options))))


def weights(folder: Path) -> dict[str, bytes]:
    return {path.parent.name: path.read_bytes() for path in folder.glob("*/*.safetensors")}


def test_a_model_is_downloaded_with_progress_and_then_answers_without_the_hub(
    served: FakeHub, tiny_model: Path
) -> None:
    events = downloaded()
    found = next(event for event in events if isinstance(event, ModelFound))
    assert (found.id, found.revision, found.license, found.gated) == (ID, COMMIT, "openrail++", False)
    progress = [event for event in events if isinstance(event, Progress) and event.unit == "bytes"]
    assert len(progress) > 3 and all(event.steps == found.size == found.missing for event in progress)
    assert [event.step for event in progress] == sorted(event.step for event in progress)
    assert isinstance(events[-1], Finished)

    served.repositories.clear()
    served.requests.clear()
    model = load(replace(OPTIONS, allow_download=False))
    reference = load(DiffusionModel(source=str(tiny_model)))
    x, words = torch.randn(1, 4, 8, 8), reference.embed(["a hat"])
    assert torch.equal(model.predict_noise(x, 500, model.embed(["a hat"])), reference.predict_noise(x, 500, words))
    assert not served.requests


def test_the_size_counts_what_is_needed_and_nothing_else(served: FakeHub, tiny_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "with-more"
    shutil.copytree(tiny_model, folder)
    (folder / "v1-5-pruned.safetensors").write_bytes(b"x" * 9999)
    (folder / "unet" / "diffusion_pytorch_model.bin").write_bytes(b"x" * 9999)
    (folder / "unet" / "diffusion_pytorch_model.non_ema.safetensors").write_bytes(b"x" * 9999)
    (folder / "README.md").write_text("words")
    wanted = sum(
        path.stat().st_size
        for pattern in (
            "model_index.json",
            "scheduler/*.json",
            "tokenizer/*.*",
            "*/config.json",
            "*/*model.safetensors",
        )
        for path in folder.glob(pattern)
    )
    served.repositories[ID].folder = folder
    (found,) = [e for e in hub.handle(FetchModel(wanted=WANTED, download=False)) if isinstance(e, ModelFound)]
    assert found.size == found.missing == wanted
    downloaded()
    assert not served.sent("README") and not served.sent(".bin") and not served.sent("pruned")


def test_looking_up_downloads_nothing(served: FakeHub) -> None:
    list(hub.handle(FetchModel(wanted=WANTED, download=False)))
    assert not any("resolve" in request for request in served.requests)
    assert find_cached(ID, "", hub.cache()) is None


def test_a_download_that_was_stopped_goes_on_where_it_was(served: FakeHub, tiny_model: Path) -> None:
    served.cuts = [4096]
    events = hub.handle(FetchModel(wanted=WANTED))
    while served.cuts:
        next(events)
    events.close()
    assert find_cached(ID, "", hub.cache()) is None
    (part,) = hub.cache().rglob(f"*{transfer.PART}")
    assert part.stat().st_size == 4096
    (name,) = {request.partition(f"storage/{ID}/")[2] for request in served.sent(".safetensors")}
    served.requests.clear()
    first = next(event for event in downloaded() if isinstance(event, ModelFound))
    assert served.sent(name) == [f"GET /storage/{ID}/{name} bytes=4096-"]
    assert first.missing < first.size
    folder = find_cached(ID, "", hub.cache())
    assert folder is not None and weights(folder) == weights(tiny_model)
    assert not list(hub.cache().rglob(f"*{transfer.PART}"))


def test_a_connection_that_breaks_is_made_again(served: FakeHub, tiny_model: Path) -> None:
    served.cuts = [1000, 5000, 1]
    downloaded()
    folder = find_cached(ID, "", hub.cache())
    assert folder is not None and weights(folder) == weights(tiny_model)
    assert any("bytes=1000-" in request for request in served.requests)


def test_a_server_that_is_busy_is_asked_again(served: FakeHub, tiny_model: Path) -> None:
    served.busy = transfer.TRIES - 1
    downloaded()
    folder = find_cached(ID, "", hub.cache())
    assert folder is not None and weights(folder) == weights(tiny_model)
    assert not served.busy


def test_pauses_grow_and_can_be_cancelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(transfer.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(transfer.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    assert len(list(transfer._pause(2.0, tmp_path / "none"))) == 8 and now[0] == 2.0


def test_one_that_never_brings_a_byte_ends_with_advice(served: FakeHub) -> None:
    served.cuts = [0] * 100
    with pytest.raises(ModelError) as caught:
        downloaded()
    assert "network" in caught.value.advice
    assert len(served.cuts) == 100 - transfer.TRIES


def test_damaged_weights_are_refused_and_fetched_anew(served: FakeHub, tiny_model: Path) -> None:
    served.damaged = {UNET}
    with pytest.raises(ModelError, match="arrived damaged"):
        downloaded()
    assert find_cached(ID, "", hub.cache()) is None
    served.damaged = set()
    downloaded()
    folder = find_cached(ID, "", hub.cache())
    assert folder is not None and weights(folder) == weights(tiny_model)


def test_a_gated_model_says_what_to_do_and_comes_with_a_token(served: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    served.repositories[ID].gated = True
    events = hub.handle(FetchModel(wanted=WANTED))
    with pytest.raises(ModelError, match="gated") as caught:
        for event in events:
            if isinstance(event, ModelFound):
                assert event.gated
    assert f"{served.url}/{ID}" in caught.value.advice and "Token" in caught.value.advice
    monkeypatch.setenv("HF_TOKEN", served.token)
    downloaded()
    assert find_cached(ID, "", hub.cache()) is not None
    assert served.sent(UNET) and not served.leaked  # it is for the hub, and not for its storage


def test_what_is_not_there_is_said(served: FakeHub) -> None:
    with pytest.raises(ModelError, match="no model nobody/nothing on the hub, or it is private"):
        downloaded(DiffusionModel(source="nobody/nothing"))
    with pytest.raises(ModelError, match="no revision v9"):
        downloaded(DiffusionModel(source=ID, revision="v9"))


def test_pickled_weights_are_refused_before_the_download(served: FakeHub, tiny_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pickled"
    shutil.copytree(tiny_model, folder)
    (folder / UNET).rename((folder / UNET).with_suffix(".bin"))
    served.repositories[ID].folder = folder
    with pytest.raises(ModelError, match="no .safetensors of its unet"):
        downloaded()
    assert not any("resolve" in request for request in served.requests)


def test_halves_are_taken_where_there_are_no_others(served: FakeHub, tiny_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "halves"
    shutil.copytree(tiny_model, folder)
    for path in folder.glob("*/*.safetensors"):
        path.rename(path.with_suffix(".fp16.safetensors"))
    served.repositories[ID].folder = folder
    assert load(OPTIONS).embed(["a hat"]).shape[0] == 1


def test_a_branch_is_asked_again_when_its_download_is_wanted_again(served: FakeHub, tiny_model: Path) -> None:
    downloaded()
    served.repositories[ID].commit = "f" * 40
    list(hub.fetch(preset("draft", "a hat", model=OPTIONS)))
    assert find_cached(ID, "", hub.cache()) == find_cached(ID, COMMIT, hub.cache())
    downloaded()
    assert find_cached(ID, "", hub.cache()) == find_cached(ID, "f" * 40, hub.cache())


def test_offline_nothing_is_asked(served: FakeHub) -> None:
    with pytest.raises(ModelError) as caught:
        load(replace(OPTIONS, allow_download=False))
    assert "online access" in caught.value.advice
    assert not served.requests


def test_a_disk_without_room_is_found_before_the_download(served: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "ROOM_TO_SPARE", 1 << 60)
    with pytest.raises(ModelError, match="needs .* on the disk"):
        downloaded()
    assert not any("resolve" in request for request in served.requests)


# ---------------------------------------------------------------- models on offer


@pytest.fixture
def offer(served: FakeHub, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> KnownModel:
    """A model on offer with two places, of which the hub has the second."""
    served.repositories = {"second/tiny": FakeRepository(tiny_model)}
    there = hub._ask(HubPlace("second/tiny", COMMIT), Wanted(source="second/tiny"))
    sums = tuple((file.name, file.sha256) for file in there.files if file.sha256)
    offered = replace(
        models.KNOWN[0],
        places=(HubPlace("first/tiny", COMMIT), HubPlace("second/tiny", COMMIT)),
        withdrawn=("gone/tiny",),
        weights=sums,
    )
    monkeypatch.setattr(models, "KNOWN", (offered,))
    return offered


@pytest.mark.parametrize("source", ["first/tiny", "gone/tiny"])
def test_the_next_place_is_asked_where_one_is_gone(offer: KnownModel, served: FakeHub, source: str) -> None:
    events = downloaded(DiffusionModel(source=source))
    (found,) = [event for event in events if isinstance(event, ModelFound)]
    assert (found.id, found.license) == ("second/tiny", offer.license)
    for id in ("first/tiny", "second/tiny", "gone/tiny"):  # all names of one model
        assert find_cached(id, "", hub.cache()) is not None


def test_a_place_with_other_weights_is_refused(offer: KnownModel, served: FakeHub, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(served.repositories["second/tiny"].folder, other)
    (other / UNET).write_bytes((other / UNET).read_bytes() + b" ")
    served.repositories["first/tiny"] = FakeRepository(other)
    (found,) = [e for e in downloaded(DiffusionModel(source="first/tiny")) if isinstance(e, ModelFound)]
    assert found.id == "second/tiny"


def test_where_no_place_has_it_the_error_names_all(offer: KnownModel, served: FakeHub) -> None:
    served.repositories.clear()
    with pytest.raises(ModelError, match="no place has first/tiny: .*first/tiny.*; .*second/tiny"):
        downloaded(DiffusionModel(source="first/tiny"))


def test_the_cache_is_where_the_hubs_library_has_it() -> None:
    settings: list[dict[str, str]] = [
        {},
        {"HF_HUB_CACHE": "/a/b"},
        {"HF_HOME": "~/hf"},
        {"XDG_CACHE_HOME": "/c"},
        {"HF_HOME": "/h", "XDG_CACHE_HOME": "/c"},
    ]
    code = "import huggingface_hub.constants as c; print(c.HF_HUB_CACHE)"
    for given in settings:
        environment = {"HOME": "/home/somebody", "PATH": os.environ["PATH"], **given}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=60)
        ours = [sys.executable, "-c", "import os; from lucid_blender.core.model_files import hub_cache as h; "]
        ours[-1] += "print(h(os.environ))"
        mine = subprocess.run(ours, capture_output=True, text=True, env=environment, timeout=60)
        assert mine.stdout == done.stdout != "", given


def test_a_login_is_where_the_hubs_library_has_it(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("hf_file\n")
    (tmp_path / "empty").write_text("\n")
    settings: list[dict[str, str]] = [
        {"HF_HOME": "/nowhere"},
        {"HF_HOME": str(tmp_path)},
        {"HF_HOME": "/nowhere", "HF_TOKEN": "hf_variable"},
        {"HF_HOME": "/nowhere", "HUGGING_FACE_HUB_TOKEN": "hf_old"},
        {"HF_HOME": "/nowhere", "HF_TOKEN": " "},
        {"HF_TOKEN_PATH": str(tmp_path / "token")},
        {"HF_TOKEN_PATH": str(tmp_path / "empty"), "HF_HOME": str(tmp_path)},
    ]
    code = "import huggingface_hub as h; print(bool(h.get_token()))"
    found = []
    for given in settings:
        environment = {"HOME": "/home/somebody", "PATH": os.environ["PATH"], **given}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=60)
        assert done.stdout.strip() == str(bool(own_login(environment))), given
        found.append(own_login(given))
    assert found[1:3] == [str(tmp_path / "token"), "HF_TOKEN"]


def test_a_run_downloads_its_model_first_and_can_be_stopped_there(
    served: FakeHub, tiny_model: Path, tmp_path: Path
) -> None:
    generation = replace(tiny_generation(tiny_model), iterations=2, model=OPTIONS)
    request = Generate(generation=generation, job_folder=str(tmp_path / "job"))
    events = run.handle(request)
    next(event for event in events if isinstance(event, Progress) and event.unit == "bytes")
    events.close()
    assert find_cached(ID, "", hub.cache()) is None
    stages = [event.stage for event in run.handle(replace(request, resume=True)) if isinstance(event, Progress)]
    assert "Downloading the model" in stages
    assert stages.index("Downloading the model") < stages.index("Distilling")
    again = run.handle(Generate(generation=generation, job_folder=str(tmp_path / "again")))
    assert "Downloading the model" not in [event.stage for event in again if isinstance(event, Progress)]
    splats = [(tmp_path / name / "prop.ply").read_bytes() for name in ("job", "again")]
    assert splats[0] == splats[1]


# ---------------------------------------------------------------- what goes with a model


@pytest.fixture
def extras(served: FakeHub, tmp_path: Path) -> Generation:
    """A run with a thing of each kind from the hub, which has them all; the folders are below ``tmp_path``."""
    shutil.copytree(weight_files.MODELS / "lora-dipped", tmp_path / "lora")
    (tmp_path / "lora" / "learned_embeds.safetensors").unlink()
    (tmp_path / "word").mkdir()
    save_file({"<hat>": torch.randn(WIDTH)}, tmp_path / "word" / "hat.safetensors")
    save_file({"<mug>": torch.randn(WIDTH)}, tmp_path / "word" / "mug.safetensors")
    save_tiny_controlnet(tmp_path / "control")
    save_tiny_shap_e(tmp_path / "shap-e")
    for name in ("lora", "word", "control", "shap-e"):
        (tmp_path / name / "README.md").write_text("words")
        served.repositories[f"someone/{name}"] = FakeRepository(tmp_path / name, card={"license": "mit"})
    generation = preset("draft", "a hat", model=DiffusionModel(source=ID))
    return replace(
        generation,
        model=replace(
            generation.model,
            loras=(Lora(source="someone/lora"), Lora(source="builtin:dipped")),
            textual_inversions=(TextualInversion(source="someone/word/hat.safetensors"),),
        ),
        controls=(Control(kind="depth", source="someone/control"), Control(kind="depth", source="builtin")),
        initialiser=ShapE(source="someone/shap-e", count=50, steps=2, grid=16),
    )


def test_all_that_a_run_needs_is_downloaded_with_progress_and_nothing_else(
    extras: Generation, served: FakeHub, tmp_path: Path
) -> None:
    events = list(hub.fetch(extras))
    stages = dict.fromkeys(event.stage for event in events if isinstance(event, Progress))
    assert list(stages) == [
        "Downloading the model",
        "Downloading the learned word",
        "Downloading the LoRA",
        "Downloading the ControlNet",
        "Downloading Shap-E",
    ]
    found = {event.source: event for event in events if isinstance(event, ModelFound)}
    assert len(found) == 5 and found["someone/lora"].license == "mit"
    lora = (tmp_path / "lora" / "pytorch_lora_weights.safetensors").stat().st_size
    assert found["someone/lora"].size == found["someone/lora"].missing == lora
    last = [event for event in events if isinstance(event, Progress) and event.stage == "Downloading the LoRA"][-1]
    assert (last.step, last.steps, last.unit) == (lora, lora, "bytes")
    assert not served.sent("README") and not served.sent("mug.safetensors") and served.sent("hat.safetensors")
    served.requests.clear()
    assert list(hub.fetch(extras)) == [] and not served.requests


def test_what_was_downloaded_is_what_is_loaded_without_the_hub(
    extras: Generation, served: FakeHub, tmp_path: Path, tiny_model: Path
) -> None:
    list(hub.fetch(extras))
    served.repositories.clear()
    served.requests.clear()
    for part, source, folder, name in (
        ("lora", "someone/lora", "lora", "pytorch_lora_weights.safetensors"),
        ("textual_inversion", "someone/word/hat.safetensors", "word", "hat.safetensors"),
    ):
        path = weight_files.find(Wanted(source=source, part=part, allow_download=False))
        assert path.name == name and path.read_bytes() == (tmp_path / folder / name).read_bytes()
    words = (TextualInversion(source="someone/word/hat.safetensors"),)
    model = DiffusionModel(source=ID, textual_inversions=words, allow_download=False)
    loaded = load(model, [Control(kind="depth", source="someone/control")])
    words = (TextualInversion(source=str(tmp_path / "word" / "hat.safetensors")),)
    own = DiffusionModel(source=str(tiny_model), textual_inversions=words)
    local = load(own, [Control(kind="depth", source=str(tmp_path / "control"))])
    x, picture = torch.randn(1, *loaded.latent_shape(64)), torch.rand(1, 3, *loaded.control_sizes(64) * 2)
    answers = [m.predict_noise(x, 500, m.embed(["a <hat>"]), [picture]) for m in (loaded, local)]
    assert torch.equal(*answers)
    clouds = [
        shap_e(
            replace(extras.initialiser, source=source),
            "a mug",
            torch.Generator().manual_seed(0),
            device=torch.device("cpu"),
            allow_download=False,
        )
        for source in ("someone/shap-e", str(tmp_path / "shap-e"))
    ]
    assert clouds[0].equals(clouds[1]) and not served.requests


def test_a_run_that_has_begun_needs_no_start(extras: Generation, served: FakeHub) -> None:
    list(hub.fetch(extras, begun=True))
    assert find_wanted(Wanted(source="someone/shap-e", part="shap_e"), hub.cache()) is None
    assert not any("someone/shap-e" in request for request in served.requests)


@pytest.mark.parametrize(
    ("source", "part", "said"),
    [
        ("someone/word", "textual_inversion", "holds 2 files that may be the learned word"),
        ("someone/word/cup.safetensors", "textual_inversion", "someone/word has no cup.safetensors"),
        ("someone/control", "shap_e", "has no prior, so it holds no Shap-E"),
        ("someone/lora", "controlnet", "holds no ControlNet"),
        ("someone/nothing", "lora", "there is no LoRA someone/nothing on the hub"),
        ("someone/lora/extra.bin", "lora", "has no extra.bin"),
    ],
)
def test_what_a_place_lacks_is_said_before_anything_is_downloaded(
    extras: Generation, served: FakeHub, source: str, part: Part, said: str
) -> None:
    with pytest.raises(ModelError, match=said) as caught:
        list(hub.handle(FetchModel(wanted=Wanted(source=source, part=part))))
    assert caught.value.advice
    assert not any("resolve" in request for request in served.requests)


def test_a_lora_that_was_stopped_goes_on_where_it_was(extras: Generation, served: FakeHub) -> None:
    wanted = Wanted(source="someone/lora", part="lora")
    served.cuts = [4096]
    events = hub.handle(FetchModel(wanted=wanted))
    while served.cuts:
        next(events)
    events.close()
    assert find_wanted(wanted, hub.cache()) is None
    served.requests.clear()
    list(hub.handle(FetchModel(wanted=wanted)))
    assert find_wanted(wanted, hub.cache()) is not None
    (request,) = served.sent("pytorch_lora_weights")
    assert request.endswith("bytes=4096-")


# ---------------------------------------------------------------- through the processes


def test_the_add_on_has_its_backend_download(served: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", served.url)
    monkeypatch.delenv("HF_HUB_OFFLINE")
    served.repositories[ID].gated = True
    launch = Launch(python=Path(sys.executable), cache_folder=tmp_path, allow_downloads=True)
    launch = replace(launch, models_folder=tmp_path / "models", hub_token=served.token)
    events: list[Event] = []
    session = Session(launch)
    try:
        session.run_blocking(FetchModel(wanted=WANTED), on_event=events.append)
        with pytest.raises(ModelError, match="nobody/nothing"):
            session.run_blocking(FetchModel(wanted=Wanted(source="nobody/nothing")))
    finally:
        session.close()
    assert any(isinstance(event, ModelFound) for event in events)
    assert find_cached(ID, "", tmp_path / "models") is not None


def test_the_command_line_downloads_and_lists(served: FakeHub, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    environment |= {"HF_ENDPOINT": served.url, "HF_HUB_CACHE": str(tmp_path / "other-cache")}

    def run(*arguments: str) -> str:
        command = [sys.executable, "-m", "lucid_blender.backend", "models", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    shutil.copytree(weight_files.MODELS / "lora-dipped", tmp_path / "lora")
    served.repositories["someone/lora"] = FakeRepository(tmp_path / "lora")
    assert "someone/lora at" in run("download", "someone/lora", "--part", "lora")
    said = run("download", ID)
    assert f"{ID} at {COMMIT}" in said and "licence: openrail++" in said
    assert find_cached(ID, "", tmp_path / "other-cache") is not None
    assert "0 bytes to download" in run("show", ID)
