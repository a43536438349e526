"""Where the backend, the jobs and the caches are."""

import os
import re
import time
from pathlib import Path

import bpy
from bpy.props import BoolProperty, EnumProperty, StringProperty

from . import installation_view
from .client import installation
from .client.environment import find_python
from .client.file_stamp import read_seldom
from .client.process import Launch
from .core.errors import BackendError
from .core.model_files import hub_cache, own_login
from .viewport import inset

# What viewports show of splats; scene/display.py has the same names.
DISPLAY_ITEMS = [
    ("SPLATS", "Splats", "Draw the splats as they are, in every viewport shading; the object has no surface there"),
    ("POINTS", "Points", "Show what the render engines get: spheres in Solid, splats in the other shadings"),
    ("BOUNDS", "Bounds", "Show the box around the splats: the quickest"),
]
PYTHON_VARIABLE = "LUCID_DREAMER_PYTHON"


class LucidPreferences(bpy.types.AddonPreferences):
    bl_idname = __package__

    backend_python: StringProperty(
        name="Backend's Python",
        description="Interpreter, or folder, of the Python environment that holds torch and diffusers",
        subtype="FILE_PATH",
    )
    uv: StringProperty(
        name="uv",
        description="Program that installs the backend. Empty: the one that comes with the extension, or the system's",
        subtype="FILE_PATH",
    )
    base_python: StringProperty(
        name="Make It From",
        description="Python 3.11 or newer to make the backend's environment from, such as conda's. Empty: uv looks for "
        "one, and downloads one where there is none",
        subtype="FILE_PATH",
    )
    install_arguments: StringProperty(
        name="Extra Arguments",
        description="For `uv pip install`, such as --index-url URL, or --no-index --find-links FOLDER without a "
        "network. Where they say where packages come from, torch is not looked for by this computer's device",
    )
    jobs_folder: StringProperty(
        name="Jobs Folder",
        description="Where runs keep their settings, checkpoints and results. Empty: the extension's own folder",
        subtype="DIR_PATH",
    )

    models_folder: StringProperty(
        name="Models Folder",
        description="Where models of the hub are kept, gigabytes each. Empty: the cache that other programs use too",
        subtype="DIR_PATH",
    )
    hub_token: StringProperty(
        name="Hugging Face Token",
        description="Access token of your account, for gated and private models. It is kept unencrypted in Blender's "
        "preferences; safer is `hf auth login`, or the environment variable HF_TOKEN, which go before it",
        subtype="PASSWORD",
    )

    display: EnumProperty(
        name="Show New Splats As",
        description="What viewports show of splats that are generated or imported from now on",
        items=DISPLAY_ITEMS,
    )

    show_inset: BoolProperty(
        name="Training Picture in Viewports",
        description="While a prompt is at work, show the picture that the model saw last in a corner of the viewports, "
        "with their overlays. Otherwise the sidebar shows it",
        default=True,
        update=lambda preferences, context: inset.redraw(),
    )

    def draw(self, context: bpy.types.Context) -> None:
        self.layout.use_property_split = True
        self.draw_backend(self.layout.box())
        column = self.layout.column()
        column.prop(self, "jobs_folder", placeholder=str(jobs_folder()))
        column.prop(self, "models_folder", placeholder=str(models_folder()))
        login = own_login(os.environ)
        row = column.row()
        row.active = not login
        row.prop(self, "hub_token", placeholder=f"from {login}" if login else "for gated and private models")
        if login and self.hub_token:
            column.label(text=f"The token of {login} is used instead", icon="INFO")
        column.prop(self, "display")
        column.prop(self, "show_inset")
        online = bpy.app.online_access
        text = "Models may be downloaded" if online else "Models are not downloaded: Blender is offline"
        column.label(text=f"{text} (System > Network)", icon="INTERNET" if online else "INTERNET_OFFLINE")

    def draw_backend(self, layout: bpy.types.UILayout) -> None:
        """Install, update, remove, check; what they are told; which one is used."""
        try:
            layout.label(text=f"Backend: {find_backend()}", icon="CHECKMARK")
        except BackendError as error:
            layout.label(text=error.message, icon="ERROR")
        installation_view.draw(layout, installation_folder(), installation_view.labels(layout))
        column = layout.column()
        column.prop(self, "install_arguments", placeholder="--index-url ... or --no-index --find-links ...")
        column.prop(self, "base_python")
        column.prop(self, "uv")
        column.prop(self, "backend_python")
        installation_view.draw_findings(layout)


def find_backend() -> Path:
    """The backend's interpreter: the preference, else the environment variable, else what was installed or linked.

    Raises BackendError, with advice, when there is none.
    """
    found = _preferences()
    installed = installation.installed_python(installation_folder())
    others = [Path(text) for text in (os.environ.get(PYTHON_VARIABLE, ""), installed, _linked_python()) if text]
    return find_python(found.backend_python if found else "", others)


def launch() -> Launch:
    """How to start the backend. Raises BackendError when it is not there."""
    found = _preferences()
    return Launch(
        python=find_backend(),
        cache_folder=user_folder("cache"),
        log_file=log_file(),
        allow_downloads=bpy.app.online_access,
        models_folder=models_folder() if found and found.models_folder else None,
        hub_token=found.hub_token.strip() if found else "",
    )


def log_file() -> Path:
    """The backend's log of the last start."""
    return user_folder("logs") / "backend.log"


def installation_folder() -> Path:
    """Where Install Backend puts the environment."""
    return user_folder("backend")


def installation_log() -> Path:
    """Outside the installation, so that it outlives its removal."""
    return user_folder("logs") / "install.log"


def installation_plan() -> installation.Plan:
    """The environment as the preferences want it. Raises BackendError, with advice."""
    found = _preferences()
    wishes = installation.Wishes(
        uv=bpy.path.abspath(found.uv) if found else "",
        base_python=bpy.path.abspath(found.base_python) if found else "",
        arguments=found.install_arguments if found else "",
        online=bpy.app.online_access,
    )
    # Beside the package in the extension, beside its folder in the source.
    package = Path(__file__).parent
    root = package if (package / "constraints").is_dir() else package.parent
    pins = root / "constraints" / "backend.txt"
    return installation.plan(installation_folder(), wishes, wheels=root / "wheels", constraints=pins)


def jobs_folder() -> Path:
    """Where new jobs go."""
    found = _preferences()
    if found and found.jobs_folder:
        return Path(bpy.path.abspath(found.jobs_folder))
    return user_folder("jobs")


def models_folder() -> Path:
    """Where models of the hub are kept."""
    found = _preferences()
    if found and found.models_folder:
        return Path(bpy.path.abspath(found.models_folder))
    return hub_cache(os.environ)


def new_display() -> str:
    """What viewports show of new splats."""
    found = _preferences()
    return found.display if found else DISPLAY_ITEMS[0][0]


def show_inset() -> bool:
    """Whether viewports show what the model saw last."""
    found = _preferences()
    return found is None or found.show_inset


def slug_of(prompt: str) -> str:
    """A prompt as a part of a folder's name."""
    return re.sub(r"[^a-z0-9]+", "-", prompt.lower()).strip("-")[:40] or "prop"


def new_job_folder(prompt: str) -> Path:
    """A path, not yet a folder, for a run: time and prompt."""
    name = f"{time.strftime('%Y%m%d-%H%M%S')}-{slug_of(prompt)}"
    folder = jobs_folder() / name
    number = 2
    while folder.exists():
        folder, number = folder.with_name(f"{name}-{number}"), number + 1
    return folder


def user_folder(name: str) -> Path:
    """A folder of ours outside the extension, which an update would overwrite."""
    if __package__.startswith("bl_ext."):
        return Path(bpy.utils.extension_path_user(__package__, path=name, create=True))
    path = os.path.join("lucid_dreamer", name)
    return Path(bpy.utils.user_resource("DATAFILES", path=path, create=True))


def _preferences() -> LucidPreferences | None:
    """None when the package is registered without being an add-on, as tests and scripts do."""
    addon = bpy.context.preferences.addons.get(__package__)
    return addon.preferences if addon else None


def _linked_python() -> str:
    found = read_seldom(user_folder("") / "backend.json")
    return str(found.get("python", "")) if isinstance(found, dict) else ""


CLASSES = (LucidPreferences,)
