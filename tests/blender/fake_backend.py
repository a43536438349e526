"""A backend that distils nothing: the prompt says what it does. Started by path, like the real one."""

import json
import os
import signal
import sys
import time
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

from lucid_blender.backend.server import serve  # noqa: E402
from lucid_blender.core import codec  # noqa: E402
from lucid_blender.core.editing import InitialSplats  # noqa: E402
from lucid_blender.core.errors import ModelError  # noqa: E402
from lucid_blender.core.formats.ply import write_ply  # noqa: E402
from lucid_blender.core.meshes import TriangleMesh  # noqa: E402
from lucid_blender.core.messages import (  # noqa: E402
    Event,
    ExtractMesh,
    FetchModel,
    Finished,
    Generate,
    Machinery,
    ModelFound,
    Notice,
    Progress,
    Snapshot,
    StopAndKeep,
)
from lucid_blender.core.model_files import SMALL_FILES, STEMS  # noqa: E402
from lucid_blender.core.splats import SplatCloud  # noqa: E402


def cloud(count: int) -> SplatCloud:
    """Red splats on a spiral, the first always in the same place."""
    angle = np.arange(count) * 0.3
    positions = np.stack([np.cos(angle), np.sin(angle), angle / 10], axis=1) * 0.4
    return SplatCloud.from_colors(
        positions=positions,
        scales=np.full((count, 3), 0.05),
        rotations=np.tile([1.0, 0, 0, 0], (count, 1)),
        opacities=np.full(count, 0.8),
        colors=np.tile([0.8, 0.1, 0.1], (count, 1)),
    )


def edited(initial: InitialSplats) -> SplatCloud:
    """The splats that came, without their colour where they may change."""
    sh = np.where(initial.frozen[:, None, None] == 1, initial.cloud.sh, np.float32(0))
    return replace(initial.cloud, sh=sh)


def mesh() -> TriangleMesh:
    return TriangleMesh(
        vertices=np.eye(4, 3, dtype=np.float32),
        triangles=np.array([[0, 1, 2], [0, 2, 3], [0, 3, 1], [1, 3, 2]]),
        colors=np.full((4, 3), 0.5, dtype=np.float32),
    )


def fetch(request: FetchModel) -> Iterator[Event]:
    """The hub has every model but those of "nobody"; those of "gates" are gated."""
    source = request.wanted.source
    yield Progress(stage="Asking the hub")
    if source.startswith("nobody/"):
        raise ModelError("There is no such model.", advice="Check the name.")
    yield ModelFound(
        source=source,
        id=source,
        revision=request.wanted.revision or "main",
        size=4_000_000_000,
        missing=3_000_000_000,
        license="openrail",
        gated=source.startswith("gates/"),
    )
    if request.download:
        cache = Path(os.environ["HF_HUB_CACHE"])
        yield Progress(stage="Downloading the model", step=2 * 10**9, steps=4 * 10**9, unit="bytes")
        make_cached(cache, source, *{"lora": ("pytorch_lora_weights.safetensors",)}.get(request.wanted.part, ()))
    yield Finished()


def make_cached(cache: Path, source: str, *names: str) -> None:
    """What a download leaves, its files empty: these, or a model's."""
    folder = cache / f"models--{source.replace('/', '--')}" / "snapshots" / "main"
    if names:
        folder.mkdir(parents=True)
        for name in names:
            (folder / name).touch()
        return
    for name in (*(name for name in SMALL_FILES if "*" not in name), "tokenizer/vocab.json"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    for network, stem in STEMS.items():
        (folder / network / f"{stem}.safetensors").touch()


def run(request: Generate | ExtractMesh | FetchModel) -> Generator[Event, StopAndKeep | None, None]:
    if isinstance(request, FetchModel):
        yield from fetch(request)
        return
    if isinstance(request, ExtractMesh):
        yield Finished(mesh=mesh())
        return
    prompt, steps = request.generation.prompt, request.generation.iterations
    folder = Path(request.job_folder)
    folder.mkdir(parents=True, exist_ok=True)
    plain = {"state": "running", "generation": codec.to_plain(request.generation)}
    if not request.resume:  # as Job.create does
        (folder / "job.json").write_text(json.dumps(plain | {"placement": request.inputs.placement}))
    plain = json.loads((folder / "job.json").read_text())
    yield Progress(stage="Loading the model", steps=steps)
    yield Machinery(network="cpu, float32", rasterizer="numba_cpu: on 2 processor cores")
    if "noticed" in prompt:
        yield Notice(message="It is only a test.")
    if "unloadable" in prompt:
        raise ModelError("The model is not there.", advice="Choose another one.")
    for step in range(1, steps + 1):
        left, norm = steps - step, 1 / step
        enough = yield Progress(
            stage="Distilling", step=step, steps=steps, seconds_left=left, splats=10 * step, gradient_norm=norm
        )
        if enough:
            plain["stopped_at"] = step
            break
        yield Snapshot(step=step, splats=cloud(10 * step))
        if "dying" in prompt and step == 2 and not request.resume:
            time.sleep(0.5)
            os.kill(os.getpid(), signal.SIGKILL)
        if "slow" in prompt:
            time.sleep(0.1)
    splats = edited(request.inputs.splats) if request.inputs.splats else cloud(100)
    write_ply(folder / "prop.ply", splats)
    (folder / "job.json").write_text(json.dumps(plain | {"state": "finished", "artefacts": ["prop.ply"]}))
    yield Finished(
        splats=splats,
        mesh=mesh() if request.generation.mesh else None,
        job_folder=str(folder),
        seconds=1.5,
        network_evaluations=steps,
    )


if __name__ == "__main__":
    sys.exit(serve(run=run))
