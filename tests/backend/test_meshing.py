"""Meshes around splats, held against shapes whose surface is known."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation

from lucid_blender.backend.meshing.decimation import is_closed, untangled
from lucid_blender.backend.meshing.density import PADDING, SMOOTHING, density_grid
from lucid_blender.backend.meshing.mesh_file import write_mesh
from lucid_blender.backend.meshing.seen_colors import seen_colors
from lucid_blender.backend.meshing.surface import extract, filled, largest_pieces, signed_volume, without_pits
from lucid_blender.backend.rasterizers.numba_cpu import rasterize
from lucid_blender.core.errors import InvalidInput
from lucid_blender.core.meshes import TriangleMesh
from lucid_blender.core.options import Meshing
from lucid_blender.core.splats import SplatCloud

RED, BLUE = [0.9, 0.1, 0.1], [0.1, 0.1, 0.9]


def cloud(
    positions: np.ndarray,
    *,
    scales: np.ndarray | float = 0.03,
    rotations: np.ndarray | None = None,
    opacities: np.ndarray | float = 0.8,
    colors: np.ndarray | None = None,
) -> SplatCloud:
    count = len(positions)
    return SplatCloud.from_colors(
        positions=positions,
        scales=np.broadcast_to(scales, (count, 3)),
        rotations=np.tile([1.0, 0, 0, 0], (count, 1)) if rotations is None else rotations,
        opacities=np.broadcast_to(opacities, (count,)),
        colors=np.full((count, 3), 0.5) if colors is None else colors,
    )


def joined(*clouds: SplatCloud) -> SplatCloud:
    names = ("positions", "scales", "rotations", "opacities", "sh")
    return SplatCloud(**{name: np.concatenate([getattr(one, name) for one in clouds]) for name in names})


def ball(radius: float = 0.5, centre: tuple[float, float, float] = (0, 0, 0), spacing: float = 0.04) -> SplatCloud:
    """Round splats on a lattice inside a ball, red where x < 0."""
    ticks = np.arange(-radius, radius + spacing, spacing)
    points = np.stack(np.meshgrid(ticks, ticks, ticks), axis=-1).reshape(-1, 3)
    points = points[np.linalg.norm(points, axis=1) <= radius]
    return cloud(points + centre, colors=np.where(points[:, :1] < 0, RED, BLUE))


def shell(count: int, radius: float = 0.5, *, hole: float = 0.0) -> SplatCloud:
    """Thin discs on a sphere, evenly spread (Fibonacci); none within ``hole`` metres of its top."""
    k = np.arange(count) + 0.5
    z, azimuth = 1 - 2 * k / count, np.pi * (1 + 5**0.5) * k
    normals = np.stack([np.sqrt(1 - z * z) * np.cos(azimuth), np.sqrt(1 - z * z) * np.sin(azimuth), z], axis=1)
    normals = normals[np.linalg.norm(normals - [0, 0, 1], axis=1) * radius >= hole]
    towards = np.stack([1 + normals[:, 2], -normals[:, 1], normals[:, 0], 0 * normals[:, 0]], axis=1)
    return cloud(normals * radius, scales=np.array([0.03, 0.03, 0.004]), rotations=towards)


def meshed(splats: SplatCloud, options: Meshing) -> TriangleMesh:
    return extract(splats, options, rasterize)


def as_trimesh(mesh: TriangleMesh) -> trimesh.Trimesh:
    return trimesh.Trimesh(mesh.vertices, mesh.triangles, process=False)


# ---------------------------------------------------------------- density


def test_density_is_the_sum_of_the_gaussians() -> None:
    """Against the definition, sample by sample, with turned and stretched splats."""
    rng = np.random.default_rng(0)
    quats = rng.normal(size=(20, 4))
    scales = rng.uniform(0.02, 0.1, size=(20, 3))
    points, opacities = rng.uniform(-0.3, 0.3, size=(20, 3)), rng.uniform(0.1, 1, size=20)
    colors = rng.random((20, 3))
    grid = density_grid(cloud(points, scales=scales, rotations=quats, opacities=opacities, colors=colors), 32)

    indices = np.moveaxis(np.indices(grid.density.shape), 0, -1)
    samples = grid.origin + grid.step * indices
    axes = Rotation.from_quat(quats[:, [1, 2, 3, 0]]).as_matrix()
    density, color = np.zeros(grid.density.shape), np.zeros(grid.color.shape)
    for n in range(20):
        covariance = axes[n] @ np.diag(scales[n] ** 2) @ axes[n].T + np.eye(3) * (SMOOTHING * grid.step) ** 2
        offset = samples - points[n]
        squared = np.einsum("...i,ij,...j->...", offset, np.linalg.inv(covariance), offset)
        weight = np.where(squared <= 9, opacities[n] * np.exp(-squared / 2), 0)
        density += weight
        color += weight[..., None] * colors[n]
    # Samples on the cut-off itself (weight 0.011) may fall on either side of it; elsewhere float32 sums of 20 splats.
    assert np.mean(np.abs(grid.density - density) > 1e-5) < 1e-3
    assert np.abs(grid.density - density).max() < 0.012
    assert np.mean(np.abs(grid.color - color) > 1e-5) < 1e-3


def test_the_grid_has_the_resolution_asked_for_and_a_free_border() -> None:
    grid = density_grid(ball(), 64)
    assert max(grid.density.shape) in (63, 64, 65)
    for axis in range(3):
        sides = np.moveaxis(grid.density, axis, 0)
        assert sides[: PADDING - 2].max() == 0 and sides[2 - PADDING :].max() == 0


def test_transparent_splats_strays_and_giants_do_not_count() -> None:
    prop = ball()
    strays = cloud(np.array([[50.0, 0, 0], [0, -80, 3]]))
    haze = cloud(np.random.default_rng(0).uniform(-2, 2, size=(500, 3)), opacities=0.01)
    giant = cloud(np.zeros((1, 3)), scales=5.0)
    assert density_grid(joined(prop, strays, haze, giant), 64).step == pytest.approx(density_grid(prop, 64).step)


def test_a_splat_alone_is_not_a_stray() -> None:
    mesh = meshed(cloud(np.array([[3.0, 4, 5]]), scales=0.2, opacities=1.0), Meshing(resolution=64))
    radii = np.linalg.norm(mesh.vertices - [3, 4, 5], axis=1)
    # exp(-r^2 / 2 s^2) = 0.5 at r = 1.177 s = 0.235 m; a sample is 0.02 m.
    assert radii == pytest.approx(0.235, abs=0.01)


# ---------------------------------------------------------------- the surface


@pytest.mark.parametrize("resolution", [48, 128])
def test_a_ball_of_splats_becomes_a_closed_sphere(resolution: int) -> None:
    mesh = meshed(ball(), Meshing(resolution=resolution))
    solid = as_trimesh(mesh)
    assert solid.is_watertight and solid.is_winding_consistent and solid.body_count == 1
    radii = np.linalg.norm(mesh.vertices, axis=1)
    # The lattice ends between 0.46 and 0.5 m, and the level is met about one standard deviation (0.03 m) outside.
    assert 0.48 < radii.min() and radii.max() < 0.57
    assert solid.volume == pytest.approx(4 / 3 * np.pi * radii.mean() ** 3, rel=0.02)


def test_normals_point_outwards() -> None:
    mesh = meshed(ball(), Meshing(resolution=64))
    assert signed_volume(mesh.vertices.astype(np.float64), mesh.triangles.astype(np.int64)) > 0
    solid = as_trimesh(mesh)
    assert (np.einsum("ij,ij->i", solid.face_normals, solid.triangles_center) > 0).all()


def test_vertices_take_the_colours_of_the_splats_around_them() -> None:
    mesh = meshed(ball(), Meshing(resolution=64))
    left, right = mesh.vertices[:, 0] < -0.1, mesh.vertices[:, 0] > 0.1
    # Beyond 0.1 m, three standard deviations from the seam, only one colour is left.
    assert np.allclose(mesh.colors[left], RED, atol=0.02)
    assert np.allclose(mesh.colors[right], BLUE, atol=0.02)


def test_what_is_hidden_does_not_colour_the_surface() -> None:
    red = shell(2500)
    red = cloud(red.positions, scales=red.scales, rotations=red.rotations, colors=np.tile(RED, (len(red), 1)))
    lattice = ball(0.47, spacing=0.05)
    black = cloud(lattice.positions, scales=0.02, opacities=0.95, colors=np.zeros((len(lattice), 3)))
    mesh = meshed(joined(red, black), Meshing())
    assert np.abs(mesh.colors - RED).max(axis=1).mean() < 0.05
    assert np.percentile(np.abs(mesh.colors - RED).max(axis=1), 99) < 0.15


@pytest.mark.parametrize("size", [0.01, 100.0])
def test_props_of_any_size_are_seen(size: int) -> None:
    red = shell(2500)
    red = cloud(
        size * red.positions, scales=size * red.scales, rotations=red.rotations, colors=np.tile(RED, (len(red), 1))
    )
    normals = red.positions / np.linalg.norm(red.positions, axis=1, keepdims=True)
    colors, seen = seen_colors(red, red.positions, normals, rasterize, size=128, depth=0.02 * size)
    assert seen.mean() > 0.99 and np.allclose(colors[seen], RED, atol=0.02)


def test_colours_where_nobody_can_see_are_of_the_splats_around() -> None:
    bowl = shell(4000, hole=0.35)
    colors = np.where(bowl.positions[:, :1] < 0, RED, BLUE)
    bowl = cloud(bowl.positions, scales=bowl.scales, rotations=bowl.rotations, colors=colors)
    seen, normals = np.array([[0.5, 0, 0], [0, 0, -0.4]]), np.array([[1.0, 0, 0], [0, 0, -1.0]])
    found, of_outside = seen_colors(bowl, seen, normals, rasterize, size=128, depth=0.02)
    assert list(of_outside) == [True, False] and np.allclose(found[0], BLUE, atol=0.05)
    mesh = meshed(bowl, Meshing())
    left, right = mesh.vertices[:, 0] < -0.1, mesh.vertices[:, 0] > 0.1
    for side, color in ((left, RED), (right, BLUE)):
        assert np.abs(mesh.colors[side] - color).max() < 0.3


def test_colours_outside_srgb_are_clipped() -> None:
    bright = ball()
    mesh = meshed(
        SplatCloud(
            positions=bright.positions,
            scales=bright.scales,
            rotations=bright.rotations,
            opacities=bright.opacities,
            sh=bright.sh * 4,
        ),
        Meshing(resolution=32),
    )
    assert mesh.colors.min() >= 0 and mesh.colors.max() <= 1
    assert np.allclose(mesh.colors[mesh.vertices[:, 0] > 0.2], [0, 0, 1], atol=5e-3)


def test_a_thin_shell_has_one_wall_and_is_solid_inside() -> None:
    mesh = meshed(shell(4000), Meshing())
    solid = as_trimesh(mesh)
    assert solid.is_watertight and solid.body_count == 1 and solid.euler_number == 2
    assert np.linalg.norm(mesh.vertices, axis=1).min() > 0.49  # no wall inside
    assert solid.volume == pytest.approx(4 / 3 * np.pi * 0.5**3, rel=0.12)


def test_a_small_hole_in_the_wall_does_not_open_the_inside() -> None:
    mesh = meshed(shell(4000, hole=0.06), Meshing())
    solid = as_trimesh(mesh)
    assert solid.is_watertight and solid.body_count == 1 and solid.euler_number == 2
    # The hole is 0.03 m wide at the level, closed by a dent that is less deep than that.
    assert np.linalg.norm(mesh.vertices, axis=1).min() > 0.46


def test_an_opening_wider_than_a_hole_stays_open() -> None:
    mesh = meshed(shell(4000, hole=0.35), Meshing())
    assert np.linalg.norm(mesh.vertices, axis=1).min() < 0.499  # a bowl has an inner wall
    assert as_trimesh(mesh).volume < 0.5 * 4 / 3 * np.pi * 0.5**3


def test_filling_leaves_crevices_of_the_outer_surface_open() -> None:
    wall = np.zeros((60, 60, 60), bool)
    wall[10:50, 10:50, 10:50] = True
    wall[28:31, 10:50, 30:50] = False  # a slot 3 samples wide
    assert (filled(wall) == wall).all()


def test_filling_closes_a_box_with_a_pinhole_and_keeps_its_shape() -> None:
    box = np.zeros((60, 60, 60), bool)
    box[10:50, 10:50, 10:50] = True
    hollow = box.copy()
    hollow[12:48, 12:48, 12:48] = False
    assert (filled(hollow) == box).all()
    hollow[10:12, 29:31, 29:31] = False
    found = filled(hollow)
    assert not (found & ~box).any()
    assert (box & ~found).sum() <= 2 * 2 * 2  # nothing is missing but some of the hole itself


def test_a_wide_hole_is_closed_flush_with_the_wall() -> None:
    box = np.zeros((120, 120, 120), bool)
    box[8:112, 8:112, 8:112] = True
    hollow = box.copy()
    hollow[10:110, 10:110, 10:110] = False
    hollow[8:10, 56:64, 56:64] = False  # 8 samples wide; the ball's diameter is 10
    found = filled(hollow)
    # A ball of radius 5 behind a hole of half the width 4 comes within 5 - sqrt(5^2 - 4^2) = 2 samples of its face.
    assert not (found & ~box).any()
    assert (box & ~found).any(axis=(1, 2)).sum() <= 2


def test_pits_between_splats_are_filled_and_wider_crevices_stay_open() -> None:
    block = np.zeros((128, 128, 128), bool)
    block[14:114, 14:114, 14:114] = True
    pitted = block.copy()
    pitted[40:44, 40:44, 104:114] = False
    pitted[20:24, 30:98, 104:114] = False
    left = block & ~without_pits(pitted)
    assert not left[:, :, :113].any()  # but for a dent of one sample where they were open
    open_slot = block.copy()
    open_slot[60:66, 14:114, 80:114] = False  # 6 of 128 samples wide: more than 2 * PIT
    assert not without_pits(open_slot)[61:65, 15:113, 81:114].any()  # its inner edges are rounded


def test_a_wall_of_single_splats_becomes_smooth() -> None:
    """Round splats at random on a sphere, as many as leave the wall lumpy."""
    points = np.random.default_rng(0).normal(size=(2500, 3))
    points *= 0.5 / np.linalg.norm(points, axis=1, keepdims=True)
    solid = as_trimesh(meshed(cloud(points, scales=0.015), Meshing()))
    cosines = np.einsum("ij,ij->i", solid.face_normals, solid.triangles_center)
    cosines /= np.linalg.norm(solid.triangles_center, axis=1)
    assert np.average(cosines, weights=solid.area_faces) > 0.9


def test_a_sheet_one_sample_thick_is_not_smoothed_away() -> None:
    ticks = np.arange(-0.48, 0.5, 0.06)
    points = np.stack(np.meshgrid(ticks, ticks, [0.0]), axis=-1).reshape(-1, 3)
    mesh = meshed(cloud(points, scales=np.array([0.03, 0.03, 0.001])), Meshing())
    solid = as_trimesh(mesh)
    assert solid.is_watertight and solid.body_count == 1
    assert solid.area / 2 == pytest.approx(1.0, abs=0.15)  # m^2 of each side


def test_only_the_largest_pieces_are_kept() -> None:
    two = joined(ball(0.3, (-0.5, 0, 0)), ball(0.2, (0.5, 0, 0)))
    one = meshed(two, Meshing(resolution=96, components=1))
    assert as_trimesh(one).body_count == 1 and one.vertices[:, 0].max() < 0
    assert as_trimesh(meshed(two, Meshing(resolution=96, components=2))).body_count == 2


def test_crumbs_are_left_out_even_where_more_pieces_are_allowed() -> None:
    solid = np.zeros((40, 40, 40), bool)
    solid[5:25, 5:25, 5:25] = True
    solid[30, 30, 30] = True
    solid[30:36, 5:11, 5:11] = True
    kept = largest_pieces(solid, 3)
    assert not kept[30, 30, 30] and kept[30, 5, 5] and kept[5, 5, 5]


def test_the_triangle_budget_is_kept_and_the_mesh_stays_closed() -> None:
    rng = np.random.default_rng(1)
    lumps = joined(*(ball(0.15, tuple(rng.uniform(-0.4, 0.4, 3)), 0.05) for _ in range(12)))
    for budget in (400, 3000):
        mesh = meshed(lumps, Meshing(resolution=96, triangles=budget, components=9))
        assert len(mesh.triangles) <= budget
        assert as_trimesh(mesh).is_watertight


@pytest.mark.parametrize("budget", [2000, 1000])
def test_a_crumpled_surface_stays_closed_at_a_small_share_of_its_triangles(budget: int) -> None:
    """Plain edge collapses of this one leave edges with four triangles."""
    rng = np.random.default_rng(0)
    points = rng.normal(size=(400, 3))
    points *= 0.5 / np.linalg.norm(points, axis=1, keepdims=True)
    patches = cloud(points, scales=0.035, opacities=rng.uniform(0.2, 1, 400))
    mesh = meshed(patches, Meshing(resolution=96, components=20, triangles=budget))
    assert budget * 0.9 <= len(mesh.triangles) <= budget
    assert as_trimesh(mesh).is_watertight


def test_the_same_splats_give_the_same_mesh() -> None:
    first, second = (meshed(shell(1500), Meshing(resolution=64)) for _ in range(2))
    for name in ("vertices", "triangles", "colors"):
        assert getattr(first, name).tobytes() == getattr(second, name).tobytes()


def test_no_splats_and_thin_splats_are_errors_with_advice() -> None:
    with pytest.raises(InvalidInput, match="none of the 0 splats"):
        meshed(cloud(np.zeros((0, 3))), Meshing())
    with pytest.raises(InvalidInput, match="none of the 5 splats") as caught:
        meshed(cloud(np.random.default_rng(0).random((5, 3)), opacities=0.01), Meshing())
    assert caught.value.advice
    with pytest.raises(InvalidInput, match="reaches 0.3") as caught:
        meshed(cloud(np.zeros((1, 3)), opacities=0.3), Meshing())
    assert "Lower" in caught.value.advice


def test_ten_thousand_splats_take_seconds_not_minutes() -> None:
    meshed(ball(), Meshing(resolution=32))  # compile
    started = time.process_time()
    meshed(shell(10_000), Meshing())
    # About 1.5 s on one core; ten times that is a fault of the method, not of the machine.
    assert time.process_time() - started < 15


# ---------------------------------------------------------------- decimation


def test_two_tetrahedra_that_share_an_edge_are_parted() -> None:
    points = np.array([[0, 0, 0], [0, 0, 1], [1, 0, 0.5], [0.5, 0.5, 0.5], [-1, 0, 0.5], [-0.5, -0.5, 0.5]], float)
    one = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    other = np.array([[0, 4, 1], [0, 1, 5], [0, 5, 4], [1, 4, 5]])
    both = np.concatenate([one, other])
    assert is_closed(one) and not is_closed(both)
    vertices, triangles = untangled(points, both)
    assert is_closed(triangles) and len(vertices) == 8 and len(triangles) == 8
    assert (vertices[triangles] == points[both]).all()


def test_triangles_back_to_back_are_removed() -> None:
    points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]], float)
    body = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    flap = np.array([[0, 1, 4], [0, 4, 1]])
    vertices, triangles = untangled(points, np.concatenate([body, flap]))
    assert len(triangles) == 4 and len(vertices) == 4 and is_closed(triangles)


# ---------------------------------------------------------------- files


def test_a_mesh_file_reads_back_with_its_colours(tmp_path: Path) -> None:
    mesh = meshed(ball(), Meshing(resolution=32))
    write_mesh(tmp_path / "mesh.ply", mesh)
    found = trimesh.load_mesh(tmp_path / "mesh.ply", process=False)
    assert np.allclose(found.vertices, mesh.vertices, atol=1e-6)
    assert (found.faces == mesh.triangles).all()
    assert np.allclose(found.visual.vertex_colors[:, :3] / 255, mesh.colors, atol=0.5 / 255 + 1e-6)
