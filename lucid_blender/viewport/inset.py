"""What the model saw last, as a small picture in the lower right corner of the viewports."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import lru_cache

import blf
import bpy
import gpu

from ..core.pictures import Picture
from .layer import blending, square
from .shaders import inset_shader
from .view import Rectangle

LABEL = "Seen by the model"
# Pixels at an interface scale of 1.
SIDE = 128  # the picture's longer one
SMALLEST = 64
MARGIN = 14  # to what is around the card
PADDING = 5  # of the card
TEXT = 11  # height, with its descenders a little more
GIZMOS = (44, 220)  # how far those of navigation reach from the right and from the top
SHARE = 0.35  # of the free part that a card takes at most, across and up

_log = logging.getLogger(__name__)
_handle: object = None


def start(seen: Callable[[], Picture | None]) -> None:
    """Draw from now on what ``seen`` answers, when it is something. Safe to call again."""
    global _handle
    if bpy.app.background or _handle is not None:
        return
    _handle = bpy.types.SpaceView3D.draw_handler_add(_draw, (seen,), "WINDOW", "POST_PIXEL")


def stop() -> None:
    """Draw no more. Safe to call at any time."""
    global _handle
    if _handle is not None:
        bpy.types.SpaceView3D.draw_handler_remove(_handle, "WINDOW")
    _handle = None
    forget()


def forget() -> None:
    """Give the picture back."""
    _texture.cache_clear()


def redraw(kind: str = "WINDOW") -> None:
    """Have the viewports drawn again, or their regions of another kind."""
    manager = bpy.context.window_manager
    for window in manager.windows if manager else ():
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                for region in area.regions:
                    if region.type == kind:
                        region.tag_redraw()


def draw_into(context: bpy.types.Context, picture: Picture) -> None:
    """Draw the card into the context's region, where it has room. In a quad view only one region does."""
    space = context.space_data
    if not space.overlay.show_overlays or context.region_data != space.region_3d:
        return
    scale = context.preferences.system.ui_scale
    height, width, _ = picture.pixels.shape
    free = free_part(context.region, context.area.regions)
    card = card_in(free, width / height, scale)
    if card is not None and space.show_gizmo and space.show_gizmo_navigate:
        card = beside_gizmos(card, free, scale)
    if card is not None:
        draw_card(context, picture, card, scale)


def free_part(region: bpy.types.Region, others: Iterable[bpy.types.Region]) -> Rectangle:
    """What sidebars, headers and shelves leave of a region where they lie over it."""
    left, bottom, right, top = 0, 0, region.width, region.height
    for other in others:
        x, y = other.x - region.x, other.y - region.y
        apart = x >= region.width or y >= region.height or x + other.width <= 0 or y + other.height <= 0
        if apart or min(other.width, other.height) <= 1:  # the latter: hidden
            continue
        match other.alignment:
            case "RIGHT":
                right = min(right, x)
            case "LEFT":
                left = max(left, x + other.width)
            case "TOP":
                top = min(top, y)
            case "BOTTOM":
                bottom = max(bottom, y + other.height)
    return Rectangle(x=left, y=bottom, width=right - left, height=top - bottom)


def card_in(free: Rectangle, aspect: float, scale: float) -> Rectangle | None:
    """Where the card is, smaller in small viewports; None where it would be in the way."""
    margin, frame, text = round(MARGIN * scale), round(2 * PADDING * scale), round((TEXT + PADDING) * scale)
    room = SHARE * free.width - frame, SHARE * free.height - frame - text
    side = min(SIDE * scale, room[0] / min(aspect, 1), room[1] * max(aspect, 1))
    if side < SMALLEST * scale:
        return None
    width, height = round(side * min(aspect, 1)) + frame, round(side / max(aspect, 1)) + frame + text
    return Rectangle(x=free.x + free.width - width - margin, y=free.y + margin, width=width, height=height)


def beside_gizmos(card: Rectangle, free: Rectangle, scale: float) -> Rectangle:
    """The card, moved to the left where the gizmos of navigation would reach down to it."""
    across, down = GIZMOS
    if card.y + card.height <= free.y + free.height - down * scale:
        return card
    return replace(card, x=card.x - round(across * scale))


def draw_card(context: bpy.types.Context, picture: Picture, card: Rectangle, scale: float) -> None:
    """The picture in a frame of the theme's tooltips, and below it what it is."""
    colors = context.preferences.themes[0].user_interface.wcol_tooltip
    padding, text = round(PADDING * scale), round((TEXT + PADDING) * scale)
    low = 2 * card.x / context.region.width - 1, 2 * card.y / context.region.height - 1
    size = 2 * card.width / context.region.width, 2 * card.height / context.region.height
    shader = inset_shader()
    with blending("NONE", "NONE"):
        shader.bind()
        shader.uniform_float("lucidPart", (*low, low[0] + size[0], low[1] + size[1]))
        shader.uniform_float("lucidCard", (card.width, card.height, max(round(scale), 1), 0.0))
        inner = card.width - 2 * padding, card.height - 2 * padding - text
        shader.uniform_float("lucidPicture", (padding, padding + text, *inner))
        shader.uniform_float("lucidFill", tuple(colors.inner)[:3])
        shader.uniform_float("lucidLine", tuple(colors.outline)[:3])
        shader.uniform_sampler("seenPicture", _texture(picture))
        square().draw(shader)
    label = bpy.app.translations.pgettext_iface(LABEL)
    blf.size(0, TEXT * scale)
    too_wide = max(blf.dimensions(0, label)[0] / inner[0], 1.0)
    blf.size(0, TEXT * scale / too_wide)
    blf.color(0, *colors.text, 1.0)
    blf.position(0, card.x + padding, card.y + padding + round(2 * scale), 0)
    blf.draw(0, label)


@lru_cache(maxsize=1)  # the newest takes the place of the one before
def _texture(picture: Picture) -> gpu.types.GPUTexture:
    height, width, _ = picture.pixels.shape
    values = picture.rgba
    return gpu.types.GPUTexture((width, height), format="RGBA16F", data=gpu.types.Buffer("FLOAT", len(values), values))


def _draw(seen: Callable[[], Picture | None]) -> None:
    try:
        picture = seen()
        if picture is not None:
            draw_into(bpy.context, picture)
    except Exception:  # in every redraw it would be the same
        _log.exception("what the model saw cannot be drawn in this viewport")
        bpy.app.timers.register(stop, first_interval=0)
