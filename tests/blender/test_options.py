"""Every option as a property: what goes in comes out, and each has its words."""

from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import bpy
import pytest

from lucid_blender import option_properties
from lucid_blender.core.errors import InvalidInput
from lucid_blender.core.option_fields import OptionField, option_fields
from lucid_blender.core.options import (
    Control,
    Densification,
    DiffusionModel,
    Generation,
    Ism,
    Lora,
    MeshSurface,
    Nerf,
    OrbitCameras,
    Sphere,
    Vdm,
)
from lucid_blender.core.presets import OBJECTIVES, PRESETS, objective, preset, with_representation
from lucid_blender.generations import fill_options, needs_mesh, to_generation
from lucid_blender.panels import sections
from lucid_blender.panels.options import DRAWN_ABOVE, draw_options

OTHER = DiffusionModel(source="a/b", loras=(Lora(source="x.safetensors", weight=0.3),))


def settings() -> bpy.types.PropertyGroup:
    settings = bpy.context.scene.lucid
    settings.prompt = "a red mug"
    return settings


def there_and_back(generation: Generation) -> Generation:
    options = bpy.context.scene.lucid.options
    option_properties.fill(options, generation)
    return option_properties.read(options, Generation)


@pytest.mark.parametrize("model", [DiffusionModel(), OTHER], ids=["builtin", "other"])
@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_comes_back_exactly(name: str, model: DiffusionModel) -> None:
    generation = preset(name, "a cup", model=model)
    assert there_and_back(generation) == generation


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_comes_back_exactly(name: str) -> None:
    generation = replace(preset("paper", "a cup"), objective=objective(name, OTHER))
    assert there_and_back(generation) == generation


def test_lists_choices_and_absent_values_come_back() -> None:
    controls = (Control(kind="depth", source="builtin", timesteps=(0.1, 0.7)), Control(kind="normal", source="x"))
    generation = replace(with_representation(preset("draft", "a cup"), Nerf()), controls=controls)
    assert there_and_back(generation) == generation
    assert there_and_back(replace(generation, controls=())).controls == ()
    splats = preset("draft", "a cup")
    without = replace(splats, representation=replace(splats.representation, densification=None))
    assert there_and_back(without) == without


def test_a_list_that_cannot_be_read_is_refused_by_name() -> None:
    options = bpy.context.scene.lucid.options
    option_properties.fill(options, replace(preset("draft", "a cup"), objective=Vdm()))
    options.objective_vdm.widths = "16, 32"
    with pytest.raises(InvalidInput, match="Widths is '16, 32'"):
        option_properties.read(options, Generation)


def test_a_tooltip_is_the_comment_behind_the_field() -> None:
    group = bpy.context.scene.lucid.options
    assert group.bl_rna.properties["views"].description == "Pictures an iteration"
    densify = group.representation_gaussians.densification.bl_rna.properties
    assert densify["every"].description == ""
    assert densify["percent_dense"].description.startswith("X extent")
    assert option_fields(Densification)[0] == OptionField("start", int, False, "after this iteration", 100)


def test_the_options_take_the_preset_s_place() -> None:
    chosen = settings()
    chosen.preset, chosen.objective = "draft", "VDM"
    plain = to_generation(chosen)
    chosen.customise = True
    assert to_generation(chosen) == plain
    chosen.options.objective_vdm.learning_rate = 0.02
    assert to_generation(chosen) == replace(plain, objective=replace(plain.objective, learning_rate=0.02))
    chosen.customise = False
    assert to_generation(chosen) == plain
    chosen.customise = True
    assert to_generation(chosen).objective.learning_rate == 0.02  # nothing entered is lost
    fill_options(chosen)
    assert chosen.customise and to_generation(chosen) == plain


def test_a_model_in_the_sidebar_keeps_its_loras_in_the_options() -> None:
    chosen = settings()
    chosen.customise = True
    bpy.ops.lucid.option_add(path="model.loras")
    chosen.options.model.loras[0].source = "hat.safetensors"
    assert to_generation(chosen).model.loras[0].source == "hat.safetensors"
    bpy.ops.lucid.option_remove(path="model.loras", index=0)
    assert to_generation(chosen).model.loras == ()


def test_properties_start_as_the_dataclasses_do() -> None:
    group = bpy.context.scene.lucid.options
    assert option_properties.read(group.objective_ism, Ism) == Ism()
    assert option_properties.read(group.cameras, OrbitCameras) == OrbitCameras()
    lora = group.model.loras.add()
    assert (lora.weight, lora.add_trigger) == (1.0, False)


def test_filling_happens_once(capfd: pytest.CaptureFixture[str]) -> None:
    chosen = settings()
    chosen.objective = "VDM"
    for switch in (True, False, True):
        chosen.customise = switch
    assert chosen.options.objective_kind == "Vdm"
    assert capfd.readouterr().err == ""  # Blender prints what an update raises, and goes on


def test_a_mesh_surface_asks_for_a_mesh() -> None:
    chosen = settings()
    assert not needs_mesh(chosen)
    chosen.customise = True
    chosen.options.initialiser_kind = MeshSurface.__name__
    assert needs_mesh(chosen)


def test_lengths_and_angles_have_their_unit() -> None:
    cameras = bpy.context.scene.lucid.options.cameras
    run = bpy.context.scene.lucid.options.bl_rna.properties["snapshot_seconds"]
    assert (run.unit, run.name) == ("TIME_ABSOLUTE", "Snapshots")
    units = {name: cameras.bl_rna.properties[name].unit for name in ("radius", "fov_y", "elevation", "relax_every")}
    assert units == {"radius": "LENGTH", "fov_y": "ROTATION", "elevation": "NONE", "relax_every": "NONE"}
    cameras.fov_y = (0.5, 0.75)
    assert option_properties.read(cameras, OrbitCameras).fov_y == (0.5, 0.75)  # shown in degrees, kept in radians


def test_every_option_is_in_one_section() -> None:
    names = [name for section in sections.CLASSES for name in section.fields]
    names += [f"model.{name}" for section in sections.CLASSES for name in section.model_fields]
    assert len(names) == len(set(names))
    wanted = {field.name for field in option_fields(Generation)} - {"model"}
    wanted |= {f"model.{field.name}" for field in option_fields(DiffusionModel)}
    assert set(names) == wanted - DRAWN_ABOVE


@pytest.mark.parametrize("customise", [False, True])
def test_the_sections_draw_what_is_theirs(customise: bool) -> None:
    chosen = settings()
    chosen.customise = customise
    bpy.ops.lucid.lora_add()
    drawn: list[str] = []
    for section in sections.CLASSES:
        section.draw(SimpleNamespace(layout=Layout(drawn), **panel_of(section)), bpy.context)
    assert {"negative_prompt", "guidance_scale", "weight", "make_mesh"} <= set(drawn)
    assert drawn.count("guidance_scale") == 1
    assert customise == ({"gradient_scale", "device", "relax_start"} < set(drawn))
    assert customise != ({"initialiser", "set_iterations", "objective", "set_guidance", "customise"} <= set(drawn))


def panel_of(section: type) -> dict[str, object]:
    names = ("fields", "model_fields")
    return {name: getattr(section, name) for name in names} | {"draw_basics": partial(section.draw_basics, None)}


class Layout:
    """Stands for a UILayout: notes what is drawn, every panel open."""

    def __init__(self, drawn: list[str]) -> None:
        self.drawn, self.active = drawn, True

    def prop(self, group: bpy.types.PropertyGroup, name: str, **_: object) -> None:
        assert name in group.bl_rna.properties
        self.drawn.append(name)

    def template_ID(self, group: bpy.types.PropertyGroup, name: str, **_: object) -> None:
        self.drawn.append(name)

    def panel(self, name: str, *, default_closed: bool) -> tuple["Layout", "Layout"]:
        return Layout(self.drawn), Layout(self.drawn)

    def operator(self, name: str, **_: object) -> "Layout":
        return Layout(self.drawn)

    def template_list(self, kind: str, _id: str, group: object, name: str, other: object, index: str, **_: int) -> None:
        assert hasattr(bpy.types, kind) and hasattr(group, name) and hasattr(other, index)

    def label(self, *, text: str) -> None:
        assert text

    def row(self, **_: object) -> "Layout":
        return Layout(self.drawn)

    column = box = row


def test_every_option_is_drawn() -> None:
    chosen = settings()
    chosen.customise = True
    chosen.options.initialiser_kind = Sphere.__name__  # others have a prompt of their own
    drawn: list[str] = []
    draw_options(Layout(drawn), chosen.options, Generation)
    assert {"iterations", "gradient_scale", "objective_kind", "percent_dense", "radius_limits", "rasterizer"} <= set(
        drawn
    )
    assert not {"prompt", "seed", "source"} & set(drawn)
