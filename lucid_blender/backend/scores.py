"""How well a prop agrees with a known scene of the grammar: silhouettes, colours, detail, surface, a classifier.

A classifier alone accepts blobs; silhouettes alone accept any colour; a ball's silhouette fits many things. So the
silhouette is compared with those of every class, at the best yaw and scale, and the numbers are told apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..core.cameras import Camera
from ..core.meshes import TriangleMesh
from ..core.splats import SplatCloud
from . import grammar
from .quality.frechet import frechet_distance
from .quality.judge import features_of, opinion
from .quality.known import BACKGROUND, Seen, averaged, ring, truth
from .quality.pose import SOLID, best_other, best_pose, unaligned_iou
from .quality.spectrum import detail
from .quality.surface import nearness
from .rasterizers.contract import Rasterize
from .representations.contract import Pictures, Render


@dataclass(frozen=True, kw_only=True)
class Score:
    """One prop against its scene, aligned at the yaw and scale that fit its silhouettes best.

    IoU are silhouettes', over eight level views. None stands where there is nothing to measure.
    """

    iou_unaligned: float
    iou: float
    worst_view: float  # IoU of the worst view
    yaw: float  # degrees that the scene was turned by
    scale: float  # that the prop was enlarged by
    best_other: str  # the other class whose silhouettes fit best
    iou_other: float
    color_error: float  # mean absolute sRGB difference where both silhouettes are
    class_agreement: float  # share of views that the classifier calls the right class
    color_agreement: float  # and the right colour
    second_color_agreement: float | None  # and the right second colour
    material_agreement: float | None  # and the right material
    text_score: float  # 0 to 100: the classifier's confidence that the views show what the prompt says
    fronts: float  # share of views that the classifier calls a front
    extra_fronts: float | None  # less the share of the scene's own views: above 0 has two faces
    spectral_distance: float | None  # dB, between power spectra
    sharpness: float | None  # fine detail, x the truth's
    chamfer: float | None  # metres, between the delivered mesh and the exact surface
    normal_consistency: float | None  # 0.5 to 1
    frechet: float  # Fréchet distance between the views and the scene's, in the classifier's features


def look(cloud: SplatCloud, rasterize: Rasterize) -> Seen:
    """The splats from the ring of cameras."""
    return look_through(renderer(cloud, rasterize))


def renderer(cloud: SplatCloud, rasterize: Rasterize) -> Render:
    """Draws the splats in their colours of all directions."""

    def render(cameras: Sequence[Camera], background: Tensor) -> Pictures:
        return rasterize(
            torch.from_numpy(cloud.positions),
            torch.from_numpy(cloud.rotations),
            torch.from_numpy(cloud.scales),
            torch.from_numpy(cloud.opacities),
            torch.from_numpy(cloud.base_colors).clamp(min=0),
            cameras=cameras,
            background=background,
        )

    return render


@torch.no_grad()
def look_through(render: Render) -> Seen:
    """Whatever has a renderer, from the ring of cameras."""
    rendered = render(ring(), torch.tensor(grammar.BACKGROUNDS[BACKGROUND]))
    return averaged(rendered.color.cpu().numpy(), rendered.alpha.cpu().numpy())


def score(seen: Seen, mesh: TriangleMesh | None, scene: grammar.Scene) -> Score:
    """Score what is seen of a prop, and its mesh, that should be the scene."""
    level = seen.level
    pose = best_pose(level.alphas, scene)
    other, iou_other = best_other(level.alphas, scene.class_name)
    true = truth(scene, pose.yaw, pose.scale)
    said = opinion(seen.pictures, scene)
    fine = detail(level.pictures, level.alphas, true.level.pictures, true.level.alphas)
    near = None if mesh is None else nearness(mesh, scene, pose)
    return Score(
        iou_unaligned=unaligned_iou(level.alphas, scene),
        iou=pose.iou,
        worst_view=pose.worst,
        yaw=pose.yaw,
        scale=pose.scale,
        best_other=other,
        iou_other=iou_other,
        color_error=color_error(level, true.level),
        class_agreement=said.class_agreement,
        color_agreement=said.color_agreement,
        second_color_agreement=said.second_color_agreement,
        material_agreement=said.material_agreement,
        text_score=said.text_score,
        fronts=said.fronts,
        extra_fronts=said.extra_fronts,
        spectral_distance=fine.distance if fine else None,
        sharpness=fine.sharpness if fine else None,
        chamfer=near.chamfer if near else None,
        normal_consistency=near.normal_consistency if near else None,
        frechet=frechet_distance(features_of(seen.pictures), features_of(true.pictures)),
    )


def color_error(found: Seen, true: Seen) -> float:
    """Mean absolute sRGB difference where both silhouettes are, 1 where they never are."""
    both = (found.alphas > SOLID) & (true.alphas > SOLID)
    difference = np.abs(found.pictures - true.pictures).mean(-1)
    return float(difference[both].mean()) if both.any() else 1.0
