"""What `bench objectives` leaves beside its table."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lucid_blender.backend import bench
from lucid_blender.backend.pictures import contact_sheet, save_png
from lucid_blender.backend.run import PICTURE_GAP, PICTURE_SIZE
from lucid_blender.backend.scores import Score

SCORE = Score(
    iou_unaligned=0, iou=0, worst_view=0, yaw=0, scale=1, best_other="", iou_other=0, color_error=0,
    class_agreement=0, color_agreement=0, second_color_agreement=None, material_agreement=None, text_score=0,
    fronts=0, extra_fronts=None, spectral_distance=None, sharpness=None, chamfer=None, normal_consistency=None,
    frechet=0,
)  # fmt: skip


def row(prompt: str, objective: str, seed: int, shade: float, folder: Path) -> bench.Row:
    """A run whose second view has a shade of its own, and whose other views are black."""
    views = [np.full((PICTURE_SIZE, PICTURE_SIZE, 3), shade if view == 1 else 0.0) for view in range(8)]
    job = folder / bench.job_name(prompt, objective, seed)
    job.mkdir()
    save_png(job / "turntable.png", contact_sheet(views, 4, PICTURE_GAP))
    place = {"prompt": prompt, "objective": objective, "seed": seed}
    return bench.Row(**place, iterations=1, splats=1, score=SCORE, network_evaluations=1, seconds=1)


def test_the_sheet_has_a_line_for_each_prompt_and_a_column_for_each_objective(tmp_path: Path) -> None:
    rows = [
        row("a", "sds", 1, 0.2, tmp_path),
        row("a", "sds", 2, 0.9, tmp_path),
        row("a", "ism", 1, 0.4, tmp_path),
        row("b", "sds", 1, 0.6, tmp_path),
    ]
    sheet = bench.sheet(rows, tmp_path)
    middle, step = PICTURE_SIZE // 4 + 4, PICTURE_SIZE // 2 + 4
    shades = [sheet[middle + i * step, middle + j * step, 0] / 255 for i in (0, 1) for j in (0, 1)]
    np.testing.assert_allclose(shades, [0.2, 0.4, 0.6, 1.0], atol=0.01)  # the first seed; white where none has run yet
