"""`bench quality`, the yardstick: prompts x settings x seeds, distilled and held against what is known of them.

Where a prompt names a scene of the grammar, the prop is held against that scene (``scores``). Whatever the prompts
are, there are the measures of the tables 2 and 3 of DreamMapping: CLIP score, 3D-FID and time (``bench_pictures``).
"""

from __future__ import annotations

import dataclasses
import json
import logging
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import interpolate

from ..core.codec import to_plain
from ..core.errors import InvalidInput, JobError
from ..core.meshes import TriangleMesh
from ..core.messages import Finished, Notice
from ..core.options import BUILTIN, Control, DiffusionModel, Gaussians, Generation, Image, Meshing
from . import pictures
from .bench_pictures import looks, make_features, sampled
from .choices import make_rasterizer
from .diffusion import Diffusion, load
from .grammar import Scene
from .job import Job
from .quality.clip import load_clip
from .quality.frechet import frechet_distance
from .quality.judge import features_of, opinion
from .quality.known import Seen, scene_of, truth
from .quality.report import Report, Run, markdown, summaries
from .representations.contract import Representation
from .run import generate, result_of
from .scores import look, look_through, score

logger = logging.getLogger(__name__)

TILE = 128  # pixels a side of the sheet's pictures
TILE_VIEWS = (3, 15)  # of the ring of cameras: from the front right, and from the back left
OF_PICTURES = (  # fields of an Opinion that need no camera
    "class_agreement",
    "color_agreement",
    "second_color_agreement",
    "material_agreement",
    "text_score",
)
Array = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What is compared: how a prompt and a seed are made into a prop."""

    name: str
    generation_for: Callable[[str, int], Generation]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is measured, and how."""

    prompts: tuple[str, ...]
    settings: tuple[Setting, ...]  # the others are compared with the first
    seeds: tuple[int, ...] = (0,)
    clips: tuple[str, ...] = ()  # ids or folders
    features: str = "none"  # what distances to sampled pictures are measured in: inception, clip, classifier, or none
    inception_weights: Path | None = None
    views: int = 50  # random ones of each prop, for CLIP and for distances to sampled pictures
    references: int = 50  # sampled pictures for each prompt
    offline: bool = False
    output: Path | None = None


@dataclass
class Gathered:
    """Features of the views that one setting has shown so far, and of the scenes that they are held against."""

    seen: list[Array] = field(default_factory=list)
    true: list[Array] = field(default_factory=list)
    drawn: list[Array] = field(default_factory=list)  # of random views, held against sampled pictures


def read_prompts(path: Path) -> tuple[str, ...]:
    """One prompt a line; empty lines and those that begin with # are left out."""
    try:
        lines = [line.strip() for line in path.read_text("utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"the prompts {path} cannot be read: {error}") from error
    found = tuple(line for line in lines if line and not line.startswith("#"))
    if not found:
        raise InvalidInput(f"{path} holds no prompt", advice="Write one on each line.")
    return found


def quality(plan: Plan) -> int:
    """Run everything; leave quality.json, quality.md, sheet.png and the jobs in the output folder; the exit code.

    Jobs that are there already, finished or not, are gone on with, so that a long measurement can be interrupted.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = plan.output or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        report, sheet = measure(plan, folder)
        table = markdown(report)
        (folder / "quality.json").write_text(json.dumps(dataclasses.asdict(report), indent=1), "utf-8")
        (folder / "quality.md").write_text(table, "utf-8")
        pictures.save_png(folder / "sheet.png", sheet)
    print(table)
    return 0


def measure(plan: Plan, folder: Path) -> tuple[Report, pictures.Bytes]:
    """The report, and a sheet with a line for each prompt: the scene, or sampled pictures, and then every run."""
    bench = Bench(plan, folder)
    runs = list(bench.runs())
    pooled = {name: _distance(found.seen, found.true) for name, found in bench.gathered.items()}
    sampled = {name: _distance(found.drawn, bench.sampled) for name, found in bench.gathered.items()}
    report = Report(
        features=plan.features,
        views=plan.views,
        references=plan.references,
        summaries=summaries(runs, pooled, sampled),
        runs=tuple(runs),
    )
    return report, pictures.contact_sheet(bench.tiles, len(bench.tiles) // len(plan.prompts), 4)


class Bench:
    """Goes through a plan, one run after the other, and keeps what is looked at in the end."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan, self.folder = plan, folder
        self.models: dict[tuple[DiffusionModel, tuple[Control, ...]], Diffusion] = {}
        self.first = plan.settings[0].generation_for(plan.prompts[0], plan.seeds[0])
        device = self.model_of(self.first).device
        self.clips = [load_clip(source, device=device, offline=plan.offline) for source in plan.clips]
        self.features = make_features(
            plan.features, inception_weights=plan.inception_weights, clips=self.clips, device=device
        )
        if self.features is not None and any(map(self.is_flat, plan.settings)):
            raise InvalidInput(
                "an image is one picture a run, too few for a distance between distributions",
                advice="Leave it out: --features none.",
            )
        self.gathered = {setting.name: Gathered() for setting in plan.settings}
        self.sampled: list[Array] = []
        self.tiles: list[pictures.Floats] = []

    def runs(self) -> Iterator[Run]:
        """Distil and measure everything."""
        count = len(self.plan.prompts) * len(self.plan.settings) * len(self.plan.seeds)
        done = 0
        for number, prompt in enumerate(self.plan.prompts):
            self.refer(prompt)
            for setting in self.plan.settings:
                for seed in self.plan.seeds:
                    run = self.run(f"{number:03} {setting.name} {seed} {prompt}", setting, prompt, seed)
                    done += 1
                    print(f"{done}/{count} {line(run)}", flush=True)
                    yield run

    def refer(self, prompt: str) -> None:
        """Sample and draw what the runs of a prompt are held against."""
        tiles = [np.ones((TILE, TILE, 3), np.float32)] * len(TILE_VIEWS)
        if self.features is not None:
            generation = self.plan.settings[0].generation_for(prompt, self.plan.seeds[0])
            references = sampled(self.model_of(generation), generation, self.plan.references)
            self.sampled.append(self.features(references).numpy())
            drawn = [reference.permute(1, 2, 0).numpy() for reference in references[: len(tiles)]]
            tiles[: len(drawn)] = drawn
        if (scene := self.scene(prompt, self.first)) is not None:
            tiles = [truth(scene).pictures[view] for view in TILE_VIEWS]
        self.tiles += map(_tile, tiles)

    def run(self, name: str, setting: Setting, prompt: str, seed: int) -> Run:
        """One prop: distilled, looked at, measured."""
        generation, gathered = setting.generation_for(prompt, seed), self.gathered[setting.name]
        finished, made = distilled(self.folder / _file_name(name), generation, self.model_of(generation))
        values: dict[str, float | None] = {
            "seconds": finished.seconds,
            "network_evaluations": finished.network_evaluations,
            "splats": len(finished.splats) if finished.splats is not None else 0,
        }
        notes: dict[str, str] = {}
        flat = isinstance(generation.representation, Image)
        if self.clips or self.features is not None or flat:
            drawn = looks(made.render, generation, self.plan.views)
            values |= {f"CLIP {clip.name}": clip.score(drawn, prompt) for clip in self.clips}
            if self.features is not None:
                gathered.drawn.append(self.features(drawn).numpy())
        scene = self.scene(prompt, generation)
        if flat:
            values |= self.judge_picture(drawn[0].permute(1, 2, 0).numpy(), scene)
            return Run(setting=setting.name, prompt=prompt, seed=seed, values=values, notes=notes)
        seen = seen_of(finished, made, generation)
        self.tiles += [_tile(seen.pictures[view]) for view in TILE_VIEWS]
        if scene is not None:
            found = dataclasses.asdict(score(seen, mesh_of(finished, made), scene))
            notes["best_other"] = found.pop("best_other")
            values |= found
            gathered.seen.append(features_of(seen.pictures))
            gathered.true.append(features_of(truth(scene, found["yaw"], found["scale"]).pictures))
        return Run(setting=setting.name, prompt=prompt, seed=seed, values=values, notes=notes)

    def judge_picture(self, picture: Array, scene: Scene | None) -> dict[str, float | None]:
        """What is said of one picture [H, W, 3], which has no camera and so neither silhouette nor sides."""
        self.tiles += map(_tile, [picture, *[np.ones_like(picture)] * (len(TILE_VIEWS) - 1)])
        if scene is None:
            return {}
        said = opinion(picture[None], scene)
        return {name: getattr(said, name) for name in OF_PICTURES}

    def scene(self, prompt: str, generation: Generation) -> Scene | None:
        """The scene that a prompt names, where the model was taught such scenes."""
        return scene_of(prompt) if generation.model.source == BUILTIN else None

    def is_flat(self, setting: Setting) -> bool:
        """Whether it makes pictures in place of props."""
        generation = setting.generation_for(self.plan.prompts[0], self.plan.seeds[0])
        return isinstance(generation.representation, Image)

    def model_of(self, generation: Generation) -> Diffusion:
        """The model of a run, loaded once."""
        key = generation.model, generation.controls
        if key not in self.models:
            self.models[key] = load(*key)
        return self.models[key]


def distilled(folder: Path, generation: Generation, model: Diffusion) -> tuple[Finished, Representation]:
    """The finished run in a folder, made or gone on with there, and what it made.

    Raises JobError when another one is in the folder.
    """
    job = Job.open(folder) if (folder / "job.json").exists() else Job.create(folder, generation)
    if to_plain(job.generation) != to_plain(generation):
        raise JobError(f"{folder} holds a run with other settings", advice="Choose another --output folder.")
    with job.running():
        for event in generate(job, model):
            if isinstance(event, Notice):
                logger.warning("%s", event.message)
    assert isinstance(event, Finished)
    return event, result_of(job, model)


def seen_of(finished: Finished, made: Representation, generation: Generation) -> Seen:
    """A prop from the ring of cameras: splats in their colours of all directions, a field by its own renderer."""
    if isinstance(generation.representation, Gaussians) and finished.splats is not None:
        return look(finished.splats, make_rasterizer(generation.rasterizer))
    return look_through(made.render)


def mesh_of(finished: Finished, made: Representation) -> TriangleMesh | None:
    """The mesh that was delivered, else the one that the prop has by default; none where none can be drawn."""
    if finished.mesh is not None:
        return finished.mesh
    try:
        return made.mesh(Meshing())
    except InvalidInput as error:
        logger.warning("no mesh to measure: %s", error)
        return None


def line(run: Run) -> str:
    """A run in a few words, for whoever waits."""
    known = f", IoU {run.values['iou']:.3f}" if "iou" in run.values else ""
    clips = "".join(f", {name} {value:.2f}" for name, value in run.values.items() if name.startswith("CLIP "))
    return f"{run.prompt}, {run.setting}, seed {run.seed}: {run.values['seconds']:.0f} s{clips}{known}"


def _distance(found: Sequence[Array], wanted: Sequence[Array]) -> float | None:
    return frechet_distance(np.concatenate(found), np.concatenate(wanted)) if found and wanted else None


def _tile(picture: pictures.Floats) -> pictures.Floats:
    """[TILE, TILE, 3] of a square picture."""
    image = torch.from_numpy(np.ascontiguousarray(picture, np.float32)).permute(2, 0, 1)[None]
    small = interpolate(image, size=(TILE, TILE), mode="bilinear", antialias=True, align_corners=False)
    return np.asarray(small[0].permute(1, 2, 0).numpy())


def _file_name(text: str) -> str:
    """Of what every file system takes."""
    return re.sub(r"[^\w ,.=+-]", "_", text)[:80].strip(". ")
