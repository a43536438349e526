"""Clouds on the graphics card: uploaded when they change, sorted when they are seen from elsewhere."""

from dataclasses import dataclass, field

import bpy
import gpu
import numpy as np

from ..scene.pointcloud import read_arrays
from .depth_sort import back_to_front
from .packing import WIDTH, Packed, in_rows, pack

SAME_DIRECTION = 1 - 6e-6  # cosine of 0.2 degrees: as long as a view turns by less, the order stays
ORDERS = 8  # kept a cloud: for the regions of a quad view and some windows


@dataclass(frozen=True, kw_only=True, eq=False)
class Order:
    """The splats from back to front as seen along a direction of the cloud's coordinates."""

    direction: np.ndarray  # [3], length 1
    texture: gpu.types.GPUTexture
    depths: np.ndarray  # [N] metres along the direction, sorted


@dataclass(kw_only=True, eq=False)
class Cloud:
    """One point cloud's splats."""

    packed: Packed
    textures: dict[str, gpu.types.GPUTexture]
    orders: list[Order] = field(default_factory=list)  # the last used at the end

    def order(self, direction: np.ndarray) -> Order:
        """The order along a direction, sorted anew only when none of those at hand is near."""
        unit = direction / max(float(np.linalg.norm(direction)), 1e-30)
        found = next((order for order in self.orders if order.direction @ unit > SAME_DIRECTION), None)
        if found is None:
            indices, depths = back_to_front(self.packed.positions, unit)
            found = Order(direction=unit, texture=texture_of(in_rows(indices), "R32F"), depths=depths)
        else:
            self.orders.remove(found)
        self.orders = [*self.orders[1 - ORDERS :], found]
        return found


class Clouds:
    """The clouds by the session_uid of their data. Nothing in here refers to Blender's data."""

    def __init__(self) -> None:
        self._clouds: dict[int, Cloud] = {}
        self._changed: set[int] = set()

    def get(self, data: bpy.types.PointCloud) -> Cloud:
        """The cloud of a data-block as it is now."""
        uid = data.session_uid
        if uid in self._changed or uid not in self._clouds:
            self._changed.discard(uid)
            self._clouds[uid] = upload(pack(**read_arrays(data)))
        return self._clouds[uid]

    def changed(self, uid: int) -> None:
        """The data-block holds something else; it is read again when it is next seen."""
        self._changed.add(uid)

    def all_changed(self) -> None:
        self._changed.update(self._clouds)

    def keep(self, uids: set[int]) -> None:
        """Let go of the clouds whose data-blocks are gone."""
        for uid in self._clouds.keys() - uids:
            del self._clouds[uid]
        self._changed &= uids

    def clear(self) -> None:
        self._clouds.clear()
        self._changed.clear()

    def __len__(self) -> int:
        return len(self._clouds)


def upload(packed: Packed) -> Cloud:
    """A cloud's textures; needs a graphics context."""
    names = ("splatPositions", "splatScales", "splatRotations", "splatBase")
    textures = {name: texture_of(texels, "RGBA32F") for name, texels in zip(names, packed.splats, strict=True)}
    if packed.harmonics is not None:
        textures["splatHarmonics"] = texture_of(packed.harmonics, "RGBA16F")
    return Cloud(packed=packed, textures=textures)


def texture_of(texels: np.ndarray, kind: str) -> gpu.types.GPUTexture:
    """A texture of whole rows."""
    size = (WIDTH, len(texels) // WIDTH)
    return gpu.types.GPUTexture(size, format=kind, data=gpu.types.Buffer("FLOAT", texels.size, texels.ravel()))
