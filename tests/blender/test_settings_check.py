"""What the check before a run finds, and that a click puts it right."""

import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import bpy
import pytest

from lucid_blender import properties
from lucid_blender.core.options import BuiltinPoints, Control, Image, MeshSurface
from lucid_blender.core.presets import preset
from lucid_blender.generations import to_request
from lucid_blender.option_properties import fill
from lucid_blender.settings_check import FIXES, problems


@pytest.fixture
def settings() -> properties.LucidSettings:
    found = bpy.context.scene.lucid
    found.prompt = "a red mug"
    return found


def fixed_by(fix: str) -> None:
    """The check finds something that this helps against; afterwards it finds nothing, and a request can be made."""
    (problem,) = problems(bpy.context)
    assert problem.message and fix in problem.fixes
    assert bpy.ops.lucid.fix_setting(fix=fix) == {"FINISHED"}
    assert problems(bpy.context) == []
    to_request(bpy.context.scene.lucid, folder=Path("x"), depsgraph=bpy.context.evaluated_depsgraph_get())


def test_untouched_settings_have_no_problems(settings: properties.LucidSettings) -> None:
    assert problems(bpy.context) == []
    settings.customise = True
    assert problems(bpy.context) == []


def test_a_model_without_a_name(settings: properties.LucidSettings) -> None:
    settings.model = "OTHER"
    fixed_by("BUILTIN")


def test_a_model_that_is_not_there(settings: properties.LucidSettings) -> None:
    settings.model, settings.model_source = "OTHER", "/nowhere/model"
    fixed_by("BUILTIN")


@pytest.mark.skipif(bpy.app.online_access, reason="this Blender may go online")
def test_a_model_that_would_have_to_be_downloaded_offline(settings: properties.LucidSettings) -> None:
    settings.model, settings.model_source = "OTHER", "owner/name"
    fixed_by("BUILTIN")


def test_a_lora_without_a_source(settings: properties.LucidSettings) -> None:
    settings.options.model.loras.add().source = "builtin:dipped"
    settings.options.model.loras.add()
    fixed_by("NO_EMPTY_LORAS")
    assert [lora.source for lora in settings.options.model.loras] == ["builtin:dipped"]


def test_a_lora_that_is_not_there(settings: properties.LucidSettings, tmp_path: Path) -> None:
    settings.options.model.loras.add().source = str(tmp_path / "clay.safetensors")
    assert "There is no LoRA" in problems(bpy.context)[0].message
    (tmp_path / "clay.safetensors").touch()
    assert problems(bpy.context) == []


def test_a_start_from_no_mesh_can_be_a_ball(settings: properties.LucidSettings) -> None:
    settings.initialiser = "MESH"
    assert "ACTIVE_MESH" not in problems(bpy.context)[0].fixes  # nothing is active
    fixed_by("BALL")


def test_a_start_from_no_mesh_can_be_the_active_object(settings: properties.LucidSettings) -> None:
    bpy.ops.mesh.primitive_cube_add()
    settings.initialiser = "MESH"
    fixed_by("ACTIVE_MESH")
    assert settings.initial_mesh == bpy.context.active_object


def test_a_start_from_what_has_no_surface(settings: properties.LucidSettings) -> None:
    bpy.ops.object.empty_add()
    settings.initialiser, settings.initial_mesh = "MESH", bpy.context.active_object
    assert "has no surface" in problems(bpy.context)[0].message
    fixed_by("BALL")


def test_control_nets_want_a_mesh_to_see(settings: properties.LucidSettings) -> None:
    settings.customise = True
    fill(settings.options, replace(preset("draft", "a mug"), controls=(Control(kind="depth", source="owner/net"),)))
    fixed_by("NO_CONTROLS")


def test_all_options_start_from_a_mesh_too(settings: properties.LucidSettings) -> None:
    settings.customise = True
    settings.options.initialiser_kind = MeshSurface.__name__
    fixed_by("BALL")


def test_built_in_points_for_a_prop_that_they_do_not_know(settings: properties.LucidSettings, tmp_path: Path) -> None:
    settings.model, settings.model_source = "OTHER", str(tmp_path)
    settings.initialiser = "BUILTIN"
    assert problems(bpy.context) == []
    settings.prompt = "a carved dragon"
    assert "know no prop in 'a carved dragon'" in problems(bpy.context)[0].message
    fixed_by("BALL")


def test_all_options_can_give_built_in_points_a_text_of_their_own(
    settings: properties.LucidSettings, tmp_path: Path
) -> None:
    settings.model, settings.model_source = "OTHER", str(tmp_path)
    settings.prompt, settings.customise = "a dragon", True
    settings.options.initialiser_kind = BuiltinPoints.__name__
    assert "know no prop" in problems(bpy.context)[0].message
    settings.options.initialiser_builtinpoints.prompt = "a turtle"
    assert problems(bpy.context) == []


def test_an_option_out_of_range(settings: properties.LucidSettings) -> None:
    settings.customise = True
    settings.options.resolution = 17
    assert "resolution is 17" in problems(bpy.context)[0].message
    fixed_by("FROM_PRESET")


def test_a_picture_has_no_mesh(settings: properties.LucidSettings) -> None:
    settings.make_mesh = settings.customise = True
    settings.options.representation_kind = Image.__name__
    fixed_by("NO_MESH")


def test_a_full_disk_is_told(settings: properties.LucidSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1_000_000))
    (problem,) = problems(bpy.context)
    assert "only 1 MB left" in problem.message and not problem.fixes


def test_every_fix_that_is_offered_exists() -> None:
    offered = bpy.ops.lucid.fix_setting.get_rna_type().properties["fix"].enum_items
    assert offered.keys() == list(FIXES)
