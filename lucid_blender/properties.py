"""What the user chooses, as properties of the scene. What they stand for is in generations.py."""

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, PointerProperty, StringProperty

from . import option_properties, preferences
from .core.model_files import cached_ids
from .core.models import KNOWN
from .core.option_fields import summary
from .core.options import DiffusionModel, Generation
from .core.presets import OBJECTIVES, PRESETS, objective
from .generations import begin_guidance, fill_options, guidance_of, set_guidance
from .option_properties import OptionsGroup, title
from .preferences import DISPLAY_ITEMS
from .scene.display import DISPLAYS, display_of, set_display, splat_objects

_PRESET_TEXTS = {
    "draft": "A first look: few steps and few splats",
    "standard": "A prop to use",
    "paper": "As many steps as the LucidDreamer paper takes",
}
_OBJECTIVE_ITEMS = [
    (name.upper(), title(cls), summary(cls))
    for name, cls in ((name, type(objective(name, DiffusionModel()))) for name in OBJECTIVES)
]


_MODEL_ITEMS = [
    ("BUILTIN", "Built-in", "Small, quick and offline; knows fifty props in ten colours and six materials", "NONE", 0),
    *((known.key, known.short, f"{known.name}. {known.text}", "NONE", at) for at, known in enumerate(KNOWN, 2)),
    ("OTHER", "Other", "Any Stable Diffusion 1.x or 2.x: one of the hub by its id, a file or a folder", "NONE", 1),
]


def _cached_ids(settings: "LucidSettings", context: bpy.types.Context, text: str) -> list[str]:
    """What may be meant: models that are in the cache, and others may be typed."""
    return [id for id in cached_ids(preferences.models_folder()) if text.lower() in id.lower()]


def _fill_once(settings: "LucidSettings", context: bpy.types.Context) -> None:
    if settings.customise and not settings.options_filled:
        fill_options(settings)


def _begin_guidance(settings: "LucidSettings", context: bpy.types.Context) -> None:
    begin_guidance(settings)


def shown_splats(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    """The splat objects that the choice of display is about: the selected ones, or else all of the scene."""
    found = splat_objects(scene.objects)
    return [splats for splats in found if splats.select_get()] or found


def _get_display(settings: "LucidSettings") -> int:
    found = shown_splats(settings.id_data)
    return DISPLAYS.index(display_of(found[0])) if found else 0


def _set_display(settings: "LucidSettings", value: int) -> None:
    for splats in shown_splats(settings.id_data):
        set_display(splats, DISPLAYS[value])


class LucidSettings(bpy.types.PropertyGroup):
    """The choices in the sidebar; they are saved with the scene."""

    prompt: StringProperty(name="Prompt", description="What to make, for example: a red mushroom")
    negative_prompt: StringProperty(
        name="Negative",
        description="What the prop should not look like, for example: grey, blurry. The guidance pushes away from it",
    )
    preset: EnumProperty(
        name="Preset",
        items=[(name, name.capitalize(), _PRESET_TEXTS[name]) for name in PRESETS],
        default="standard",
    )
    seed: IntProperty(
        name="Seed",
        description="The same seed and settings give the same prop",
        default=Generation.__dataclass_fields__["seed"].default,
        min=0,
    )
    randomise: BoolProperty(name="New Seed Each Time", description="Draw a new seed when Generate is pressed")
    initialiser: EnumProperty(
        name="Start From",
        items=[  # scenes keep the numbers
            (
                "PRESET",
                "From Preset",
                "What suits the model: built-in points for the built-in one, a ball for others",
                5,
            ),
            ("SPHERE", "Ball", "A ball of grey splats", 0),
            ("BOX", "Box", "A box of grey splats", 1),
            (
                "BUILTIN",
                "Built-in Points",
                "The surface of a prop that the built-in model knows, read in the prompt",
                6,
            ),
            ("MESH", "Mesh", "The surface and colours of a mesh in the scene; the prop takes its place and size", 2),
            ("POINT-E", "Point-E", "Points that OpenAI's Point-E makes from the prompt; needs its package", 3),
            ("SHAP-E", "Shap-E", "A surface that OpenAI's Shap-E makes from the prompt; downloads its weights", 4),
        ],
        default="PRESET",
    )
    initial_mesh: PointerProperty(  # without poll=, which makes the bpy wheel of 4.2 crash when Python ends
        name="Mesh",
        description="The object with a surface that gives the prop its first shape, or that ControlNets see",
        type=bpy.types.Object,
    )
    initial_image: PointerProperty(
        name="Picture",
        description="A picture to change after the prompt; the result is a picture, too. Empty: a prop is made",
        type=bpy.types.Image,
    )
    model: EnumProperty(
        name="Model", description="The network that judges the pictures", items=_MODEL_ITEMS, update=_begin_guidance
    )
    model_source: StringProperty(
        name="Other Model",
        description="A Stable Diffusion 1.x or 2.x: a hub id such as owner/name, a single .safetensors file, or a "
        "folder in diffusers' layout",
        search=_cached_ids,
        search_options={"SUGGESTION"},
    )
    display: EnumProperty(
        name="Display",
        description="What viewports show of the selected splats, or of all in the scene when none are selected",
        items=DISPLAY_ITEMS,
        get=_get_display,
        set=_set_display,
    )
    make_mesh: BoolProperty(name="Also Make a Mesh", description="Draw a coloured mesh around the splats at the end")
    show_colors: BoolProperty(
        name="Show Colours",
        description="Where new splats are shown as points, as the preferences say, switch this viewport from Solid, in "
        "which they are grey, to Material Preview",
        default=True,
    )
    set_iterations: BoolProperty(name="Set Iterations", description="Instead of as many as the preset has")
    iterations: IntProperty(
        name="Iterations",
        description="Steps of the optimisation. More sharpen the prop and take longer; few leave it a blur",
        default=500,
        min=1,
        soft_min=50,
        soft_max=5000,
    )
    set_splats: BoolProperty(name="Set Splats", description="Instead of as many as the preset has")
    splats: IntProperty(
        name="Splats",
        description="Splats at the start; they multiply where detail is wanted. More begin finer and are slower",
        default=5000,
        min=1,
        soft_min=500,
        soft_max=100_000,
        max=5_000_000,
    )
    objective: EnumProperty(
        name="Objective",
        description="How the network's opinion becomes a change: this decides sharpness, saturation and time",
        items=[("PRESET", "From Preset", "What suits the model"), *_OBJECTIVE_ITEMS],
        update=_begin_guidance,
    )
    set_guidance: BoolProperty(
        name="Set Guidance", description="Instead of what suits the objective and the model", update=_begin_guidance
    )
    guidance_scale: FloatProperty(
        name="Guidance",
        description="How strictly the prop follows the prompt. Low values make it soft and free, high ones bold and "
        "saturated; too high ones burn its colours",
        get=guidance_of,
        set=set_guidance,
        min=0,
        soft_min=1,
        soft_max=100,
        precision=2,
        step=50,
        options={"SKIP_SAVE"},
    )
    guidance_kind: StringProperty(description="The objective for which a guidance has been entered", options={"HIDDEN"})
    lora_index: IntProperty(name="LoRA", description="The one whose values are below the list")
    customise: BoolProperty(
        name="All Options",
        description="Show every option, at first as the preset has it, and use them in the preset's place",
        update=_fill_once,
    )
    options_filled: BoolProperty(options={"HIDDEN"})
    options: PointerProperty(type=OptionsGroup)


CLASSES = (*option_properties.CLASSES, LucidSettings)
