"""`bench objectives`: each objective on the built-in model, same prompts and seeds, scored against known scenes."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..core.errors import InvalidInput
from ..core.messages import Finished
from ..core.option_names import with_settings
from ..core.options import Image
from ..core.presets import Preset, objective, preset
from .choices import make_rasterizer
from .diffusion import Diffusion, load
from .job import Job
from .pictures import Bytes, Floats, contact_sheet, read_picture, save_png
from .quality.known import named_scene
from .run import PICTURE_GAP, PICTURE_SIZE, generate
from .scores import Score, look, score

COLUMNS = "prompt objective seed IoU worst unaligned other color class colour evaluations seconds s/step".split()


@dataclass(frozen=True, kw_only=True)
class Row:
    """One run and its score."""

    prompt: str
    objective: str
    seed: int
    iterations: int
    splats: int
    score: Score
    network_evaluations: int
    seconds: float


def objectives(
    *,
    prompts: Sequence[str],
    objective_names: Sequence[str],
    seeds: Sequence[int],
    preset_name: Preset,
    settings: list[str],
    output: Path | None,
) -> int:
    """Run, print a table as it grows; keep scores.json, sheet.png and the jobs in ``output``; the exit code."""
    for prompt in prompts:
        named_scene(prompt)
    with tempfile.TemporaryDirectory() as temporary:
        folder = output or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        print(_line(COLUMNS))
        rows: list[Row] = []
        for row in _rows(prompts, objective_names, seeds, preset_name, settings, folder):
            rows.append(row)
            print(_line(_cells(row)), flush=True)
            text = json.dumps([dataclasses.asdict(r) for r in rows], indent=1)
            (folder / "scores.json").write_text(text)
            save_png(folder / "sheet.png", sheet(rows, folder))
        _print_means(rows)
    return 0


def job_name(prompt: str, objective_name: str, seed: int) -> str:
    return f"{prompt} {objective_name} {seed}"


def sheet(rows: Sequence[Row], folder: Path) -> Bytes:
    """The first seed's props, a line a prompt, a column an objective, each seen from halfway to its side."""
    names = list(dict.fromkeys(row.objective for row in rows))
    prompts = list(dict.fromkeys(row.prompt for row in rows))
    first = {(row.prompt, row.objective): row for row in reversed(rows)}
    empty = np.ones((PICTURE_SIZE // 2, PICTURE_SIZE // 2, 3))
    tiles = [
        _portrait(folder / job_name(prompt, name, first[prompt, name].seed)) if (prompt, name) in first else empty
        for prompt in prompts
        for name in names
    ]
    return contact_sheet(tiles, len(names), 4)


def _portrait(job: Path) -> Floats:
    """The second view of the turntable picture, at half its size."""
    left = 2 * PICTURE_GAP + PICTURE_SIZE
    pixels = read_picture(job / "turntable.png").pixels / 255
    view = pixels[PICTURE_GAP : PICTURE_GAP + PICTURE_SIZE, left : left + PICTURE_SIZE]
    half = PICTURE_SIZE // 2
    return np.asarray(view.reshape(half, 2, half, 2, 3).mean(axis=(1, 3)), dtype=np.float64)


def _rows(
    prompts: Sequence[str],
    objective_names: Sequence[str],
    seeds: Sequence[int],
    preset_name: Preset,
    settings: list[str],
    folder: Path,
) -> Iterator[Row]:
    model: Diffusion | None = None
    for prompt in prompts:
        for name in objective_names:
            for seed in seeds:
                generation = preset(preset_name, prompt)
                generation = replace(generation, objective=objective(name, generation.model), seed=seed)
                generation = with_settings(generation, settings)
                if isinstance(generation.representation, Image):
                    raise InvalidInput(
                        "objectives are compared on props, and an image is none",
                        advice="`bench quality --representation image` measures pictures.",
                    )
                model = model or load(generation.model)
                job = Job.create(folder / job_name(prompt, name, seed), generation)
                with job.running():
                    *_, finished = generate(job, model)
                assert isinstance(finished, Finished)
                assert finished.splats is not None
                seen = look(finished.splats, make_rasterizer(generation.rasterizer))
                yield Row(
                    prompt=prompt,
                    objective=name,
                    seed=seed,
                    iterations=generation.iterations,
                    splats=len(finished.splats),
                    score=score(seen, finished.mesh, named_scene(prompt)),
                    network_evaluations=finished.network_evaluations,
                    seconds=finished.seconds,
                )


def _cells(row: Row) -> list[str]:
    s = row.score
    return [
        row.prompt,
        row.objective,
        str(row.seed),
        f"{s.iou:.3f}",
        f"{s.worst_view:.3f}",
        f"{s.iou_unaligned:.3f}",
        f"{s.iou_other:.3f} {s.best_other}",
        f"{s.color_error:.3f}",
        f"{s.class_agreement:.2f}",
        f"{s.color_agreement:.2f}",
        str(row.network_evaluations),
        f"{row.seconds:.0f}",
        f"{row.seconds / row.iterations:.2f}",
    ]


def _line(cells: Sequence[str]) -> str:
    widths = [22, 12, 4, 6, 6, 9, 16, 6, 6, 6, 11, 7, 6]
    return " ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()


def _print_means(rows: Sequence[Row]) -> None:
    for name in dict.fromkeys(row.objective for row in rows):
        chosen = [row for row in rows if row.objective == name]
        ious = [row.score.iou for row in chosen]
        errors = [row.score.color_error for row in chosen]
        print(
            f"{name}: IoU {np.mean(ious):.3f} (lowest {min(ious):.3f}), colour error {np.mean(errors):.3f}, "
            f"{np.mean([row.seconds for row in chosen]):.0f} s, {len(chosen)} runs"
        )
