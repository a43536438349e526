"""What a run leaves beside its result: videos, and files kept on the way. It draws no random numbers.

Frames of the process are PNG files in the folder "process" until the run ends, when they become process.mp4. A run that
is killed leaves them as pictures; resumed, it makes those after its last checkpoint again, and the same.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ..core.cameras import Camera, turntable
from ..core.formats.ply import write_ply
from ..core.messages import Progress
from ..core.options import Generation, Outputs
from ..core.splats import SplatCloud
from ..core.whole_files import PARTIAL
from .job import Job
from .job_files import write_atomic
from .pictures import Bytes, save_png, to_bytes
from .representations.contract import Pictures, Render
from .video import open_video

PROCESS_FOLDER = "process"
VIEWS_AT_ONCE = 4
PREVIEW_SIZE = 64  # pixels, of the views that depths are measured in
PREVIEWS = 16
SOLID = 0.5  # alpha above which a pixel has a depth


class Recorder:
    """The films and files of one run. ``render`` draws the prop as it is now."""

    def __init__(self, job: Job, render: Render) -> None:
        self._job = job
        self._render = render
        self._outputs = job.generation.outputs
        self._process_cameras = process_cameras(job.generation)

    def record(self, iteration: int, snapshot: Callable[[], SplatCloud | None]) -> None:
        """What is due after an iteration, to be called before its checkpoint."""
        cameras = self._process_cameras
        number = frame_due(iteration, self._job.generation.iterations, len(cameras))
        if number:
            self._keep_process_frame(number, cameras[number - 1])
        if is_due(iteration, self._outputs.ply_every) and (cloud := snapshot()) is not None:
            self._job.write_artefact(f"prop-{iteration:06}.ply", partial(write_ply, cloud=cloud))

    def films_at(self, iteration: int) -> Iterator[Progress]:
        """The orbit that is due during the run, if any, unless it was made before the run was interrupted."""
        video, suffix = self._outputs.orbit_video, f"-{iteration:06}"
        if video is None or not is_due(iteration, video.every) or iteration == self._job.generation.iterations:
            return
        if not (self._job.folder / f"orbit{suffix}.mp4").exists():
            yield from self._film_orbit(suffix)

    def deliver(self) -> Iterator[Progress]:
        """The videos at the end of the run."""
        yield from self._join_process_frames()
        if self._outputs.orbit_video is not None:
            yield from self._film_orbit("")

    # ------------------------------------------------------------ process

    def _keep_process_frame(self, number: int, camera: Camera) -> None:
        folder = self._job.folder / PROCESS_FOLDER
        folder.mkdir(exist_ok=True)
        picture, _ = self._look([camera])
        write_atomic(folder / f"{number:05}.png", lambda path: save_png(path, picture[0]))

    def _join_process_frames(self) -> Iterator[Progress]:
        folder = self._job.folder / PROCESS_FOLDER
        pictures = sorted(folder.glob("[0-9]*.png"))
        if not pictures:
            return
        with ExitStack() as stack:
            write = self._open(stack, "process.mp4")
            for step, path in enumerate(pictures, 1):
                with Image.open(path) as picture:
                    write(np.asarray(picture.convert("RGB")))
                yield Progress(stage="Joining the process video", step=step, steps=len(pictures))
        self._place("process.mp4")
        shutil.rmtree(folder)

    # ------------------------------------------------------------ orbit

    def _film_orbit(self, suffix: str) -> Iterator[Progress]:
        video = self._outputs.orbit_video
        assert video is not None
        cameras = orbit_cameras(self._outputs, video.frames, raised_turn=video.raised_turn)
        names = [f"orbit{suffix}.mp4", *([f"orbit_depth{suffix}.mp4"] if video.depth else [])]
        near, far = self._depth_range() if video.depth else (0.0, 1.0)
        with ExitStack() as stack:
            writers = [self._open(stack, name) for name in names]
            for start in range(0, len(cameras), VIEWS_AT_ONCE):
                colors, rendered = self._look(cameras[start : start + VIEWS_AT_ONCE])
                films = (colors, depth_pictures(rendered, near, far) if video.depth else [])
                for write, pictures in zip(writers, films, strict=False):
                    for picture in pictures:
                        write(picture)
                yield Progress(stage="Filming", step=min(start + VIEWS_AT_ONCE, len(cameras)), steps=len(cameras))
        for name in reversed(names):  # the picture's last: where it is, both are
            self._place(name)

    def _depth_range(self) -> tuple[float, float]:
        """Metres from the camera between which the prop lies, over all of the orbit, so that no frame flickers."""
        cameras = orbit_cameras(replace(self._outputs, size=PREVIEW_SIZE), PREVIEWS, raised_turn=True)
        _, rendered = self._look(cameras)
        alpha, depth = rendered.alpha.cpu(), rendered.depth.cpu()
        depths = (depth / alpha.clamp(min=SOLID))[alpha > SOLID]
        if not len(depths):
            return self._outputs.radius / 2, self._outputs.radius * 2
        return float(depths.min()), float(depths.max())

    # ------------------------------------------------------------ both

    @torch.no_grad()
    def _look(self, cameras: Sequence[Camera]) -> tuple[list[Bytes], Pictures]:
        rendered = self._render(cameras, torch.full((3,), self._outputs.background))
        return [to_bytes(color.cpu().numpy()) for color in rendered.color], rendered

    def _open(self, stack: ExitStack, name: str) -> Callable[[Bytes], None]:
        outputs = self._outputs
        video = open_video(self._partial(name), size=outputs.size, frames_per_second=outputs.frames_per_second)
        return stack.enter_context(video)

    def _partial(self, name: str) -> Path:
        """Where a video is written, under a name that the job clears away after a run that was killed."""
        path = Path(name)
        return self._job.folder / f".{path.stem}{PARTIAL}-video{path.suffix}"

    def _place(self, name: str) -> None:
        self._job.write_artefact(name, lambda path: os.replace(self._partial(name), path))


def is_due(iteration: int, every: int) -> bool:
    """True at every multiple, but not at the start; never for 0."""
    return every > 0 and iteration > 0 and iteration % every == 0


def frame_due(iteration: int, iterations: int, frames: int) -> int:
    """The number, from 1, of the frame that ends with this iteration; 0 for none. The last ends with the run."""
    number = iteration * frames // iterations
    return number if number > (iteration - 1) * frames // iterations else 0


def orbit_cameras(outputs: Outputs, frames: int, *, raised_turn: bool) -> list[Camera]:
    """A turn from the front of the prop, and with ``raised_turn`` another one from higher up."""
    elevations = [outputs.elevation, *([outputs.raised_elevation] if raised_turn else [])]
    return [
        camera
        for elevation in elevations
        for camera in turntable(
            frames, radius=outputs.radius, elevation=elevation, fov_y=outputs.fov_y, size=outputs.size
        )
    ]


def process_cameras(generation: Generation) -> list[Camera]:
    """One for each frame of the process; with few iterations fewer, but all around. Empty without a video."""
    video = generation.outputs.process_video
    if video is None:
        return []
    turns = 2 if video.raised_turn else 1
    frames = max(min(video.frames, generation.iterations // turns), 1)
    return orbit_cameras(generation.outputs, frames, raised_turn=video.raised_turn)


def depth_pictures(rendered: Pictures, near: float, far: float) -> list[Bytes]:
    """[H, W, 3] grey pictures of depth: ``near`` is white, ``far`` is dark, where nothing is it is black."""
    alpha, depth = rendered.alpha.cpu(), rendered.depth.cpu()
    metres = depth / alpha.clamp(min=1e-6)
    nearness = ((far - metres) / max(far - near, 1e-6)).clamp(0, 1)
    grey = alpha * (0.15 + 0.85 * nearness)  # the farthest part stays apart from the empty ground
    return [to_bytes(one[..., None].expand(-1, -1, 3).numpy()) for one in grey]
