"""Drawing clouds into a layer of their own, in display space, and laying it over a viewport."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import gpu
import numpy as np
from mathutils import Matrix

from .clouds import Cloud
from .depth_sort import slabs
from .shaders import BLOCK, layer_shader, splat_shader
from .view import Rectangle, View

FORMAT = "RGBA16F"  # eight bits would round each of hundreds of splats


@dataclass(frozen=True, kw_only=True, eq=False)
class Placed:
    """A cloud and where it stands."""

    cloud: Cloud
    world: np.ndarray  # [4, 4] matrix_world


def draw_layer(
    placed: Sequence[Placed], view: View, part: Rectangle, scene_depth: gpu.types.Buffer | None
) -> gpu.types.GPUTexture:
    """The part of the view with these clouds, as premultiplied display colours; ``scene_depth`` hides what it is in
    front of."""
    size = (part.width, part.height)
    color = gpu.types.GPUTexture(size, format=FORMAT)
    if scene_depth is None:
        buffer = gpu.types.GPUFrameBuffer(color_slots=[color])
    else:
        depth = gpu.types.GPUTexture(size, format="DEPTH_COMPONENT32F", data=scene_depth)
        buffer = gpu.types.GPUFrameBuffer(depth_slot=depth, color_slots=[color])
    with buffer.bind(), blending("ALPHA_PREMULT", "NONE" if scene_depth is None else "LESS_EQUAL"):
        buffer.clear(color=(0.0, 0.0, 0.0, 0.0))
        _draw_clouds(placed, view, part)
    return color


def lay_over(layer: gpu.types.GPUTexture, view: View, part: Rectangle, background: Sequence[float]) -> None:
    """Put the layer into the viewport that is being drawn; ``background`` is its display colour where it is empty."""
    low = 2 * part.x / view.width - 1, 2 * part.y / view.height - 1
    high = 2 * (part.x + part.width) / view.width - 1, 2 * (part.y + part.height) / view.height - 1
    shader = layer_shader()
    with blending("ALPHA_PREMULT", "NONE"):
        shader.bind()
        shader.uniform_float("lucidPart", (*low, *high))
        shader.uniform_float("lucidBackground", tuple(background))
        shader.uniform_sampler("splatLayer", layer)
        square().draw(shader)


def forget() -> None:
    """Give the shapes back."""
    square.cache_clear()
    _triangles.cache_clear()


class blending:  # noqa: N801 - used like a function, in `with`
    """Sets how pixels are mixed and tested, without writing depth; afterwards all is as it was."""

    def __init__(self, blend: str, depth_test: str) -> None:
        self._wanted = (blend, depth_test, False)

    def __enter__(self) -> None:
        state = gpu.state
        self._before = (state.blend_get(), state.depth_test_get(), state.depth_mask_get())
        self._set(*self._wanted)

    def __exit__(self, *_: object) -> None:
        self._set(*self._before)

    @staticmethod
    def _set(blend: str, depth_test: str, depth_mask: bool) -> None:
        gpu.state.blend_set(blend)
        gpu.state.depth_test_set(depth_test)
        gpu.state.depth_mask_set(depth_mask)


def _draw_clouds(placed: Sequence[Placed], view: View, part: Rectangle) -> None:
    forward = [view.forward(thing.world) for thing in placed]
    orders = [thing.cloud.order(along[:3]) for thing, along in zip(placed, forward, strict=True)]
    depths = [
        order.depths * np.float32(np.linalg.norm(along[:3])) + np.float32(along[3])
        for order, along in zip(orders, forward, strict=True)
    ]
    for k, first, count in slabs(depths):
        thing = placed[k]
        shader = splat_shader(thing.cloud.packed.degree)
        shader.bind()
        shader.uniform_float("lucidToClip", Matrix(view.to_clip(thing.world).tolist()))
        if thing.cloud.packed.degree:
            shader.uniform_float("lucidEye", tuple(view.eye(thing.world)))
        shader.uniform_float("lucidCrop", tuple(view.crop(part)))
        shader.uniform_float("lucidHalf", (view.width / 2, view.height / 2))
        shader.uniform_int("lucidFirst", first)
        shader.uniform_int("lucidCount", count)
        shader.uniform_sampler("splatOrder", orders[k].texture)
        for name, texture in thing.cloud.textures.items():
            shader.uniform_sampler(name, texture)
        _triangles().draw_instanced(shader, instance_count=-(-count // BLOCK))


@cache
def _triangles() -> gpu.types.GPUBatch:
    """Around the circle of radius 1, as many as a block has: for a splat one costs less than a square's two."""
    return _shape("TRIS", BLOCK * [(-(3**0.5), -1.0), (3**0.5, -1.0), (0.0, 2.0)])


@cache
def square() -> gpu.types.GPUBatch:
    return _shape("TRI_STRIP", [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)])


def _shape(kind: str, corners: list[tuple[float, float]]) -> gpu.types.GPUBatch:
    layout = gpu.types.GPUVertFormat()
    layout.attr_add(id="corner", comp_type="F32", len=2, fetch_mode="FLOAT")
    vertices = gpu.types.GPUVertBuf(layout, len(corners))
    vertices.attr_fill("corner", corners)
    return gpu.types.GPUBatch(type=kind, buf=vertices)
