"""Splat clouds as objects: attributes, updates, and how they render."""

from pathlib import Path

import bpy
import numpy as np
import pytest
from mathutils import Quaternion

from lucid_blender.core.cameras import orbit
from lucid_blender.core.errors import InvalidInput
from lucid_blender.core.splats import SplatCloud
from lucid_blender.scene.pointcloud import create_splats, is_splats, read_splats, update_splats
from lucid_blender.scene.rendering import set_splat_render

from .conftest import random_cloud

SIZE = 48  # pixels


def linked(cloud: SplatCloud) -> bpy.types.Object:
    splats = create_splats(cloud, "splats")
    bpy.context.scene.collection.objects.link(splats)
    return splats


@pytest.mark.parametrize("coefficients", [1, 4, 9, 16])
def test_attributes_keep_every_bit(coefficients: int) -> None:
    cloud = random_cloud(200, coefficients=coefficients)
    assert read_splats(linked(cloud)).equals(cloud)


def test_attributes_carry_the_names_of_native_splats() -> None:
    data = linked(random_cloud(5, coefficients=4)).data
    names = {name: data.attributes[name].data_type for name in data.attributes.keys()}
    assert names.pop("radiance:base") in ("FLOAT4", "FLOAT_COLOR")
    assert {key: names[key] for key in ("position", "scale", "rotation", "radiance:sh_0", "radiance:sh_2")} == {
        "position": "FLOAT_VECTOR",
        "scale": "FLOAT_VECTOR",
        "rotation": "QUATERNION",
        "radiance:sh_0": "FLOAT_VECTOR",
        "radiance:sh_2": "FLOAT_VECTOR",
    }


def test_an_empty_cloud_becomes_an_empty_object() -> None:
    assert len(linked(random_cloud(0)).data.points) == 0


def test_an_update_keeps_the_object_and_leaves_no_old_data() -> None:
    splats = linked(random_cloud(20))
    splats.location = (1, 2, 3)
    materials, modifiers = list(splats.data.materials), [modifier.name for modifier in splats.modifiers]
    cloud = random_cloud(50, seed=1)
    update_splats(splats, cloud)
    assert read_splats(splats).equals(cloud)
    assert tuple(splats.location) == (1, 2, 3)
    assert list(splats.data.materials) == materials
    assert [modifier.name for modifier in splats.modifiers] == modifiers
    assert len(bpy.data.pointclouds) == 1 and len(bpy.data.scenes) == 1


def test_all_splats_share_one_material_and_one_node_group() -> None:
    for seed in range(3):
        linked(random_cloud(5, seed=seed))
    assert len(bpy.data.materials) == 1 and len(bpy.data.node_groups) == 1


def test_an_object_without_splats_is_refused_by_name() -> None:
    empty = bpy.data.objects.new("nothing here", None)
    assert not is_splats(empty)
    with pytest.raises(InvalidInput, match="nothing here"):
        read_splats(empty)
    with pytest.raises(InvalidInput, match="found nothing"):
        read_splats(None)


def test_values_that_no_splat_has_are_refused() -> None:
    splats = linked(random_cloud(3))
    splats.data.attributes["scale"].data.foreach_set("vector", np.full(9, -1, np.float32))
    with pytest.raises(InvalidInput, match="scales must be > 0"):
        read_splats(splats)


def test_a_splat_renders_as_the_projected_gaussian(tmp_path: Path) -> None:
    color, opacity = np.array([0.8, 0.3, 0.1]), 0.9
    cloud = SplatCloud.from_colors(
        positions=np.array([[0.1, 0.05, 0]]),
        scales=np.array([[0.3, 0.1, 0.2]]),
        rotations=np.array([[0.8, 0.3, 0.4, 0.2]]),
        opacities=np.array([opacity]),
        colors=color[None],
    )
    splats = linked(cloud)
    splats.location, splats.rotation_euler, splats.scale = (0.1, 0, 0.1), (0.2, 0.3, 0.4), (1.2, 1.2, 1.2)
    pixels = rendered(tmp_path)
    expected = projected_alpha(cloud, np.array(splats.matrix_world), opacity)
    # 0.012: beyond 3 standard deviations nothing is drawn (0.9 exp(-4.5) = 0.01); pixels average over their area.
    assert np.abs(pixels[..., 3] - expected).max() < 0.012
    y, x = np.unravel_index(expected.argmax(), expected.shape)
    linear = ((color + 0.055) / 1.055) ** 2.4
    assert pixels[y, x, :3] / pixels[y, x, 3] == pytest.approx(linear, rel=1e-3)


def test_a_nearer_splat_hides_a_farther_one(tmp_path: Path) -> None:
    def ball(y: float, color: tuple[float, float, float]) -> None:
        linked(
            SplatCloud.from_colors(
                positions=np.array([[0, y, 0]]),
                scales=np.full((1, 3), 0.2),
                rotations=np.array([[1.0, 0, 0, 0]]),
                opacities=np.array([1.0]),
                colors=np.array([color]),
            )
        )

    ball(0.5, (1, 0, 0))
    ball(-0.5, (0, 0, 1))  # the front of a prop faces -Y, and so does the camera at azimuth 0
    middle = rendered(tmp_path, perspective=True)[SIZE // 2, SIZE // 2]
    assert middle[2] > 0.95 and middle[0] < 0.05


def test_what_shows_through_many_splats_has_no_grain(tmp_path: Path) -> None:
    """One sample a pixel is enough, where rays are not given up by chance on their way through."""
    count, opacity = 40, 0.1
    linked(
        SplatCloud.from_colors(
            positions=np.linspace((0, 0, -0.2), (0, 0, 0.2), count),
            scales=np.full((count, 3), 0.8),
            rotations=np.tile([1.0, 0, 0, 0], (count, 1)),
            opacities=np.full(count, opacity),
            colors=np.full((count, 3), 0.5),
        )
    )
    alpha = rendered(tmp_path, samples=1)[..., 3]
    across = (np.arange(SIZE) + 0.5) / SIZE * 2 - 1
    squared = (across**2 + across[:, None] ** 2) / 0.8**2
    expected = 1 - (1 - opacity * np.exp(-squared / 2)) ** count
    # 0.03: the one ray is anywhere in its pixel; rays given up by chance are wrong by 0.3 and more.
    assert np.abs(alpha - expected).max() < 0.03


def rendered(folder: Path, *, perspective: bool = False, samples: int = 64) -> np.ndarray:
    """[SIZE, SIZE, 4] linear, premultiplied, rows from the bottom. Orthographic: looking down, 2 m wide."""
    scene = bpy.context.scene
    set_splat_render(scene, samples=samples)
    scene.render.resolution_x = scene.render.resolution_y = SIZE
    scene.render.film_transparent = True
    scene.cycles.pixel_filter_type = "BOX"
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    scene.collection.objects.link(camera)
    scene.camera = camera
    if perspective:
        view = orbit(radius=4, azimuth=0, elevation=0, fov_y=0.5, width=SIZE, height=SIZE)
        camera.data.angle, camera.matrix_world = 0.5, view.blender_matrix_world.T
    else:
        camera.location, camera.data.type, camera.data.ortho_scale = (0, 0, 4), "ORTHO", 2
    scene.render.image_settings.file_format = "OPEN_EXR"
    scene.render.image_settings.color_depth = "32"
    scene.render.filepath = str(folder / "picture.exr")
    bpy.ops.render.render(write_still=True)
    picture = bpy.data.images.load(scene.render.filepath)
    pixels = np.empty(SIZE * SIZE * 4, np.float32)
    picture.pixels.foreach_get(pixels)
    return pixels.reshape(SIZE, SIZE, 4)


def projected_alpha(cloud: SplatCloud, world: np.ndarray, opacity: float) -> np.ndarray:
    """The Gaussian marginalised along -Z: its covariance without the third row and column."""
    linear = world[:3, :3] @ np.array(Quaternion(cloud.rotations[0]).to_matrix()) @ np.diag(cloud.scales[0])
    covariance = (linear @ linear.T)[:2, :2]
    centre = (world[:3, :3] @ cloud.positions[0] + world[:3, 3])[:2]
    axis = (np.arange(SIZE) + 0.5) / SIZE * 2 - 1
    offset = np.stack(np.meshgrid(axis, axis), axis=-1) - centre
    return opacity * np.exp(-0.5 * np.einsum("...i,ij,...j", offset, np.linalg.inv(covariance), offset))
