"""Every test starts from an empty scene with the add-on registered, and keeps its files to itself.

Run with Blender as the bpy wheel: `.environments/blender/bin/python -m pytest tests/blender`.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import bpy
import numpy as np
import pytest

import lucid_blender
from lucid_blender import preferences
from lucid_blender.client.job_state import JobState, state
from lucid_blender.client.process import Launch
from lucid_blender.core.splats import SplatCloud
from lucid_blender.operators import running
from lucid_blender.viewport import inset, layer, shaders

FAKE_BACKEND = Path(__file__).with_name("fake_backend.py")


@pytest.fixture(autouse=True)
def add_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def folder(name: str) -> Path:
        made = tmp_path / "user" / name
        made.mkdir(parents=True, exist_ok=True)
        return made

    monkeypatch.setattr(preferences, "user_folder", folder)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    lucid_blender.register()
    yield
    lucid_blender.unregister()
    vars(state).update(vars(JobState()))


@pytest.fixture
def graphics(add_on: None) -> Iterator[None]:
    """A graphics context: the first picture that Workbench draws brings one."""
    scene = bpy.context.scene
    scene.render.engine = "BLENDER_WORKBENCH"
    scene.render.resolution_x = scene.render.resolution_y = 16
    scene.camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    scene.collection.objects.link(scene.camera)
    bpy.ops.render.render()
    yield
    inset.forget()
    layer.forget()
    shaders.forget()


@pytest.fixture
def fake_backend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backend that answers at once; the prompt says how (see fake_backend.py)."""
    launch = Launch(python=Path(sys.executable), cache_folder=tmp_path / "cache", program=FAKE_BACKEND)
    monkeypatch.setattr(preferences, "launch", lambda: launch)


@pytest.fixture
def pump() -> Callable[[], None]:
    """Do what Blender's timers do in a window, until the run has ended."""

    def until_done() -> None:
        import time

        deadline = time.monotonic() + 30
        while running.tick() is not None:
            assert time.monotonic() < deadline, "the run does not end"
            time.sleep(0.02)

    return until_done


def random_cloud(count: int, *, coefficients: int = 1, seed: int = 0) -> SplatCloud:
    rng = np.random.default_rng(seed)
    return SplatCloud(
        positions=rng.normal(size=(count, 3)),
        scales=rng.uniform(0.01, 0.3, (count, 3)),
        rotations=rng.normal(size=(count, 4)),
        opacities=rng.uniform(0, 1, count),
        sh=rng.normal(size=(count, coefficients, 3)),
    )
