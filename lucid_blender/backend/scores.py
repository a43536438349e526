"""How well splats agree with a known scene of the grammar: silhouettes, colours, a classifier.

A classifier alone accepts blobs; silhouettes alone accept any colour; a ball's silhouette fits many things. So the
silhouette is compared with those of every class, at the best yaw and scale, and the numbers are told apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import torch

from ..core.cameras import Camera, orbit
from ..core.splats import SplatCloud
from . import grammar
from .grammar.classifier import classify, load_classifier
from .rasterizers.contract import Rasterize

Floats = npt.NDArray[np.float32]
Masks = npt.NDArray[np.bool_]

VIEWS = 8  # azimuths, evenly spaced
ELEVATION = 15.0  # degrees
RADIUS = 3.8  # metres
YAW_STEP = 5  # degrees
LARGEST_YAW = 60  # degrees
SCALES = (0.8, 0.9, 1.0, 1.1, 1.25)
SOLID = 0.5  # alpha above which a pixel belongs to the silhouette
BACKGROUND = "white"


@dataclass(frozen=True, kw_only=True)
class Score:
    """One prop against its scene. IoU are silhouettes', over eight azimuths, aligned at the best yaw and scale."""

    iou_unaligned: float
    iou: float
    worst_view: float  # IoU of the worst view, aligned
    yaw: float  # degrees that the scene was turned by
    scale: float  # that the prop's pictures were zoomed by
    best_other: str  # the other class whose silhouettes fit best
    iou_other: float
    color_error: float  # mean absolute sRGB difference where both silhouettes are
    class_agreement: float  # share of views that the classifier calls the right class
    color_agreement: float  # and the right colour


def score(cloud: SplatCloud, class_name: str, color: str, rasterize: Rasterize) -> Score:
    """Score splats that should be a prop of the grammar."""
    pictures, alphas = views_of(cloud, rasterize)
    fits = {name: _best_fit(alphas, name) for name in grammar.CLASSES}
    own = fits[class_name]
    best_other = max((name for name in fits if name != class_name), key=lambda name: fits[name].iou)
    verdicts = classify(load_classifier(), torch.from_numpy(pictures).permute(0, 3, 1, 2))
    return Score(
        iou_unaligned=float(_ious(alphas > SOLID, silhouettes(class_name)[_indices(0)]).mean()),
        iou=own.iou,
        worst_view=own.worst,
        yaw=own.yaw,
        scale=own.scale,
        best_other=best_other,
        iou_other=fits[best_other].iou,
        color_error=_color_error(pictures, alphas, class_name, color, own),
        class_agreement=float(np.mean([verdict.class_name == class_name for verdict in verdicts])),
        color_agreement=float(np.mean([verdict.color == color for verdict in verdicts])),
    )


def view_cameras(azimuths: npt.ArrayLike) -> list[Camera]:
    """The cameras that props are judged from."""
    size = grammar.RESOLUTION
    return [
        orbit(radius=RADIUS, azimuth=float(a), elevation=ELEVATION, fov_y=grammar.FOV_Y, width=size, height=size)
        for a in np.asarray(azimuths)
    ]


@torch.no_grad()
def views_of(cloud: SplatCloud, rasterize: Rasterize) -> tuple[Floats, Floats]:
    """[VIEWS, H, W, 3] pictures on the scoring background and [VIEWS, H, W] alphas."""
    rendered = rasterize(
        torch.from_numpy(cloud.positions),
        torch.from_numpy(cloud.rotations),
        torch.from_numpy(cloud.scales),
        torch.from_numpy(cloud.opacities),
        torch.from_numpy(cloud.base_colors).clamp(min=0),
        cameras=view_cameras(np.arange(VIEWS) * 360 / VIEWS),
        background=torch.tensor(grammar.BACKGROUNDS[BACKGROUND]),
    )
    return rendered.color.numpy(), rendered.alpha.numpy()


@cache
def silhouettes(class_name: str) -> Masks:
    """[360 / YAW_STEP, H, W] of the class's canonical shape, from all around."""
    scene = grammar.Scene(class_name, next(iter(grammar.COLORS)))
    return np.stack([_truth(scene, camera).alpha > SOLID for camera in view_cameras(np.arange(0, 360, YAW_STEP))])


@dataclass(frozen=True)
class _Fit:
    iou: float
    worst: float
    yaw: int
    scale: float


def _best_fit(alphas: Floats, class_name: str) -> _Fit:
    fits = []
    truth = silhouettes(class_name)
    for scale in SCALES:
        masks = _zoomed(alphas[..., None], scale)[..., 0] > SOLID
        for yaw in range(-LARGEST_YAW, LARGEST_YAW + 1, YAW_STEP):
            ious = _ious(masks, truth[_indices(yaw)])
            fits.append(_Fit(float(ious.mean()), float(ious.min()), yaw, scale))
    return max(fits, key=lambda fit: fit.iou)


def _indices(yaw: int) -> npt.NDArray[np.int64]:
    """Which silhouettes the views see when the scene is turned by ``yaw`` degrees."""
    azimuths = np.arange(VIEWS) * 360 // VIEWS + yaw
    return (azimuths % 360) // YAW_STEP


def _ious(a: Masks, b: Masks) -> Floats:
    union = (a | b).sum((1, 2))
    return np.asarray((a & b).sum((1, 2)) / np.maximum(union, 1), dtype=np.float32)


def _zoomed(images: Floats, scale: float) -> Floats:
    """[V, H, W, C] about the middle, bilinear; the outside repeats the border."""
    if scale == 1:
        return images
    tensor = torch.from_numpy(images).permute(0, 3, 1, 2)
    turn = torch.tensor([[1 / scale, 0, 0], [0, 1 / scale, 0]]).expand(len(images), -1, -1)
    where = torch.nn.functional.affine_grid(turn, list(tensor.shape), align_corners=False)
    moved = torch.nn.functional.grid_sample(tensor, where, padding_mode="border", align_corners=False)
    return moved.permute(0, 2, 3, 1).numpy()


def _color_error(pictures: Floats, alphas: Floats, class_name: str, color: str, fit: _Fit) -> float:
    scene = grammar.Scene(class_name, color)
    truths = [_truth(scene, camera) for camera in view_cameras(_indices(fit.yaw) * YAW_STEP)]
    found = _zoomed(np.concatenate([pictures, alphas[..., None]], -1), fit.scale)
    both = (found[..., 3] > SOLID) & (np.stack([t.alpha for t in truths]) > SOLID)
    difference = np.abs(found[..., :3] - np.stack([t.rgb for t in truths])).mean(-1)
    return float(difference[both].mean()) if both.any() else 1.0


def _truth(scene: grammar.Scene, camera: Camera) -> grammar.Picture:
    lens = (camera.fx, camera.fy, camera.cx, camera.cy, camera.width, camera.height)
    return grammar.render(scene, camera.viewmat, *lens, background=grammar.BACKGROUNDS[BACKGROUND])
