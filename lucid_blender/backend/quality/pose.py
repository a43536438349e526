"""The yaw and the scale at which a prop's silhouettes fit those of a scene best.

All silhouettes are compared with all at once: the pixels that two masks share are a product of matrices.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import affine_grid, grid_sample, interpolate

from .. import grammar
from .known import AZIMUTHS, ELEVATIONS, picture_of, view_camera

Floats = npt.NDArray[np.float32]

SIZE = min(64, grammar.RESOLUTION)  # pixels a side of the masks: a finer one moves no IoU by more than about 0.01
VIEWS = AZIMUTHS // len(ELEVATIONS)
YAW_STEP = 5  # degrees
COARSE_YAW_STEP = 15  # degrees: where other classes are searched first
LARGEST_YAW = 60  # degrees
SCALES = (0.8, 0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.15, 1.2, 1.25)
SOLID = 0.5  # alpha above which a pixel belongs to the silhouette
TIE = 0.003  # of IoU: among poses as good as that, the one least turned, so that round props stay as they stand
FINALISTS = 3  # other classes that are searched as finely as the right one


@dataclass(frozen=True)
class Pose:
    """The scene turned by ``yaw`` degrees fits the prop enlarged by ``scale``, with these IoU of silhouettes."""

    iou: float  # mean over the level views
    worst: float  # of the worst view
    yaw: int
    scale: float


def best_pose(alphas: Floats, scene: grammar.Scene, *, yaw_step: int = YAW_STEP) -> Pose:
    """The best fit of a prop's level views, alphas [VIEWS, H, W], with a scene."""
    masks = np.stack([_mask(alphas, scale) for scale in SCALES])
    ious = _ious(masks, silhouettes(scene, yaw_step))
    poses = []
    for yaw in range(-LARGEST_YAW, LARGEST_YAW + 1, yaw_step):
        seen = (np.arange(VIEWS) * 360 // VIEWS + yaw) % 360 // yaw_step
        at_yaw = ious[:, np.arange(VIEWS), seen]
        poses += [Pose(float(at.mean()), float(at.min()), yaw, scale) for at, scale in zip(at_yaw, SCALES, strict=True)]
    highest = max(pose.iou for pose in poses)
    return min((pose for pose in poses if pose.iou >= highest - TIE), key=lambda pose: (abs(pose.yaw), -pose.iou))


def best_other(alphas: Floats, class_name: str) -> tuple[str, float]:
    """The class other than ``class_name`` whose silhouettes fit best, and their IoU.

    All classes are searched at every 15 degrees, and the three best ones again at every 5.
    """
    others = {name: _canonical(name) for name in grammar.CLASSES if name != class_name}
    coarse = {name: best_pose(alphas, scene, yaw_step=COARSE_YAW_STEP).iou for name, scene in others.items()}
    finalists = sorted(others, key=lambda name: -coarse[name])[:FINALISTS]
    return max(((name, best_pose(alphas, others[name]).iou) for name in finalists), key=lambda found: found[1])


def unaligned_iou(alphas: Floats, scene: grammar.Scene) -> float:
    """Mean IoU of the level views without any alignment."""
    truth = silhouettes(scene, COARSE_YAW_STEP)[:: 360 // VIEWS // COARSE_YAW_STEP]
    return float(_ious(_mask(alphas, 1.0)[None], truth)[0].diagonal().mean())


@cache
def silhouettes(scene: grammar.Scene, yaw_step: int) -> Floats:
    """[360 / yaw_step, SIZE * SIZE] of 0 and 1, from all around."""
    cameras = [view_camera(float(azimuth), size=SIZE) for azimuth in range(0, 360, yaw_step)]
    masks = [picture_of(scene, camera).alpha > SOLID for camera in cameras]
    return np.stack(masks).reshape(len(masks), -1).astype(np.float32)


def _canonical(class_name: str) -> grammar.Scene:
    return grammar.Scene(class_name, next(iter(grammar.COLORS)))


def _mask(alphas: Floats, scale: float) -> Floats:
    """[V, SIZE * SIZE] of 0 and 1: the prop enlarged by ``scale`` about the middle."""
    images = torch.from_numpy(alphas)[:, None]
    if images.shape[-1] != SIZE:
        images = interpolate(images, size=(SIZE, SIZE), mode="bilinear", antialias=True, align_corners=False)
    if scale != 1:
        turn = torch.tensor([[1 / scale, 0, 0], [0, 1 / scale, 0]]).expand(len(images), -1, -1)
        where = affine_grid(turn, list(images.shape), align_corners=False)
        images = grid_sample(images, where, padding_mode="border", align_corners=False)
    return (images > SOLID).flatten(1).numpy().astype(np.float32)


def _ious(a: Floats, b: Floats) -> Floats:
    """[K, V, A] IoU of masks a [K, V, P] and b [A, P]; two empty ones have 0."""
    shared = a @ b.T
    union = a.sum(-1)[..., None] + b.sum(-1) - shared
    return np.asarray(shared / np.maximum(union, 1), dtype=np.float32)
