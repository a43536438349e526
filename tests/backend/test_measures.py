"""Spectra, surfaces and intervals against closed forms and independent formulas."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from lucid_blender.backend.grammar import CLASSES, Scene
from lucid_blender.backend.grammar.scene import BOUND
from lucid_blender.backend.meshing.decimation import is_closed
from lucid_blender.backend.meshing.surface import signed_volume
from lucid_blender.backend.quality.intervals import interval
from lucid_blender.backend.quality.pose import Pose
from lucid_blender.backend.quality.spectrum import BANDS, FLOOR, UPPER, detail, power_in_bands, window
from lucid_blender.backend.quality.surface import Samples, compared, nearness, samples
from lucid_blender.core.meshes import TriangleMesh

RANDOM = np.random.default_rng
WHOLE = Pose(1.0, 1.0, 0, 1.0)

# ---------------------------------------------------------------- spectra


def texture(seed: int, size: int = 96, views: int = 6) -> np.ndarray:
    return 0.5 + 0.1 * RANDOM(seed).normal(size=(views, size, size, 3))


def test_white_noise_has_its_variance_in_every_band() -> None:
    noise = texture(0, size=128)
    disc = window(np.hypot(*np.mgrid[-64:64, -64:64]) < 50)
    power = power_in_bands(noise, np.broadcast_to(disc, noise.shape[:3]))
    # 3 channels of variance 0.01; a ring has at least 400 waves of 18 pictures, correlated by the window: 5 %
    np.testing.assert_allclose(power[1:], 0.03, rtol=0.08)


def test_a_wave_is_in_the_band_of_its_frequency_only() -> None:
    size, frequency = 64, 10 / 64  # cycles a pixel
    wave = np.tile(0.5 + 0.2 * np.sin(2 * np.pi * frequency * np.arange(size)), (size, 1))[None, ..., None]
    power = power_in_bands(np.repeat(wave, 3, 3), np.ones((1, size, size)))
    assert np.argmax(power) == int(frequency * 2 * BANDS)
    assert power[np.argmax(power)] > 0.999 * power.sum()


def test_sharpness_is_the_transfer_function_of_a_blur() -> None:
    sharp, sigma = texture(1), 0.6  # pixels
    waves = np.hypot(np.fft.fftfreq(96)[:, None], np.fft.fftfreq(96))[..., None]
    soft = np.fft.ifft2(np.fft.fft2(sharp, axes=(1, 2)) * np.exp(-2 * (np.pi * sigma * waves) ** 2), axes=(1, 2)).real
    whole = np.ones(sharp.shape[:3], np.float32)
    found = detail(soft, whole, sharp, whole)
    frequency = (np.arange(UPPER, BANDS) + 0.5) / (2 * BANDS)
    gain = np.exp(-2 * (np.pi * sigma * frequency) ** 2)  # of a Gaussian of that deviation
    power = 0.03
    wanted = np.exp(np.log((gain**2 * power + FLOOR) / (power + FLOOR)).mean() / 2)
    assert found is not None
    assert found.sharpness == pytest.approx(wanted, rel=0.03)  # rings are not thin, the window leaks a little
    assert found.distance > 3


def test_the_distance_of_spectra_is_the_ratio_of_powers_in_decibels() -> None:
    sharp = texture(2)
    whole = np.ones(sharp.shape[:3], np.float32)
    found = detail(0.5 + 0.5 * (sharp - 0.5), whole, sharp, whole)
    assert found is not None
    assert found.distance == pytest.approx(20 * np.log10(2), rel=1e-2)  # half the contrast; the floor takes a little
    assert found.sharpness == pytest.approx(0.5, rel=1e-2)


def test_what_lies_outside_of_either_silhouette_adds_nothing() -> None:
    sharp, other = texture(3), texture(3)
    alphas = np.zeros(sharp.shape[:3], np.float32)
    alphas[:, 20:80, 20:80] = 1
    smaller = alphas.copy()
    smaller[:, :30] = 0
    other[:, :30] = RANDOM(4).random(other[:, :30].shape)
    found = detail(other, smaller, sharp, alphas)
    assert found is not None and found.distance == pytest.approx(0, abs=1e-9)
    assert detail(other, 1 - alphas, sharp, alphas) is None  # nothing in common


# ---------------------------------------------------------------- surfaces


def ball(radius: float, centre: float = 0.0) -> Samples:
    """Even points on a sphere (Fibonacci's lattice)."""
    k = np.arange(20_000)
    z, angle = 1 - (2 * k + 1) / len(k), k * np.pi * (3 - np.sqrt(5))
    across = np.sqrt(1 - z**2)
    unit = np.stack([across * np.cos(angle), across * np.sin(angle), z], 1)
    return Samples(radius * unit + centre * np.array([1, 0, 0]), unit)


def test_the_chamfer_distance_of_concentric_spheres_is_the_difference_of_radii() -> None:
    found = compared(ball(1.0), ball(0.9))
    assert found.chamfer == pytest.approx(0.1, rel=0.01)  # points 0.025 apart: sqrt(0.1^2 + 0.01^2)
    assert found.normal_consistency == pytest.approx(1, abs=1e-3)


def test_the_chamfer_distance_looks_both_ways() -> None:
    a = ball(1.0)
    half = Samples(a.points[a.points[:, 2] > 0], a.normals[a.points[:, 2] > 0])
    found = compared(half, a)
    # nothing one way; the other way the lower half is arccos-weighted far from the rim: mean of sqrt(2 - 2 sin) there
    polar = np.arcsin(-a.points[a.points[:, 2] < 0][:, 2])
    assert found.chamfer == pytest.approx((2 * np.sin(polar / 2)).mean() / 4, rel=0.01)


def test_normals_at_right_angles_are_not_consistent() -> None:
    points = RANDOM(0).random((500, 3))
    up, aside = np.tile([0.0, 0, 1], (500, 1)), np.tile([1.0, 0, 0], (500, 1))
    assert compared(Samples(points, up), Samples(points, aside)).normal_consistency == 0
    assert compared(Samples(points, up), Samples(points, -up)).normal_consistency == 1


def test_points_lie_on_triangles_in_proportion_to_their_areas() -> None:
    vertices = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 5], [6, 0, 5], [0, 1, 5]])
    found = samples(vertices, np.array([[0, 1, 2], [3, 4, 5]]), 7000)
    assert found is not None
    assert (found.points[:, 2] > 4).mean() == pytest.approx(6 / 7, abs=0.02)  # four deviations
    np.testing.assert_allclose(np.abs(found.normals), [[0, 0, 1]] * 7000, atol=1e-12)
    low = found.points[found.points[:, 2] < 1]
    np.testing.assert_allclose(low.mean(0), [1 / 3, 1 / 3, 0], atol=0.03)
    assert (low[:, :2].sum(1) <= 1 + 1e-12).all()
    assert samples(vertices, np.array([[0, 0, 1]])) is None


def test_a_mesh_is_turned_and_enlarged_as_its_silhouettes_fit() -> None:
    scene = Scene("car", "red")
    mesh, a = scene.mesh(), np.deg2rad(30)
    back = np.array([[np.cos(a), np.sin(a), 0], [-np.sin(a), np.cos(a), 0], [0, 0, 1]])  # by -30 degrees about Z
    moved = TriangleMesh(vertices=mesh.vertices @ back.T / 1.25, triangles=mesh.triangles, colors=mesh.colors)
    aligned, as_it_is = nearness(moved, scene, Pose(1, 1, 30, 1.25)), nearness(moved, scene, WHOLE)
    assert aligned is not None and as_it_is is not None
    assert 10 * aligned.chamfer < 0.07 < as_it_is.chamfer  # 40 000 points are about 10 mm apart


def test_the_pose_is_that_of_the_pictures() -> None:
    """What turns a prop's silhouettes onto the scene's turns its mesh onto the scene's, too."""
    from lucid_blender.backend.quality.known import truth
    from lucid_blender.backend.quality.pose import best_pose

    scene, a = Scene("chair", "red"), np.deg2rad(40)
    pose = best_pose(truth(scene, 40.0).level.alphas, scene)  # the cameras go to +40, so the prop is turned by -40
    mesh = scene.mesh()
    back = np.array([[np.cos(a), np.sin(a), 0], [-np.sin(a), np.cos(a), 0], [0, 0, 1]])
    turned = TriangleMesh(vertices=mesh.vertices @ back.T, triangles=mesh.triangles, colors=mesh.colors)
    found = nearness(turned, scene, pose)
    assert pose.yaw == 40 and found is not None and found.chamfer < 0.007


@pytest.mark.parametrize("name", CLASSES)
def test_the_mesh_of_a_scene_is_closed_and_on_its_surface(name: str) -> None:
    scene = Scene(name, "red")
    mesh = scene.mesh(96)
    assert is_closed(mesh.triangles.astype(np.int64))
    assert signed_volume(mesh.vertices.astype(np.float64), mesh.triangles.astype(np.int64)) > 0
    cell = 2 * BOUND / 95
    assert np.abs(scene.distance(mesh.vertices)).max() < cell / 2
    assert np.abs(scene.distance(mesh.vertices)).mean() < cell / 20


def test_the_distance_of_a_ball_and_the_volume_of_its_mesh_are_those_of_a_ball() -> None:
    scene = Scene("ball", "red")
    radius = 0.62
    points = RANDOM(1).uniform(-0.9, 0.9, (200, 3))
    np.testing.assert_allclose(scene.distance(points), np.linalg.norm(points, axis=1) - radius, atol=1e-6)
    mesh = scene.mesh()
    volume = signed_volume(mesh.vertices.astype(np.float64), mesh.triangles.astype(np.int64))
    assert volume == pytest.approx(4 / 3 * np.pi * radius**3, rel=1e-3)


# ---------------------------------------------------------------- intervals


def test_one_seed_a_prompt_gives_the_interval_of_a_mean() -> None:
    values = RANDOM(5).normal(3, 2, size=200)
    found = interval([[value] for value in values])
    half = norm.ppf(0.975) * values.std() / np.sqrt(200)
    assert found is not None and found.mean == pytest.approx(values.mean()) and found.count == 200
    # 2000 replicates place each end within about 4 % of the half width
    assert [found.low, found.high] == pytest.approx([values.mean() - half, values.mean() + half], abs=0.12 * half)


def test_more_seeds_do_not_hide_that_prompts_differ() -> None:
    prompts = RANDOM(6).normal(size=12)
    one, many = interval([[p] for p in prompts]), interval([[p] * 50 for p in prompts])
    assert one is not None and many is not None
    assert many.high - many.low == pytest.approx(one.high - one.low, rel=0.1)


def test_seeds_that_differ_widen_the_interval_of_one_prompt() -> None:
    seeds = RANDOM(7).normal(size=100)
    found = interval([list(seeds)])
    half = norm.ppf(0.975) * seeds.std() / 10
    assert found is not None and (found.high - found.low) / 2 == pytest.approx(half, rel=0.1)


def test_every_prompt_counts_the_same_and_the_interval_is_the_same_each_time() -> None:
    groups = [[1.0, 2.0, 3.0], [6.0], []]
    found = interval(groups)
    assert found is not None and found.mean == 4.0 and found.count == 4
    assert found == interval(groups)
    assert interval([[], []]) is None
