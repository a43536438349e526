"""The picture of what the model saw last, in a corner of the viewports."""

from types import SimpleNamespace

import bpy
import gpu
import numpy as np
import pytest

from lucid_blender import preferences
from lucid_blender.client.job_state import state
from lucid_blender.core.pictures import Picture
from lucid_blender.operators import running
from lucid_blender.viewport import inset
from lucid_blender.viewport.inset import (
    GIZMOS,
    MARGIN,
    PADDING,
    SHARE,
    SIDE,
    SMALLEST,
    TEXT,
    beside_gizmos,
    card_in,
    free_part,
)
from lucid_blender.viewport.shaders import GAMMA
from lucid_blender.viewport.view import Rectangle

WHOLE = Rectangle(x=0, y=0, width=1200, height=800)
COLORS = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [200, 100, 50]]], np.uint8)  # the top row first


def region(x: int, y: int, width: int, height: int, alignment: str = "NONE") -> SimpleNamespace:
    return SimpleNamespace(x=x, y=y, width=width, height=height, alignment=alignment)


def test_the_card_leaves_sidebar_toolbar_and_shelves_free() -> None:
    window = region(100, 50, 1200, 800)
    others = [
        region(1060, 50, 240, 800, "RIGHT"),
        region(100, 50, 40, 800, "LEFT"),
        region(100, 824, 1200, 26, "TOP"),
        region(100, 50, 1200, 110, "BOTTOM"),
        window,
    ]
    assert free_part(window, others) == Rectangle(x=40, y=110, width=920, height=664)


def test_hidden_regions_and_those_beside_take_nothing() -> None:
    window = region(100, 50, 1200, 800)
    hidden, beside = region(1060, 50, 1, 800, "RIGHT"), region(1300, 50, 240, 800, "RIGHT")
    floating = region(700, 60, 200, 200, "FLOAT")
    assert free_part(window, [hidden, beside, floating]) == WHOLE


@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_the_card_is_in_the_lower_right_corner_and_grows_with_the_interface(scale: float) -> None:
    free = Rectangle(x=0, y=0, width=2400, height=1600)
    card = card_in(free, 1.0, scale)
    assert card.x + card.width == free.width - MARGIN * scale and card.y == MARGIN * scale
    assert card.width == (SIDE + 2 * PADDING) * scale
    assert card.height - card.width == (TEXT + PADDING) * scale  # the label


def test_a_wide_picture_keeps_its_shape() -> None:
    card = card_in(WHOLE, 2.0, 1.0)
    inner = card.width - 2 * PADDING, card.height - 3 * PADDING - TEXT
    assert inner[0] == 2 * inner[1]


def test_where_there_is_no_room_there_is_no_card() -> None:
    assert card_in(Rectangle(x=0, y=0, width=180, height=800), 1.0, 1.0) is None
    assert card_in(Rectangle(x=0, y=0, width=1200, height=200), 1.0, 1.0) is None
    assert card_in(WHOLE, 1.0, 4.0) is None


def test_a_small_viewport_has_a_smaller_card() -> None:
    card = card_in(Rectangle(x=0, y=0, width=500, height=350), 1.0, 1.0)
    assert SMALLEST < card.width - 2 * PADDING < SIDE and card.height <= SHARE * 350 + 1


def test_the_card_does_not_cover_the_gizmos_of_navigation() -> None:
    card = card_in(WHOLE, 1.0, 1.0)
    assert beside_gizmos(card, WHOLE, 1.0) == card
    low = Rectangle(x=0, y=0, width=1200, height=card.y + card.height + GIZMOS[1] - 1)
    assert beside_gizmos(card, low, 1.0).x == card.x - GIZMOS[0]
    assert beside_gizmos(card, WHOLE, 3.0).x == card.x - 3 * GIZMOS[0]


def test_it_is_shown_while_a_prompt_is_at_work_and_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = Picture(pixels=COLORS)
    state.seen = picture
    assert running.seen() is None
    state.phase = "running"
    assert running.seen() is picture
    monkeypatch.setattr(preferences, "show_inset", lambda: False)
    assert running.seen() is None


@pytest.mark.parametrize("times", [1, 32])  # enlarged on the card, and reduced
def test_the_picture_is_upright_in_its_own_colours(graphics: None, times: int) -> None:
    picture = Picture(pixels=COLORS.repeat(times, 0).repeat(times, 1))
    card = Rectangle(x=10, y=20, width=42, height=58)
    padding, text = PADDING, TEXT + PADDING
    drawn = drawn_card(picture, card, size=(80, 100))
    shown = drawn[card.y + padding + text : card.y + card.height - padding, card.x + padding : card.x + 42 - padding]
    quarter = shown.shape[0] // 4
    for row in (0, 1):
        for column in (0, 1):
            seen = shown[-(2 * row + 1) * quarter, (2 * column + 1) * quarter]
            assert seen == pytest.approx(COLORS[row, column] / 255, abs=1 / 16)  # a pixel of those between two colours
    outside = np.ones(drawn.shape[:2], bool)
    outside[card.y : card.y + card.height, card.x : card.x + card.width] = False
    assert not drawn[outside].any()


def drawn_card(picture: Picture, card: Rectangle, *, size: tuple[int, int]) -> np.ndarray:
    """[H, W, 3] display colours, the lowest row first."""
    target = gpu.types.GPUOffScreen(*size, format="RGBA16F")
    context = SimpleNamespace(preferences=bpy.context.preferences, region=region(0, 0, *size))
    with target.bind():
        buffer = gpu.state.active_framebuffer_get()
        buffer.clear(color=(0.0, 0.0, 0.0, 0.0))
        inset.draw_card(context, picture, card, 1.0)
        read = buffer.read_color(0, 0, *size, 4, 0, "FLOAT")
    read.dimensions = 4 * size[0] * size[1]
    target.free()
    return np.array(read).reshape(size[1], size[0], 4)[..., :3] ** (1 / GAMMA)
