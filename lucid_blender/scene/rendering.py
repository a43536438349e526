"""Render settings that suit splats. For scenes of our own: the user's are never changed silently."""

import contextlib
import math
from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix

from ..core.cameras import orbit
from ..core.errors import InvalidInput
from .pointcloud import read_splats

SAMPLES = {"cycles": 16, "eevee": 64}  # a pixel, of each engine, that show no grain
FIELD_OF_VIEW = math.radians(30)
MARGIN = 1.1  # of the picture, to the prop's reach
REACH = 0.99  # share of the splats that are within


def set_splat_render(scene: bpy.types.Scene, *, samples: int = SAMPLES["cycles"], denoise: bool = False) -> None:
    """Cycles on the CPU with colours as they are, and rays that pass through as many splats as a prop has in depth.
    ``denoise`` does so where Blender was built with Open Image Denoise."""
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples = samples
    scene.cycles.use_denoising = False
    if denoise:
        with contextlib.suppress(TypeError):  # an item that this Blender does not have
            scene.cycles.denoiser = "OPENIMAGEDENOISE"
            scene.cycles.use_denoising = True
    scene.cycles.max_bounces = 4
    scene.cycles.transparent_max_bounces = 256  # the default of 8 leaves black fringes
    # Cycles gives up rays by chance before that many splats: grain that costs more samples than whole rays take time.
    scene.cycles.min_transparent_bounces = 256
    scene.view_settings.view_transform = "Standard"
    scene.view_settings.look = "None"


def render_splats(
    splats: bpy.types.Object,
    path: Path,
    *,
    engine: str,
    size: int,
    samples: int,
    azimuth: float,
    elevation: float,
    margin: float = MARGIN,
    denoise: bool = False,
) -> None:
    """Render the scene with a new camera that looks at the object, as a PNG with a clear background. Degrees; azimuth 0
    is the object's front; ``margin`` is the picture's size to the object's. Raises InvalidInput when it cannot be
    made."""
    scene = bpy.context.scene
    set_splat_render(scene, samples=samples, denoise=denoise)
    if engine == "eevee":
        scene.render.engine = "BLENDER_EEVEE" if bpy.app.version >= (5, 0, 0) else "BLENDER_EEVEE_NEXT"
        scene.eevee.taa_render_samples = samples
    scene.render.resolution_x = scene.render.resolution_y = size
    scene.render.resolution_percentage = 100
    scene.render.film_transparent = True
    scene.render.image_settings.file_format, scene.render.image_settings.color_mode = "PNG", "RGBA"
    scene.render.filepath = str(path.absolute())
    camera = _camera_on(splats, azimuth=azimuth, elevation=elevation, margin=margin, size=size)
    scene.collection.objects.link(camera)
    scene.camera = camera
    try:
        bpy.ops.render.render(write_still=True)
    except RuntimeError as error:
        raise InvalidInput(f"{path} cannot be rendered: {error}", advice="Check the path and the engine.") from error


def _camera_on(
    splats: bpy.types.Object, *, azimuth: float, elevation: float, margin: float, size: int
) -> bpy.types.Object:
    cloud = read_splats(splats)
    world = np.array(splats.matrix_world)
    places = cloud.positions.astype(np.float64) @ world[:3, :3].T + world[:3, 3]
    low, high = np.quantile(places, [1 - REACH, REACH], axis=0)
    centre = (low + high) / 2
    radius = max(float(np.quantile(np.linalg.norm(places - centre, axis=1), REACH)), 1e-3)
    distance = margin * radius / math.sin(FIELD_OF_VIEW / 2)
    front = math.degrees(splats.matrix_world.to_euler().z)
    view = orbit(
        radius=distance, azimuth=azimuth + front, elevation=elevation, fov_y=FIELD_OF_VIEW, width=size, height=size
    )
    camera = bpy.data.objects.new("Lucid Camera", bpy.data.cameras.new("Lucid Camera"))
    camera.data.angle = FIELD_OF_VIEW
    camera.data.clip_start, camera.data.clip_end = distance / 100, distance * 100
    camera.matrix_world = Matrix.Translation(centre.tolist()) @ Matrix(view.blender_matrix_world.tolist())
    return camera
