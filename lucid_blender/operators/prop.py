"""What a run makes in the scene: the splats while they grow, and in the end what belongs to them."""

from pathlib import Path

import bpy

from .. import preferences
from ..client.job_state import state
from ..core import codec
from ..core.jobs import PICTURE_FILE
from ..core.meshes import TriangleMesh
from ..core.messages import ExtractMesh, Finished, Generate, Notice, Snapshot
from ..core.options import Image
from ..core.pictures import Picture
from ..core.splats import SplatCloud
from ..scene.collections import describe, find_job_object, home_of, new_collection, prop_name
from ..scene.display import makers, set_display
from ..scene.meshes import create_mesh
from ..scene.pictures import picture_of_file, show_picture
from ..scene.placement import matrix_of
from ..scene.pointcloud import create_splats, update_splats
from . import running


class Prop:
    """A Generate request and its objects. They are found by the job's name, which they carry: never by reference."""

    def __init__(
        self,
        request: Generate,
        *,
        mesh_beside: bool = False,
        replaces: bpy.types.Object | None = None,
    ) -> None:
        """``mesh_beside`` puts the mesh next to the splats, not over them; ``replaces`` is hidden when the first splats
        come."""
        self.request = request
        self._mesh_beside = mesh_beside
        self.title = request.generation.prompt
        self.job = Path(request.job_folder).name
        self._was_shown = False
        draws_splats = not isinstance(request.generation.representation, Image)
        self._makers = makers(preferences.new_display()) if draws_splats else []  # of what the first splats need
        self._replaces = replaces.name if replaces is not None else ""

    @property
    def splats(self) -> bpy.types.Object | None:
        return find_job_object(self.job, "POINTCLOUD")

    @property
    def mesh(self) -> bpy.types.Object | None:
        return find_job_object(self.job, "MESH")

    @property
    def image(self) -> bpy.types.Image | None:
        return next((image for image in bpy.data.images if image.get("lucid_job") == self.job), None)

    def prepare(self) -> None:
        """One of the data-blocks that the first splats need."""
        if self._makers:
            self._makers.pop(0)()

    def show(self, snapshot: Snapshot) -> None:
        """The splats, or the picture, as they are now; what the user has removed is not made again before the end."""
        if self._was_shown and self.splats is None and self.image is None:
            return
        if snapshot.splats is not None:
            self._put_splats(snapshot.splats)
        if snapshot.picture is not None:
            self._put_picture(snapshot.picture)
        self._was_shown = True

    def undone(self) -> None:
        self._was_shown = self.splats is not None or self.image is not None

    def deliver(self, finished: Finished) -> None:
        """The final splats and the mesh, described, the splats active, as one step to undo; or the picture."""
        if PICTURE_FILE in finished.artefacts:
            self._put_picture(picture_of_file(Path(finished.job_folder, PICTURE_FILE))).pack()
        if finished.splats is not None:
            self._put_splats(finished.splats)
        if finished.mesh is not None and self.splats is not None:
            self._put_mesh(finished.mesh, self.splats)
        if self.splats is not None:
            activate(self.splats)
        running.undo_step(f"Generate {self.title}")

    def _put_splats(self, cloud: SplatCloud) -> None:
        splats = self.splats
        if splats is not None:
            update_splats(splats, cloud)
            return
        splats = create_splats(cloud, prop_name(self.title))
        set_display(splats, preferences.new_display())
        splats.matrix_world = matrix_of(self.request.inputs.placement)
        self._describe(splats)
        new_collection(self.title, bpy.context.scene).objects.link(splats)
        replaced = bpy.data.objects.get(self._replaces)
        if replaced is not None:
            replaced.hide_viewport = replaced.hide_render = True

    def _put_picture(self, picture: Picture) -> bpy.types.Image:
        old = self.image
        made = show_picture(picture, prop_name(self.title), old)
        if made == old:
            return made
        if old is not None:
            old.user_remap(made)
            bpy.data.images.remove(old)
        made.use_fake_user = True  # no object uses it
        self._describe(made)
        state.note(Notice(message=f"The picture is the image {made.name!r}; open it in an Image Editor."))
        return made

    def _put_mesh(self, mesh: TriangleMesh, splats: bpy.types.Object) -> None:
        old = self.mesh
        if old is not None:
            bpy.data.objects.remove(old)
        made = create_mesh(mesh, prop_name(self.title) + " mesh")
        made.matrix_world = splats.matrix_world
        self._describe(made)
        home_of(splats, bpy.context.scene).objects.link(made)
        if self._mesh_beside:
            made.location.x += 1.1 * splats.dimensions.x

    def _describe(self, made: bpy.types.ID) -> None:
        generation = self.request.generation
        settings = codec.dumps(generation)
        describe(made, prompt=generation.prompt, seed=generation.seed, settings=settings, job=self.job)


class MeshOfSplats:
    """An ExtractMesh request for the splats of one object."""

    def __init__(self, request: ExtractMesh, source: bpy.types.Object) -> None:
        self.request = request
        self.title = f"Mesh of {source.name}"
        self._source = source.name
        self._matrix = source.matrix_world.copy()
        self._name = ""

    @property
    def mesh(self) -> bpy.types.Object | None:
        return bpy.data.objects.get(self._name)

    def prepare(self) -> None:
        """The mesh shares nothing with others."""

    def show(self, snapshot: Snapshot) -> None:
        """There are none."""

    def undone(self) -> None:
        """Nothing is in the scene yet."""

    def deliver(self, finished: Finished) -> None:
        """The mesh beside the splats, with what is written on them."""
        if finished.mesh is None:
            return
        made = create_mesh(finished.mesh, f"{self._source} mesh")
        source = bpy.data.objects.get(self._source)
        if source is not None:
            for key in ("prompt", "seed", "settings", "lucid_job"):
                if key in source:
                    made[key] = source[key]
        made.matrix_world = source.matrix_world if source is not None else self._matrix
        home = home_of(source, bpy.context.scene) if source is not None else bpy.context.scene.collection
        home.objects.link(made)
        self._name = made.name
        select([made])
        running.undo_step(self.title)


def activate(made: bpy.types.Object) -> None:
    """Make it active with nothing selected: a selection's outline would frame the splats' proxies, not the prop."""
    select([made])
    made.select_set(False)


def select(found: list[bpy.types.Object]) -> None:
    """Select exactly these, the last of them active, as far as the view layer shows them."""
    layer = bpy.context.view_layer
    layer.update()  # so that it has what was linked a moment ago
    for other in layer.objects:
        other.select_set(False)
    for made in found:
        if made.name in layer.objects and made.visible_get():
            made.select_set(True)
            layer.objects.active = made
