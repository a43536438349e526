"""From what the user chooses to a request."""

from pathlib import Path

import bpy
import numpy as np
import pytest

from lucid_blender import preferences, properties, settings_check
from lucid_blender.core.errors import BackendError, InvalidInput
from lucid_blender.core.options import BUILTIN, Consistent3d, Ism, Lora, Meshing, MeshSurface, Sds, Sphere
from lucid_blender.core.presets import BUILTIN_GUIDANCE, PRESETS, preset
from lucid_blender.generations import to_generation, to_request
from lucid_blender.named_changes import make_generation, model_named
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
    whole = preset("standard", "a mug", model=model_named("some/model"))
    half = make_generation(
        "a mug", preset_name="standard", model=model_named("some/model"), iterations=whole.iterations // 2
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


def test_the_sidebar_knows_the_words_of_the_shipped_model(settings: properties.LucidSettings) -> None:
    settings.prompt = "a tall polka-dot red mug with a yellow handle on a wooden table, grey background"
    assert unknown_words(settings) == []
    settings.prompt += ", with wheels"
    assert unknown_words(settings) == ["wheels"]


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


def test_guidance_is_the_objective_s_own_until_it_is_set(settings: properties.LucidSettings) -> None:
    assert settings.guidance_scale == BUILTIN_GUIDANCE != Sds().guidance_scale
    settings.set_guidance = True
    assert settings.guidance_scale == BUILTIN_GUIDANCE
    settings.set_guidance = False
    settings.model, settings.objective = "SD_2_1_BASE", "CONSISTENT3D"
    assert settings.guidance_scale == Consistent3d().guidance_scale
    settings.set_guidance = True
    assert to_generation(settings).objective == Consistent3d()  # it starts where the objective stood
    settings.guidance_scale = 20.1
    assert to_generation(settings).objective == Consistent3d(guidance_scale=20.1, guidance_scale_end=10.05)
    settings.objective = "ISM"
    assert to_generation(settings).objective == Ism()
    settings.guidance_scale = 11
    settings.objective = "CONSISTENT3D"
    settings.set_guidance = False
    assert to_generation(settings).objective == Consistent3d()


def test_entering_a_guidance_is_enough_to_set_it(settings: properties.LucidSettings) -> None:
    settings.guidance_scale = 9.3
    assert settings.set_guidance and to_generation(settings).objective.guidance_scale == 9.3


def test_guidance_is_one_value_with_and_without_all_options(settings: properties.LucidSettings) -> None:
    settings.objective, settings.guidance_scale = "VDM", 9.25
    settings.customise = True
    assert settings.guidance_scale == settings.options.objective_vdm.guidance_scale == 9.25
    settings.guidance_scale = 3.5
    assert to_generation(settings).objective.guidance_scale == 3.5
    settings.options.objective_vdm.guidance_scale = 4.5
    assert settings.guidance_scale == 4.5
    settings.options.objective_kind = "Ism"
    assert settings.guidance_scale == settings.options.objective_ism.guidance_scale
    settings.customise = False
    assert settings.guidance_scale == to_generation(settings).objective.guidance_scale == 4.5


def test_loras_count_with_and_without_all_options(settings: properties.LucidSettings) -> None:
    bpy.ops.lucid.lora_add()
    bpy.ops.lucid.lora_add()
    assert settings.lora_index == 1
    first, second = settings.options.model.loras
    first.source, first.weight = "a/hat", 0.7
    second.source, second.trigger, second.add_trigger = "clay.safetensors", "in clay style", True
    wanted = (
        Lora(source="a/hat", weight=0.7),
        Lora(source="clay.safetensors", trigger="in clay style", add_trigger=True),
    )
    assert to_generation(settings).model.loras == wanted
    assert to_generation(settings, edits=True).model.loras == wanted
    settings.customise = True
    assert to_generation(settings).model.loras == wanted
    settings.lora_index = 0
    bpy.ops.lucid.lora_remove()
    assert to_generation(settings).model.loras == wanted[1:] and settings.lora_index == 0
    settings.customise = False
    assert to_generation(settings).model.loras == wanted[1:]
    bpy.ops.lucid.lora_remove()
    assert not bpy.ops.lucid.lora_remove.poll() and to_generation(settings).model.loras == ()


def test_a_lora_is_chosen_as_a_file_or_as_its_folder(settings: properties.LucidSettings, tmp_path: Path) -> None:
    bpy.ops.lucid.lora_add()
    file = tmp_path / "clay.safetensors"
    file.touch()
    bpy.ops.lucid.choose_lora(filepath=str(file))
    assert settings.options.model.loras[0].source == str(file)
    bpy.ops.lucid.choose_lora(filepath=str(tmp_path / "nothing there"))
    assert settings.options.model.loras[0].source == str(tmp_path)
