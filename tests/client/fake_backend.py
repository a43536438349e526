"""A backend whose runs are scripts of events, chosen by the prompt; all but torch is real. Run by path, as that one."""

import logging
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np  # noqa: E402

from lucid_blender.backend import server  # noqa: E402
from lucid_blender.core.errors import ModelError  # noqa: E402
from lucid_blender.core.messages import Finished, Generate, Notice, Progress, Snapshot  # noqa: E402
from lucid_blender.core.splats import SplatCloud  # noqa: E402


def cloud(step: int) -> SplatCloud:
    one = np.ones((4, 3), np.float32)
    return SplatCloud.from_colors(
        positions=one * step, scales=one, rotations=np.ones((4, 4), np.float32), opacities=one[:, 0], colors=one
    )


def run(request):
    folder = Path(request.job_folder) if isinstance(request, Generate) else Path()
    prompt = request.generation.prompt if isinstance(request, Generate) else "mesh"
    if prompt == "fails":
        raise ModelError("no such model", advice="choose another")
    if prompt == "bug":
        raise KeyError("a fault")
    if prompt == "stuck":
        yield Progress(stage="Stuck")
        time.sleep(3600)
    steps = 1_000_000 if prompt == "endless" else 5
    try:
        yield Notice(message=f"pid {os.getpid()}")
        for step in range(steps):
            yield Progress(stage="Distilling", step=step, steps=steps)
            yield Snapshot(step=step, splats=cloud(step))
            time.sleep(0.002)
    except GeneratorExit:
        (folder / "checkpoint").write_text("written on the way out")
        raise
    print("a stray print")
    yield Finished(splats=cloud(steps), seconds=1.5)


class SlowToTakeDown:
    """As torch and its libraries: ending Python in order would keep the parent waiting."""

    def __del__(self) -> None:
        time.sleep(3600)


if __name__ == "__main__":
    kept = SlowToTakeDown()
    logging.basicConfig(level=logging.INFO)
    server.serve(run=run)
