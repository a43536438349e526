"""The scene grammar: its cameras, its pictures and its words."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lucid_blender.backend.grammar import (
    BACKGROUNDS,
    CLASSES,
    COLORS,
    ELEVATION_RANGE,
    FOV_Y,
    HELD_OUT,
    HELD_OUT_MATERIALS,
    MATERIALS,
    RADIUS_RANGE,
    SETTINGS,
    SIZES,
    Description,
    Parsed,
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
from lucid_blender.backend.grammar.parts import FIXED, SLOT, to_linear
from lucid_blender.backend.grammar.scene import BOUND, trace_scene
from lucid_blender.backend.grammar.settings import TOP
from lucid_blender.backend.grammar.shading import pattern_color, shade
from lucid_blender.backend.grammar.tracer import ACCENT_SHARE, MAIN_SHARE, lowest
from lucid_blender.backend.grammar.vocabulary import words_of

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
    assert np.mean(shares) > 0.18


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
    assert np.array_equal(Scene("tree", "green", seed=5).rows(), Scene("tree", "green", seed=5).rows())
    assert not np.array_equal(Scene("tree", "green", seed=5).rows(), Scene("tree", "green", seed=6).rows())
    assert np.array_equal(Scene("tree", "green").rows(), Scene("tree", "green").rows())


def test_light_is_fixed_in_the_world() -> None:
    ball = Scene("ball", "white")
    front, back = (picture(ball, azimuth, 0) for azimuth in (-40, 140))
    assert front.rgb[front.alpha > 0.9].mean() > 1.15 * back.rgb[back.alpha > 0.9].mean()


def test_an_unknown_class_or_color_is_refused() -> None:
    with pytest.raises(ValueError, match="no 'dragon'; there are mushroom"):
        Scene("dragon", "red")
    with pytest.raises(ValueError, match="no 'mauve'; there are red"):
        Scene("car", "mauve")
    with pytest.raises(ValueError, match="no 'velvet'; there are glossy"):
        Scene("car", "red", material="velvet")


def test_view_phrases_have_eight_sides_and_three_heights() -> None:
    assert view_phrase(0, 10) == "front view at eye level"
    assert view_phrase(90, 30) == "right side view from above"
    assert view_phrase(-45, -10) == "front left view from below"
    assert view_phrase(337.6, 10) == view_phrase(22.4, 10) == view_phrase(-360, 10)
    assert len({view_phrase(a, e) for a in range(0, 360, 5) for e in range(-15, 46, 5)}) == 24


def test_captions_leave_out_what_is_not_given() -> None:
    assert caption(Description("mushroom", "red")) == "a red mushroom"
    assert caption(Description("car", "orange"), "white") == "an orange car, on a white background"
    assert caption(Description("ice cream", "blue"), "sky", view_phrase(0, 30)) == (
        "a blue ice cream, front view from above, on a sky background"
    )
    mug = Description("mug", "blue", "yellow", "glossy", "tall", "on a wooden table")
    assert caption(mug) == "a tall glossy blue mug with a yellow handle on a wooden table"
    assert caption(Description("chair", "red", "orange")) == "a red chair with orange legs"


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a red mushroom", Parsed("mushroom", "red")),
        ("A Blue ICE CREAM, on a white background.", Parsed("ice cream", "blue")),
        ("car, on a red background", Parsed("car", "red")),  # the grammar has no red background
        ("a velvet dragon and a green dragon", Parsed(None, "green", unknown=("velvet", "dragon"))),
        ("grey background, a white traffic cone", Parsed("cone", "white", unknown=("traffic",))),
        ("a small shiny red car with a white roof", Parsed("car", "red", "white", "glossy", "small")),
        ("a metallic mug on the wooden table", Parsed("mug", None, None, "metal", None, "on a wooden table")),
        ("a wooden table", Parsed("table", None, None, "wooden")),
        ("a blue house with red roof on a gray background", Parsed("house", "blue", "red")),
        (
            "a green cactus on a wooden table, on a white background",
            Parsed("cactus", "green", setting="on a wooden table"),
        ),
        ("", Parsed(None, None)),
    ],
)
def test_prompts_are_read_word_by_word(prompt: str, expected: Parsed) -> None:
    assert parse_prompt(prompt) == expected


PROPS = st.builds(
    Description,
    class_name=st.sampled_from(CLASSES),
    color=st.sampled_from(list(COLORS)),
    second_color=st.sampled_from([None, *COLORS]),
    material=st.sampled_from([None, *MATERIALS]),
    size=st.sampled_from([None, *SIZES]),
    setting=st.sampled_from([None, *SETTINGS]),
)


@given(PROPS, st.sampled_from([None, *BACKGROUNDS]), st.sampled_from([None, view_phrase(45, 30)]))
def test_a_prop_is_read_back_from_its_caption(prop: Description, background: str | None, view: str | None) -> None:
    read = parse_prompt(caption(prop, background, view))
    assert read.description == prop
    assert read.unknown == ()


def test_the_vocabulary_has_every_word_of_a_caption() -> None:
    known = set(known_words())
    for name in CLASSES:
        prop = Description(name, "red", "blue", "striped", "wide", SETTINGS[0])
        assert set(words_of(caption(prop, "mint", view_phrase(45, 30)))) <= known


def test_held_out_pairs_exist_and_leave_every_class_and_color_in_training() -> None:
    assert {name for name, _ in HELD_OUT} >= set(CLASSES) - {"ball", "cube"}  # these two are no use for telling colours
    assert max(sum(c == color for _, c in HELD_OUT) for color in COLORS) < len(CLASSES) / 3
    assert all(sum(n == name for n, _ in HELD_OUT) <= 1 for name in CLASSES)
    assert all(sum(n == name for n, _ in HELD_OUT_MATERIALS) <= 1 for name in CLASSES)
    assert {material for _, material in HELD_OUT_MATERIALS} == set(MATERIALS)


def outline_size(scene: Scene) -> tuple[float, float]:
    """Width and height of a level front view's silhouette, pixels."""
    solid = picture(scene, 0, 0).alpha > 0.5
    return float(np.ptp(np.flatnonzero(solid.any(0)))), float(np.ptp(np.flatnonzero(solid.any(1))))


@pytest.mark.parametrize("name", ["mug", "castle", "sofa"])
def test_sizes_change_the_proportions_that_they_name(name: str) -> None:
    width, height = outline_size(Scene(name, "red"))
    tall, wide, small = (outline_size(Scene(name, "red", size=size)) for size in ("tall", "wide", "small"))
    assert tall[1] / tall[0] > 1.25 * height / width
    assert wide[0] / wide[1] > 1.25 * width / height
    assert small[0] < 0.75 * width and small[1] < 0.75 * height


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("size", [None, "tall"])
def test_a_prop_stands_on_its_support(setting: str, size: str | None) -> None:
    scene = Scene("mug", "red", size=size, setting=setting)
    rows = scene.rows()
    named = rows[:, SLOT] != FIXED
    prop = rows[: int(np.flatnonzero(named)[-1]) + 1]
    gap = lowest(np.ascontiguousarray(prop), BOUND) - TOP
    assert abs(gap) < 0.01  # metres
    points = np.random.default_rng(0).normal(size=(4000, 3))
    points *= BOUND / np.linalg.norm(points, axis=1, keepdims=True)
    assert scene.distance(points).min() > 0  # nothing reaches the bound


def test_a_distance_is_that_to_the_surface_also_of_a_stretched_prop() -> None:
    ball = Scene("ball", "red")
    points = np.array([[0.0, 0.0, 0.9], [0.7, 0.0, 0.0], [0.1, 0.0, 0.0]])
    assert ball.distance(points) == pytest.approx([0.28, 0.08, -0.52], abs=1e-3)
    wide = Scene("ball", "red", size="wide").distance(points)
    assert wide[0] > 0 and wide[1] > 0 > wide[2]
    assert wide[0] <= 0.9 - 0.66 * 0.62 + 1e-6  # never more than there is room for: rays would pass through


def layers_of(scene: Scene, azimuth: float = 30) -> tuple[np.ndarray, np.ndarray]:
    """Layers [M, LAYERS] and alpha [M] of the pixels that the prop covers."""
    focal = focal_length(FOV_Y, SIZE)
    traced, alpha, _ = trace_scene(scene, look_at(azimuth, 20, 3.8), focal, focal, SIZE / 2, SIZE / 2, SIZE, SIZE)
    return traced[alpha > 0.9], alpha[alpha > 0.9]


@pytest.mark.parametrize("material", MATERIALS)
def test_a_material_changes_named_paints_and_nothing_else(material: str) -> None:
    layers, _ = layers_of(Scene("car", "blue"))
    main, accent = Scene("car", "blue").paints()
    plain, changed = shade(layers, main, accent, None), shade(layers, main, accent, material)
    fixed = layers[:, MAIN_SHARE] + layers[:, ACCENT_SHARE] == 0
    assert fixed.sum() > 20
    assert np.array_equal(plain[fixed], changed[fixed])
    assert np.abs(plain - changed)[~fixed].max() > 0.2


def test_stripes_and_dots_stand_out_on_every_color() -> None:
    for color in COLORS:
        main = to_linear(COLORS[color])
        assert np.abs(to_linear(COLORS[color]) - pattern_color(main)).max() > 0.25, color


def test_gloss_adds_light_and_metal_mirrors_bright_and_dark() -> None:
    layers, _ = layers_of(Scene("teapot", "blue"))
    paints = Scene("teapot", "blue").paints()
    matte, glossy, metal = (shade(layers, *paints, material) for material in (None, "glossy", "metal"))
    assert (glossy - matte).min() > -1e-6 and glossy.max() > 0.9 > matte[:, 0].max()
    assert (metal - matte).max() > 0.15 and (metal - matte).min() < -0.15


def test_a_second_color_changes_the_accent_part_only() -> None:
    usual, named = Scene("mug", "blue"), Scene("mug", "blue", second_color="yellow")
    accent = layers_of(usual)[0][:, ACCENT_SHARE]
    before, after = (shade(layers_of(scene)[0], *scene.paints(), None) for scene in (usual, named))
    moved = np.abs(before - after).max(1) > 0.02
    assert 0.05 < (accent > 0.5).mean() < 0.4
    assert moved[accent > 0.5].all() and not moved[accent == 0].any()


def test_the_surface_mesh_lies_where_the_distance_is_zero() -> None:
    scene = Scene("mug", "red", second_color="green", material="striped")
    mesh = scene.mesh(96)
    assert np.abs(scene.distance(mesh.vertices.astype(np.float64))).max() < 2 * 2 * BOUND / 95
    assert len(np.unique((mesh.colors * 4).round(), axis=0)) > 3  # red, stripes, a green handle, the drink
