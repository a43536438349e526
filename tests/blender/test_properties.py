"""From what the user chooses to a request."""

from pathlib import Path

import bpy
import numpy as np
import pytest

from lucid_blender import preferences, properties, settings_check
from lucid_blender.core.errors import BackendError, InvalidInput
from lucid_blender.core.options import BUILTIN, Ism, Meshing, MeshSurface, Sds, Sphere
from lucid_blender.core.presets import PRESETS, preset
from lucid_blender.properties import make_generation, model_named, to_generation, to_request
from lucid_blender.scene.placement import matrix_of
from lucid_blender.settings_check import unknown_words


@pytest.fixture
def settings() -> properties.LucidSettings:
    found = bpy.context.scene.lucid
    found.prompt = "a red mushroom"
    return found


@pytest.mark.parametrize("name", PRESETS)
def test_untouched_settings_are_the_preset(settings: properties.LucidSettings, name: str) -> None:
    settings.preset = name
    assert to_generation(settings) == preset(name, "a red mushroom", model=model_named(BUILTIN))


def test_every_choice_reaches_the_request(settings: properties.LucidSettings) -> None:
    settings.negative_prompt, settings.seed, settings.make_mesh = "blue", 7, True
    settings.set_iterations, settings.iterations = True, 100
    settings.set_splats, settings.splats = True, 321
    settings.objective = "SDS"
    settings.model, settings.model_source = "OTHER", "some/model"
    generation = to_generation(settings)
    assert (generation.negative_prompt, generation.seed, generation.iterations) == ("blue", 7, 100)
    assert generation.mesh == Meshing() and generation.model.source == "some/model"
    assert isinstance(generation.objective, Sds)
    assert isinstance(generation.initialiser, Sphere) and generation.initialiser.count == 321


def test_other_iterations_keep_the_shape_of_the_schedule() -> None:
    whole = preset("standard", "a mug", model=model_named(BUILTIN))
    half = make_generation(
        "a mug", preset_name="standard", model=model_named(BUILTIN), iterations=whole.iterations // 2
    )
    assert half.timesteps.warmup_iterations == round(whole.timesteps.warmup_iterations / 2)
    assert half.representation.densification.stop == round(whole.representation.densification.stop / 2)


def test_the_preset_objective_stays_when_it_is_named(settings: properties.LucidSettings) -> None:
    standard = preset("standard", "a mug")
    name = "ISM" if isinstance(standard.objective, Ism) else "SDS"
    settings.objective = name
    assert to_generation(settings).objective == standard.objective


def test_models_are_downloaded_only_where_blender_may_go_online() -> None:
    assert model_named("some/model").allow_download == bpy.app.online_access


def test_a_run_from_a_mesh_carries_it_and_goes_back_in_its_place(settings: properties.LucidSettings) -> None:
    bpy.ops.mesh.primitive_cube_add(location=(3, 0, 0), size=4)
    settings.initialiser, settings.initial_mesh = "MESH", bpy.context.active_object
    request = to_request(settings, folder=Path("/jobs/x"), depsgraph=bpy.context.evaluated_depsgraph_get())
    assert isinstance(request.generation.initialiser, MeshSurface)
    assert np.linalg.norm(request.inputs.mesh.vertices, axis=1).max() == pytest.approx(0.6)
    assert tuple(matrix_of(request.inputs.placement).translation) == pytest.approx((3, 0, 0))


def test_what_is_missing_is_said_with_advice(settings: properties.LucidSettings) -> None:
    settings.initialiser = "MESH"
    with pytest.raises(InvalidInput, match="No mesh") as caught:
        to_request(settings, folder=Path("/jobs/x"), depsgraph=bpy.context.evaluated_depsgraph_get())
    assert caught.value.advice
    settings.model = "OTHER"
    with pytest.raises(InvalidInput, match="No model"):
        to_generation(settings)


def test_an_unknown_override_lists_those_that_exist() -> None:
    with pytest.raises(InvalidInput, match="'iteration'") as caught:
        make_generation("a mug", preset_name="draft", model=model_named(BUILTIN), iteration=3)
    assert "iterations" in caught.value.advice


def test_unknown_words_are_those_of_no_list(
    settings: properties.LucidSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = tmp_path / "lucid.json"
    card.write_text('{"classes": ["mug", "ice cream"], "colors": ["red"], "other_words": ["a", "on"]}')
    monkeypatch.setattr(settings_check, "MODEL_CARD", card)
    settings.prompt = "A Red ice cream, on a gargoyle"
    assert unknown_words(settings) == ["gargoyle"]
    settings.model = "OTHER"
    assert unknown_words(settings) == []


def test_no_model_card_means_no_warning(
    settings: properties.LucidSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings_check, "MODEL_CARD", tmp_path / "nothing.json")
    assert unknown_words(settings) == []


def test_a_new_job_never_takes_the_folder_of_another() -> None:
    first = preferences.new_job_folder("A red  Mushroom!")
    first.mkdir(parents=True)
    second = preferences.new_job_folder("A red  Mushroom!")
    assert first != second and first.name.endswith("a-red-mushroom")


def test_the_backend_is_found_where_link_left_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(preferences.PYTHON_VARIABLE, raising=False)
    with pytest.raises(BackendError) as caught:
        preferences.find_backend()
    assert caught.value.advice
    python = tmp_path / "python"
    python.touch()
    (preferences.user_folder("") / "backend.json").write_text(f'{{"python": "{python}"}}')
    assert preferences.find_backend() == python
    other = tmp_path / "other"
    other.touch()
    monkeypatch.setenv(preferences.PYTHON_VARIABLE, str(other))
    assert preferences.find_backend() == other
