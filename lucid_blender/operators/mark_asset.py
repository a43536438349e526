"""lucid.mark_asset: props as assets of this file or of an asset library."""

from pathlib import Path

import bpy
from bpy.props import EnumProperty, StringProperty

from .. import preferences
from ..client.history import PICTURES
from ..core.asset_catalogs import ensure_catalog, library_of
from ..core.errors import InvalidInput, LucidError
from ..scene.assets import About, can_be_asset, mark, tags_of, write_asset
from . import running

THIS_FILE = "THIS_FILE"
_items: list[tuple[str, str, str]] = []  # Blender keeps no reference to what an items function returns


def _libraries(operator: bpy.types.Operator, context: bpy.types.Context | None) -> list[tuple[str, str, str]]:
    found = bpy.context.preferences.filepaths.asset_libraries
    others = [(library.name, library.name, f"A new file in {library.path}") for library in found if library.path]
    _items[:] = [(THIS_FILE, "This File", "Mark the objects themselves"), *others]
    return _items


class LUCID_OT_mark_asset(bpy.types.Operator):
    bl_idname = "lucid.mark_asset"
    bl_label = "Mark as Asset"
    bl_description = "Make assets of the selected props, with picture, tags and catalog"
    bl_options = {"REGISTER", "UNDO"}

    library: EnumProperty(name="Library", description="Where the asset is kept", items=_libraries)
    catalog: StringProperty(
        name="Catalog",
        description="Made if it is not there; / makes a catalog in another. Empty: none",
        default="Props",
    )
    tags: StringProperty(
        name="Tags",
        description="Separated by commas. Empty: the words of the prompt, and the model",
        options={"SKIP_SAVE"},
    )
    description: StringProperty(name="Description", description="Empty: the prompt", options={"SKIP_SAVE"})
    author: StringProperty(name="Author", description="Who made it")
    license: StringProperty(name="Licence", description="Under which others may use it, for example CC0")

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if chosen_props(context):
            return True
        cls.poll_message_set("Select splats, or a mesh that was made from a prompt")
        return False

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        found = chosen_props(context)
        if len(found) == 1:
            self.tags = self.tags or ", ".join(tags_of(found[0]))
            self.description = self.description or str(found[0].get("prompt", ""))
        return context.window_manager.invoke_props_dialog(self, width=400, confirm_text="Mark as Asset")

    def draw(self, context: bpy.types.Context) -> None:
        self.layout.use_property_split = True
        hints = {"catalog": "none", "tags": "the words of the prompt", "description": "the prompt", "license": "CC0"}
        for name in ("library", "catalog", "tags", "description", "author", "license"):
            self.layout.prop(self, name, **({"placeholder": hints[name]} if name in hints else {}))

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            self._do(chosen_props(context))
        except LucidError as error:
            return running.report(self, error)
        return {"FINISHED"}

    def _do(self, props: list[bpy.types.Object]) -> None:
        folder = self._folder()
        catalog = ensure_catalog(folder, self.catalog) if folder is not None and self.catalog.strip() else ""
        for prop in props:
            about = About(
                description=self.description or str(prop.get("prompt", "")),
                author=self.author,
                license=self.license,
                tags=tuple(tag.strip() for tag in self.tags.split(",") if tag.strip()) or tags_of(prop),
                catalog_id=catalog,
            )
            if self.library == THIS_FILE:
                mark(prop, about, picture_of(prop))
            else:
                path = write_asset(prop, about, picture_of(prop), folder)
                self.report({"INFO"}, f"Wrote {path.name} to {self.library}")
        if folder is None and self.catalog.strip():
            self.report({"WARNING"}, "Marked without a catalog, which only a saved file can have")

    def _folder(self) -> Path | None:
        """Where the library's catalogs are; None for a file that was never saved."""
        libraries = {found.name: found.path for found in bpy.context.preferences.filepaths.asset_libraries}
        if self.library == THIS_FILE:
            paths = [Path(bpy.path.abspath(path)) for path in libraries.values() if path]
            return library_of(Path(bpy.data.filepath), paths) if bpy.data.filepath else None
        folder = Path(bpy.path.abspath(libraries[self.library]))
        if not folder.is_dir():
            raise InvalidInput(
                f"the folder {folder} of {self.library} is not there", advice="Correct it in the preferences."
            )
        return folder


def chosen_props(context: bpy.types.Context) -> list[bpy.types.Object]:
    """The selected objects that can be assets, or else the active one."""
    selected = [found for found in context.selected_objects if can_be_asset(found)]
    active = context.active_object
    return selected or ([active] if can_be_asset(active) else [])


def picture_of(prop: bpy.types.Object) -> Path | None:
    """The picture of the job that made it, if that is still kept."""
    job = str(prop.get("lucid_job", ""))
    pictures = [preferences.jobs_folder() / job / name for name in PICTURES] if job else []
    return next((path for path in pictures if path.is_file()), None)
