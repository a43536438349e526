"""The definition itself: its rules one by one, and its gradients against finite differences."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from lucid_blender.backend.rasterizers import torch_oracle
from lucid_blender.backend.rasterizers.contract import Rendered
from lucid_blender.core.cameras import Camera

from .scenes import INPUTS, Scene, draw, front, one_splat, random_scene, ring

MIDDLE = (0, 16, 16)


def oracle(scene: Scene, camera: Camera | None = None) -> Rendered:
    return draw(torch_oracle.rasterize, scene, [camera or front()])


def column(values: list[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


@pytest.mark.parametrize("name", INPUTS)
def test_gradients_are_those_of_finite_differences(name: str) -> None:
    scene, cameras = random_scene(5, seed=3), ring(2, width=5, height=4, off_centre=0.7)

    def pictures(values: Tensor) -> tuple[Tensor, ...]:
        rendered = draw(torch_oracle.rasterize, replace(scene, **{name: values}), cameras)
        return rendered.color, rendered.alpha, rendered.depth, rendered.means2d

    assert torch.autograd.gradcheck(pictures, (getattr(scene, name).clone().requires_grad_(),))


def test_gradients_beyond_the_border_are_those_of_finite_differences() -> None:
    """Where the slope of the projection is frozen; the splats are large enough to reach into the picture."""
    means = torch.tensor([[0.9, 0.1, 0.2], [-1.0, 0.2, 0.9], [0.1, 0.0, -1.0]], dtype=torch.float64)
    scene = replace(random_scene(3, seed=1), means=means, scales=torch.full((3, 3), 0.5, dtype=torch.float64))

    def color(values: Tensor) -> Tensor:
        return draw(torch_oracle.rasterize, replace(scene, means=values), [front(width=5, height=5, focal=8)]).color

    assert torch.autograd.gradcheck(color, (means.requires_grad_(),))


def test_the_axis_of_a_centred_camera_lands_between_the_middle_pixels() -> None:
    rendered = oracle(one_splat(), front(width=32, height=20))
    torch.testing.assert_close(rendered.means2d[0, 0], column([15.5, 9.5]))


def test_a_splat_is_a_gaussian_with_the_low_pass_added() -> None:
    rendered = oracle(one_splat())
    variance = (40 * 0.1 / 2) ** 2 + 0.3
    wanted = column([0.5 * math.exp(-0.5 * d * d / variance) for d in range(4)])
    torch.testing.assert_close(rendered.alpha[0, 16, 16:20], wanted)
    torch.testing.assert_close(rendered.depth[0, 16, 16:20], 2 * wanted)


def test_x_points_right_and_z_up() -> None:
    for offset, (row, col) in (([0.2, 0, 0], (16, 20)), ([0, 0, 0.2], (12, 16))):
        alpha = oracle(one_splat(means=column([offset]))).alpha[0]
        assert divmod(int(alpha.argmax()), 33) == (row, col)


def test_a_splat_of_full_opacity_covers_99_hundredths_and_its_opacity_has_no_gradient_there() -> None:
    opacities = column([1.0]).requires_grad_()
    rendered = oracle(one_splat(opacities=opacities))
    assert rendered.alpha[MIDDLE].item() == pytest.approx(0.99)
    (gradient,) = torch.autograd.grad(rendered.alpha[MIDDLE], opacities)
    assert float(gradient) == 0


def test_less_than_a_255th_is_not_seen() -> None:
    assert float(oracle(one_splat(opacities=column([0.99 / 255]))).alpha.max()) == 0
    assert float(oracle(one_splat(opacities=column([1.01 / 255]))).alpha.max()) > 0


def test_the_splat_in_front_hides_the_one_behind() -> None:
    scene = Scene(
        means=column([[0, 0.5, 0], [0, -0.5, 0]]),  # the camera is at -Y: the second one is nearer
        quats=column([[1, 0, 0, 0]] * 2),
        scales=column([[0.1] * 3] * 2),
        opacities=column([0.9, 0.6]),
        colors=column([[1, 0, 0], [0, 1, 0]]),
        background=column([0, 0, 1]),
    )
    torch.testing.assert_close(oracle(scene).color[MIDDLE], column([0.4 * 0.9, 0.6, 0.4 * 0.1]))


def test_of_equal_depths_the_lower_index_is_in_front() -> None:
    scene = one_splat()
    twice = Scene(*(torch.cat([getattr(scene, name)] * 2) for name in INPUTS[:5]), scene.background)
    twice = replace(twice, colors=column([[1, 0, 0], [0, 1, 0]]))
    torch.testing.assert_close(oracle(twice).color[MIDDLE], column([0.5, 0.25, 0]))


def test_the_splat_that_would_leave_too_little_light_is_dropped_with_all_behind_it() -> None:
    scene = random_scene(4)
    scene = replace(
        scene,
        means=column([[0, 0.1 * k, 0] for k in range(4)]),
        opacities=column([0.98, 0.98, 0.9, 0.1]),  # 4e-4 of the light is left after two; 4e-5 after the third
        scales=torch.full((4, 3), 0.3, dtype=torch.float64),
        colors=column([[0, 0, 0], [0, 0, 0], [1, 0, 0], [0, 1, 0]]),
        background=column([0, 0, 1]),
    )
    rendered = oracle(scene)
    torch.testing.assert_close(rendered.color[MIDDLE], column([0, 0, 4e-4]))
    assert float(rendered.alpha[MIDDLE]) == pytest.approx(1 - 4e-4)


@pytest.mark.parametrize(("depth", "drawn"), [(-1.0, False), (0.2, False), (0.2001, True)])
def test_a_splat_behind_the_near_plane_adds_nothing(depth: float, drawn: bool) -> None:
    rendered = oracle(one_splat(means=column([[0, depth - 2, 0]])))
    assert bool(rendered.radii[0, 0] > 0) is drawn
    assert bool(rendered.alpha.max() > 0) is drawn


def test_a_splat_reaches_only_the_tiles_that_three_deviations_touch() -> None:
    """At full opacity it would still be seen at 3.3 deviations, here across the border of tiles at x = 32."""
    camera = front(width=64, height=64)
    rendered = oracle(one_splat(opacities=column([1.0]), means=column([[-0.3, 0, 0]])), camera)
    mean, variance = 31.5 - 40 * 0.15, 4.3
    assert int(rendered.radii[0, 0]) == math.ceil(3 * math.sqrt(variance + math.sqrt(0.1)))
    assert mean + int(rendered.radii[0, 0]) < 33
    assert float(rendered.alpha[0, :, 32:].max()) == 0 < float(rendered.alpha[0, 32, 31])
    assert math.exp(-0.5 * (32 - mean) ** 2 / variance) > 1 / 255


def test_beyond_the_border_the_slope_of_the_projection_is_frozen() -> None:
    """At 1.3 half pictures; further out a round splat would become ever longer on the screen."""
    rendered = oracle(one_splat(means=column([[3.0, 0, 0]]), scales=torch.ones(1, 3, dtype=torch.float64)))
    slope = 1.3 * 16.5 / 40
    assert slope < 3 / 2
    longest = (40 / 2) ** 2 * (1 + slope**2) + 0.3
    assert int(rendered.radii[0, 0]) == math.ceil(3 * math.sqrt(longest))


def test_the_screen_gradient_is_that_of_moving_the_splat_on_the_screen() -> None:
    """The principal point moves all splats on the screen and, in the middle of a picture, changes nothing else."""
    scene = one_splat(means=column([[0.1, 0, 0.05]]).requires_grad_())
    rendered = oracle(scene)
    rendered.means2d.retain_grad()
    rendered.color[0, 10:14, 12:20].sum().backward()
    step = 1e-5
    shifted = [oracle(scene, replace(front(), cx=16.5 + s)).color[0, 10:14, 12:20].sum() for s in (step, -step)]
    slope = (shifted[0] - shifted[1]).item() / (2 * step)
    assert rendered.means2d.grad[0, 0, 0].item() == pytest.approx(slope, rel=1e-6)


def test_no_splats_leave_the_background() -> None:
    scene = random_scene(0)
    rendered = oracle(scene)
    torch.testing.assert_close(rendered.color, scene.background.expand_as(rendered.color))
    assert float(rendered.alpha.max()) == 0
