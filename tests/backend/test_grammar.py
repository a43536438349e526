"""The scene grammar: its cameras, its pictures and its words."""

import numpy as np
import pytest

from lucid_blender.backend.grammar import (
    BACKGROUNDS,
    CLASSES,
    COLORS,
    ELEVATION_RANGE,
    FOV_Y,
    HELD_OUT,
    RADIUS_RANGE,
    Picture,
    Scene,
    caption,
    focal_length,
    known_words,
    look_at,
    parse_prompt,
    render,
    view_phrase,
)

SIZE = 48
WHITE = BACKGROUNDS["white"]


def picture(
    scene: Scene, azimuth: float, elevation: float = 10.0, radius: float = 3.8, size: int = SIZE, background=WHITE
) -> Picture:
    focal = focal_length(FOV_Y, size)
    view = look_at(azimuth, elevation, radius)
    return render(scene, view, focal, focal, size / 2, size / 2, size, size, background)


def share_near(shown: Picture, color: tuple[float, float, float]) -> float:
    """How much of the prop's area has about the hue of a colour, whatever the light."""
    rgb = shown.rgb[shown.alpha > 0.9]
    rgb, wanted = rgb / np.linalg.norm(rgb, axis=1, keepdims=True), np.asarray(color) / np.linalg.norm(color)
    return float((rgb @ wanted > 0.985).mean())


def overlap(a: Picture, b: Picture) -> float:
    return float(np.minimum(a.alpha, b.alpha).sum() / np.maximum(a.alpha, b.alpha).sum())


@pytest.mark.parametrize("name", CLASSES)
def test_a_prop_fills_the_frame_without_touching_its_border(name: str) -> None:
    for azimuth in (0, 45, 120, 200, 290):
        for elevation in ELEVATION_RANGE:
            alpha = picture(Scene(name, "red"), azimuth, elevation, RADIUS_RANGE[0], size=64).alpha
            assert max(alpha[0].max(), alpha[-1].max(), alpha[:, 0].max(), alpha[:, -1].max()) == 0
            assert 0.02 < alpha.mean() < 0.6  # the sword from the side; the cube


@pytest.mark.parametrize("name", CLASSES)
def test_a_prop_shows_its_color(name: str) -> None:
    shares = [share_near(picture(Scene(name, "green"), azimuth, 20), COLORS["green"]) for azimuth in (30, 150, 270)]
    assert np.mean(shares) > 0.2


def test_every_class_looks_different_from_the_front_right() -> None:
    seen = [picture(Scene(name, "red"), 45, 20) for name in CLASSES]
    overlaps = [overlap(a, b) for i, a in enumerate(seen) for b in seen[:i]]
    assert max(overlaps) < 0.92  # ball and cube are the nearest pair


def test_azimuth_0_stands_at_minus_y_and_90_at_plus_x() -> None:
    for azimuth, eye in ((0, (0, -4, 0)), (90, (4, 0, 0)), (180, (0, 4, 0)), (-90, (-4, 0, 0))):
        view = look_at(azimuth, 0, 4)
        assert np.allclose(-view[:3, :3].T @ view[:3, 3], eye)
    raised = look_at(0, 90 - 1e-6, 4)
    assert np.allclose(-raised[:3, :3].T @ raised[:3, 3], (0, 0, 4), atol=1e-4)


def test_camera_axes_are_opencvs() -> None:
    view = look_at(0, 0, 4)  # at -Y, looking along +Y: x is +X, y is -Z
    assert np.allclose(view[:3, :3], [[1, 0, 0], [0, 0, -1], [0, 1, 0]])
    assert np.isclose(np.linalg.det(look_at(33, 21, 4)[:3, :3]), 1)


def test_a_front_faces_minus_y() -> None:
    duck = Scene("duck", "blue")
    assert share_near(picture(duck, 0), COLORS["orange"]) > 0.005  # its beak
    assert share_near(picture(duck, 180), COLORS["orange"]) == 0


def test_plus_x_is_right_in_a_front_view() -> None:
    columns = picture(Scene("mug", "red"), 0, 0).alpha.sum(0)  # the handle is at +X
    thin = columns < 0.9 * columns.max()
    assert (columns * thin)[SIZE // 2 :].sum() > 2 * (columns * thin)[: SIZE // 2].sum()


def test_up_is_plus_z_in_pictures() -> None:
    alpha = picture(Scene("cone", "red"), 0, 0).alpha
    assert alpha[: SIZE // 2].sum() < 0.7 * alpha[SIZE // 2 :].sum()


def test_the_outline_of_a_sphere_covers_its_true_area() -> None:
    radius, distance = 0.62, 4.0  # the canonical ball
    alpha = picture(Scene("ball", "red"), 0, 0, distance, size=96).alpha
    tangent = radius / np.sqrt(distance**2 - radius**2) * focal_length(FOV_Y, 96)
    assert alpha.sum() == pytest.approx(np.pi * tangent**2, rel=0.01)  # half a pixel of outline would be 3 %


def test_depth_is_measured_along_the_view_axis() -> None:
    depth = picture(Scene("ball", "red"), 30, 10, 4.0, size=65).depth
    assert depth[32, 32] == pytest.approx(4.0 - 0.62, abs=0.04)  # the surface is taken half a pixel inwards
    assert depth[0, 0] == 0


def test_where_there_is_no_prop_there_is_background() -> None:
    shown = picture(Scene("cube", "red"), 20, background=BACKGROUNDS["mint"])
    assert np.allclose(shown.rgb[shown.alpha == 0], BACKGROUNDS["mint"])
    assert shown.rgb.dtype == np.float32 and shown.rgb.min() >= 0 and shown.rgb.max() <= 1


def test_the_same_seed_gives_the_same_prop_and_another_seed_another() -> None:
    assert np.array_equal(Scene("tree", "green", 5).rows(), Scene("tree", "green", 5).rows())
    assert not np.array_equal(Scene("tree", "green", 5).rows(), Scene("tree", "green", 6).rows())
    assert np.array_equal(Scene("tree", "green").rows(), Scene("tree", "green").rows())


def test_light_is_fixed_in_the_world() -> None:
    ball = Scene("ball", "white")
    front, back = (picture(ball, azimuth, 0) for azimuth in (-40, 140))
    assert front.rgb[front.alpha > 0.9].mean() > 1.15 * back.rgb[back.alpha > 0.9].mean()


def test_an_unknown_class_or_color_is_refused() -> None:
    with pytest.raises(ValueError, match="no class 'dragon'"):
        Scene("dragon", "red")
    with pytest.raises(ValueError, match="no color 'mauve'"):
        Scene("car", "mauve")


def test_view_phrases_have_eight_sides_and_three_heights() -> None:
    assert view_phrase(0, 10) == "front view at eye level"
    assert view_phrase(90, 30) == "right side view from above"
    assert view_phrase(-45, -10) == "front left view from below"
    assert view_phrase(337.6, 10) == view_phrase(22.4, 10) == view_phrase(-360, 10)
    assert len({view_phrase(a, e) for a in range(0, 360, 5) for e in range(-15, 46, 5)}) == 24


def test_captions_leave_out_what_is_not_given() -> None:
    assert caption("mushroom", "red") == "a red mushroom"
    assert caption("car", "orange", "white") == "an orange car, on a white background"
    assert caption("ice cream", "blue", "sky", view_phrase(0, 30)) == (
        "a blue ice cream, front view from above, on a sky background"
    )


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a red mushroom", ("mushroom", "red", [])),
        ("A Blue ICE CREAM, on a white background.", ("ice cream", "blue", [])),
        ("car, on a red background", ("car", "red", [])),  # the grammar has no red background
        ("a shiny dragon and a green dragon", (None, "green", ["shiny", "dragon"])),
        ("grey background, a white traffic cone", ("cone", "white", ["traffic"])),
        ("", (None, None, [])),
    ],
)
def test_prompts_are_read_word_by_word(prompt: str, expected: tuple[str | None, str | None, list[str]]) -> None:
    assert parse_prompt(prompt) == expected


def test_captions_hold_known_words_only() -> None:
    for name in CLASSES:
        assert parse_prompt(caption(name, "red", "mint", view_phrase(45, 30))) == (name, "red", [])
    assert set(known_words()) >= {"ice", "cream", "red", "mint", "view", "below"}


def test_held_out_pairs_exist_and_leave_every_class_and_color_in_training() -> None:
    assert all(name in CLASSES and color in COLORS for name, color in HELD_OUT)
    assert max(sum(c == color for _, c in HELD_OUT) for color in COLORS) < len(CLASSES) / 3
