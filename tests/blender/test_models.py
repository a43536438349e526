"""The list of models, looking one up and downloading it, and what the panel says of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import bpy
import pytest

from lucid_blender import api, preferences, properties
from lucid_blender.client.job_state import state
from lucid_blender.core.errors import ModelError
from lucid_blender.core.messages import ModelFound
from lucid_blender.core.models import KNOWN
from lucid_blender.core.options import BUILTIN, DiffusionModel
from lucid_blender.core.presets import preset
from lucid_blender.core.wanted import Wanted, of_model
from lucid_blender.generations import source_of, to_generation, use_generation, wanted_start
from lucid_blender.operators import running
from lucid_blender.operators.fetch_model import ModelFetch
from lucid_blender.panels.loras import draw_loras
from lucid_blender.panels.model import draw_model
from lucid_blender.settings_check import problems

from .fake_backend import make_cached

SD21 = KNOWN[0]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


@pytest.fixture
def online(fake_backend: None) -> Iterator[None]:
    system = bpy.context.preferences.system
    before, system.use_online_access = system.use_online_access, True
    yield
    system.use_online_access = before


@dataclass
class Layout:
    """Stands for a UILayout: notes what is drawn."""

    drawn: list[str]
    use_property_split: bool = True
    scale_y: float = 1.0

    def prop(self, data: object, name: str, **_: object) -> None:
        self.drawn.append(f"[{name}]")

    def label(self, *, text: str, icon: str = "NONE") -> None:
        self.drawn.append(text)

    def operator(self, idname: str, *, text: str = "", icon: str = "NONE") -> SimpleNamespace:
        self.drawn.append(f"({idname}) {text}")
        return SimpleNamespace()

    def template_list(self, *_: object, **__: object) -> None:
        pass

    def row(self, **_: object) -> Layout:
        return self

    column = box = row


def drawn() -> str:
    layout, system = Layout([]), SimpleNamespace(ui_scale=1.0)  # which is 0 without a window
    context = SimpleNamespace(scene=bpy.context.scene, region=None, preferences=SimpleNamespace(system=system))
    draw_model(layout, context)
    return " ".join(layout.drawn)


def drawn_look() -> str:
    layout, system = Layout([]), SimpleNamespace(ui_scale=1.0)
    context = SimpleNamespace(scene=bpy.context.scene, region=None, preferences=SimpleNamespace(system=system))
    draw_loras(layout, context)
    return " ".join(layout.drawn)


def choose(source: str) -> properties.LucidSettings:
    settings = bpy.context.scene.lucid
    settings.prompt, settings.model, settings.model_source = "a hat", "OTHER", source
    return settings


def test_every_model_on_offer_reaches_the_request() -> None:
    settings = bpy.context.scene.lucid
    settings.prompt = "a hat"
    assert to_generation(settings).model.source == source_of(settings) == BUILTIN
    for model in KNOWN:
        settings.model = model.key
        assert to_generation(settings).model.source == model.id


@pytest.mark.parametrize(
    ("source", "chosen"), [(BUILTIN, "BUILTIN"), (SD21.id, SD21.key), (SD21.withdrawn[0], "OTHER"), ("a/b", "OTHER")]
)
def test_a_recipe_chooses_its_model(source: str, chosen: str) -> None:
    settings = bpy.context.scene.lucid
    use_generation(settings, preset("draft", "a hat", model=DiffusionModel(source=source)))
    assert settings.model == chosen and source_of(settings) == source


def test_scenes_keep_the_choice_that_older_versions_saved() -> None:
    items = properties.LucidSettings.bl_rna.properties["model"].enum_items
    assert {item.identifier: item.value for item in items} | {"BUILTIN": 0, "OTHER": 1} == {
        item.identifier: item.value for item in items
    }


def test_a_folder_beside_the_file_is_found_from_it(tmp_path: Path) -> None:
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
    assert Path(source_of(choose("//model"))) == tmp_path / "model"


@pytest.mark.parametrize(("clicked", "meant"), [("a.safetensors", "a.safetensors"), ("untitled", ""), ("", "")])
def test_choosing_a_file_or_a_folder_chooses_the_model(tmp_path: Path, clicked: str, meant: str) -> None:
    (tmp_path / "a.safetensors").touch()
    assert bpy.ops.lucid.choose_model(filepath=str(tmp_path / clicked)) == {"FINISHED"}
    assert source_of(bpy.context.scene.lucid) == str(tmp_path / meant)


def test_downloading_puts_the_model_into_the_cache(online: None, cache: Path) -> None:
    choose("owner/model")
    assert bpy.ops.lucid.download_model() == {"FINISHED"}
    assert (cache / "models--owner--model" / "snapshots" / "main" / "model_index.json").is_file()
    assert state.phase == "finished" and not bpy.data.objects
    assert "Downloaded" in drawn()


def test_a_window_goes_on_while_a_model_is_downloaded(online: None, cache: Path, pump: Callable[[], None]) -> None:
    settings = choose("owner/model")
    request = ModelFetch(running.FetchModel(wanted=of_model(to_generation(settings).model)))
    running.start(request)
    assert state.busy and not bpy.ops.lucid.generate.poll()
    pump()
    assert state.phase == "finished" and "Downloaded" in drawn()


def test_a_model_that_is_not_there_is_an_error_with_advice(online: None, cache: Path) -> None:
    choose("nobody/nothing")
    with pytest.raises(RuntimeError, match="There is no such model. Check the name."):
        bpy.ops.lucid.download_model()
    assert state.phase == "failed" and state.advice == "Check the name."


def test_without_online_access_nothing_is_asked(fake_backend: None, cache: Path) -> None:
    choose("owner/model")
    assert not bpy.app.online_access
    assert not bpy.ops.lucid.download_model.poll() and not bpy.ops.lucid.look_up_model.poll()
    assert "Blender is offline" in drawn()


def test_the_built_in_model_and_folders_are_not_downloaded(online: None, tmp_path: Path) -> None:
    for source in (str(tmp_path), "/nowhere/at/all"):
        choose(source)
        with pytest.raises(RuntimeError, match="none of the hub's"):
            bpy.ops.lucid.download_model()
    assert "no such folder" in drawn()
    choose("/nowhere/model.safetensors")
    assert "no such file" in drawn()
    bpy.context.scene.lucid.model = "BUILTIN"
    with pytest.raises(RuntimeError, match="none of the hub's"):
        bpy.ops.lucid.download_model()
    assert drawn() == "[model]"


def test_the_panel_tells_size_and_licence_of_models_on_offer(online: None, cache: Path) -> None:
    bpy.context.scene.lucid.model = SD21.key
    shown = drawn()
    assert "(lucid.download_model) Download 5.16 GB" in shown and "Licence: Open RAIL++-M" in shown
    assert "(lucid.look_up_model)" not in shown
    make_cached(cache, SD21.id)
    (cache / f"models--{SD21.id.replace('/', '--')}" / "snapshots" / "main").rename(
        cache / f"models--{SD21.id.replace('/', '--')}" / "snapshots" / SD21.places[0].revision
    )
    assert "Downloaded" in drawn() and "(lucid.download_model)" not in drawn()


def test_other_models_are_looked_up_first(online: None, cache: Path) -> None:
    choose("owner/model")
    assert "(lucid.look_up_model)" in drawn() and "GB" not in drawn()
    assert bpy.ops.lucid.look_up_model() == {"FINISHED"}
    shown = drawn()
    assert "Download 3 GB" in shown and "openrail" in shown and "(lucid.look_up_model)" not in shown
    assert not cache.exists()


def test_a_lora_of_the_hub_is_looked_up_and_downloaded_from_its_list(online: None, cache: Path) -> None:
    bpy.ops.lucid.lora_add()
    lora = bpy.context.scene.lucid.options.model.loras[0]
    assert "(lucid.download_model)" not in drawn_look()
    lora.source = "owner/clay"
    assert "(lucid.look_up_model)" in drawn_look() and "(lucid.download_model) Download" in drawn_look()
    assert bpy.ops.lucid.look_up_model(source="owner/clay", part="LORA") == {"FINISHED"}
    assert "Download 3 GB" in drawn_look() and "Licence: openrail" in drawn_look()
    assert bpy.ops.lucid.download_model(source="owner/clay", part="LORA") == {"FINISHED"}
    assert (cache / "models--owner--clay" / "snapshots" / "main" / "pytorch_lora_weights.safetensors").is_file()
    assert "Downloaded" in drawn_look() and "(lucid.download_model)" not in drawn_look()


def test_shap_e_is_downloaded_where_it_is_the_start(online: None, cache: Path) -> None:
    settings = bpy.context.scene.lucid
    assert wanted_start(settings) is None
    settings.initialiser = "SHAP-E"
    wanted = wanted_start(settings)
    assert wanted == Wanted(source="openai/shap-e", part="shap_e")
    settings.customise = True
    assert wanted_start(settings) == wanted
    settings.options.initialiser_shape.source = str(cache)
    cache.mkdir()
    assert wanted_start(settings) is None


def test_what_goes_with_a_model_is_missed_offline_before_the_run(cache: Path, fake_backend: None) -> None:
    assert not bpy.app.online_access
    settings = bpy.context.scene.lucid
    settings.options.model.loras.add().source = "owner/clay"
    settings.initialiser = "SHAP-E"
    messages = [problem.message for problem in problems(bpy.context)]
    assert messages == [
        "The LoRA owner/clay is not downloaded, and Blender is offline.",
        "Shap-E openai/shap-e is not downloaded, and Blender is offline.",
    ]
    make_cached(cache, "owner/clay", "pytorch_lora_weights.safetensors")
    assert [problem.fixes for problem in problems(bpy.context)] == [("BALL",)]


def test_gates_are_explained(online: None, cache: Path) -> None:
    choose("gates/model")
    bpy.ops.lucid.look_up_model()
    assert "agreement" in drawn() and "token" in drawn()


def test_cached_models_are_suggested(cache: Path) -> None:
    make_cached(cache, "owner/model")
    make_cached(cache, "other/thing")
    settings = bpy.context.scene.lucid
    assert properties._cached_ids(settings, bpy.context, "MOD") == ["owner/model"]
    assert properties._cached_ids(settings, bpy.context, "") == ["other/thing", "owner/model"]


def test_scripts_download_and_learn_what_it_is(online: None, cache: Path) -> None:
    events: list[object] = []
    found = api.download_model("owner/model", on_event=events.append)
    assert isinstance(found, ModelFound) and found.license == "openrail" and found in events
    with pytest.raises(ModelError, match="no such model"):
        api.download_model("nobody/nothing")


def test_folder_and_token_reach_the_backend_and_no_log(tmp_path: Path) -> None:
    launch = replace(
        preferences.Launch(python=tmp_path, cache_folder=tmp_path), models_folder=tmp_path / "m", hub_token="hf_secret"
    )
    environment = launch.environment({"HF_HOME": str(tmp_path)})
    assert (environment["HF_HUB_CACHE"], environment["HF_TOKEN"]) == (str(tmp_path / "m"), "hf_secret")
    assert launch.environment({"HF_TOKEN": "another"})["HF_TOKEN"] == "another"  # as everybody expects of the variable
    (tmp_path / "token").write_text("of the login")
    assert "HF_TOKEN" not in launch.environment({"HF_HOME": str(tmp_path)})
    assert "hf_secret" not in repr(launch)
    inherited = preferences.Launch(python=tmp_path, cache_folder=tmp_path).environment({"HF_TOKEN": "another"})
    assert inherited["HF_TOKEN"] == "another" and "HF_HUB_CACHE" not in inherited


def test_without_a_preference_the_cache_is_the_hubs(cache: Path) -> None:
    assert preferences.models_folder() == cache == Path(os.environ["HF_HUB_CACHE"])
