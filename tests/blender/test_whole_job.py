"""The real thing: the add-on, the backend in its own process, and the built-in model; few iterations."""

import json
import os
from dataclasses import replace
from pathlib import Path

import bpy
import pytest
from mathutils import Euler, Matrix, Vector

from lucid_blender import api, preferences
from lucid_blender.client.job_state import state
from lucid_blender.core.errors import BackendError, Cancelled
from lucid_blender.core.messages import Event, Notice, Progress, Snapshot
from lucid_blender.core.options import HashGrid, Nerf
from lucid_blender.core.splats import SplatCloud
from lucid_blender.operators import running
from lucid_blender.scene.pictures import picture_of_file, read_picture
from lucid_blender.scene.pointcloud import read_splats

PROMPT = "a red mushroom"


COMPILED = Path(__file__).resolve().parents[2] / ".cache" / "backend"  # compiling the kernels takes half a minute


@pytest.fixture(autouse=True)
def real_backend(add_on: None, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        preferences.find_backend()
    except BackendError as error:
        pytest.skip(f"{preferences.PYTHON_VARIABLE} names no interpreter: {error}")
    launch = preferences.launch()
    monkeypatch.setattr(preferences, "launch", lambda: replace(launch, cache_folder=COMPILED))


def test_a_prompt_becomes_splats_and_a_mesh(tmp_path: Path) -> None:
    events: list[Event] = []
    result = api.generate(
        PROMPT, preset="draft", iterations=12, mesh=True, on_event=events.append, job_folder=tmp_path / "job"
    )
    cloud = read_splats(result.splats)
    assert len(cloud) >= 100
    assert result.mesh is None or len(result.mesh.data.polygons) > 0
    assert {"job.json", "prop.ply"} <= set(os.listdir(tmp_path / "job"))
    steps = [event.step for event in events if isinstance(event, Progress)]
    assert steps == sorted(steps) and steps[-1] == 12
    assert any(isinstance(event, Snapshot) for event in events)
    opened = api.open_job(tmp_path / "job")
    assert read_splats(opened.splats).positions.shape == cloud.positions.shape


def test_a_picture_becomes_an_image_and_is_edited(tmp_path: Path) -> None:
    events: list[Event] = []
    first = api.generate(PROMPT, representation="image", iterations=8, job_folder=tmp_path / "a")
    assert first.splats is None and first.mesh is None
    assert tuple(first.image.size) == (128, 128) and first.image["prompt"] == PROMPT
    assert first.image.packed_file is not None
    edited = api.generate(
        "a blue mushroom",
        initial_image=first.image,
        iterations=8,
        job_folder=tmp_path / "b",
        on_event=events.append,
    )
    assert edited.artefacts == ("image.png", "before.png", "before-after.png")
    before = picture_of_file(tmp_path / "b" / "before.png").pixels
    assert (before == read_picture(first.image).pixels).all()
    assert (before != read_picture(edited.image).pixels).any()
    assert any("Image Editor" in notice for notice in state.notices)
    (shot, *_) = (event for event in events if isinstance(event, Snapshot))
    assert shot.splats is None and shot.picture.pixels.shape == (128, 128, 3)
    opened = api.open_job(tmp_path / "a")
    assert (read_picture(opened.image).pixels == before).all()


def test_options_of_a_field_pass_as_they_are_and_its_splats_and_mesh_are_in_the_scene(tmp_path: Path) -> None:
    field = Nerf(grid=HashGrid(levels=2, coarsest=4, finest=8), hidden=8, samples=16, splat_resolution=16)
    result = api.generate(PROMPT, representation=field, iterations=2, mesh=True, job_folder=tmp_path / "job")
    made = json.loads((tmp_path / "job" / "job.json").read_text())["generation"]["representation"]
    assert (made["kind"], made["grid"]["finest"], made["splat_resolution"]) == ("Nerf", 8, 16)
    assert len(read_splats(result.splats)) > 100 and len(result.mesh.data.polygons) > 100


@pytest.mark.parametrize("kind", ["Image", "Nerf"])
def test_what_is_chosen_in_all_options_is_made(kind: str) -> None:
    settings = bpy.context.scene.lucid
    settings.prompt, settings.preset, settings.customise = PROMPT, "draft", True
    options = settings.options
    options.representation_kind, options.iterations = kind, 1
    options.representation_nerf.samples, options.representation_nerf.splat_resolution = 8, 8
    options.representation_nerf.grid.levels, options.representation_nerf.grid.finest = 1, 16
    assert bpy.ops.lucid.generate() == {"FINISHED"}
    pictures = [found for found in bpy.data.images if found.get("prompt") == PROMPT]
    props = [found for found in bpy.data.objects if found.get("prompt") == PROMPT]
    assert (len(pictures), len(props)) == ((1, 0) if kind == "Image" else (0, 1))
    made = json.loads((pictures or props)[0]["settings"])["representation"]
    assert made["kind"] == kind and (kind == "Image" or made["splat_resolution"] == 8)


CONFIG = """
port: 1
seed: 5
save_video: false
GuidanceParams: {text: a red mushroom, delta_t: 33, C_batch_size: 2, perpneg: false}
GenerateCamParams: {image_w: 64, image_h: 64, init_num_pts: 300}
OptimizationParams: {iterations: 100, save_process: false}
"""


def test_a_configuration_of_the_authors_is_followed_where_nothing_else_is_said(tmp_path: Path) -> None:
    (tmp_path / "file.yaml").write_text(CONFIG)
    events: list[Event] = []
    api.generate(
        config=tmp_path / "file.yaml",
        model="builtin",
        iterations=4,
        on_event=events.append,
        job_folder=tmp_path / "job",
    )
    made = json.loads((tmp_path / "job" / "job.json").read_text())["generation"]
    assert (made["prompt"], made["seed"], made["iterations"]) == ("a red mushroom", 5, 4)
    assert made["objective"]["delta_t"] == 33
    assert made["model"]["source"] == "builtin"
    assert any(isinstance(event, Notice) and "port" in event.message for event in events)


def test_a_stopped_job_resumes_to_the_result_of_an_uninterrupted_one(tmp_path: Path) -> None:
    whole = read_splats(api.generate(PROMPT, preset="draft", iterations=8, job_folder=tmp_path / "a").splats)

    def stop_at_4(event: Event) -> None:
        if isinstance(event, Progress) and event.step == 4:
            running.cancel()

    with pytest.raises(Cancelled):
        api.generate(PROMPT, preset="draft", iterations=8, job_folder=tmp_path / "b", on_event=stop_at_4)
    assert bpy.ops.lucid.resume(directory=str(tmp_path / "b")) == {"FINISHED"}
    (resumed,) = [found for found in bpy.data.objects if found.get("lucid_job") == "b"]
    assert equal(whole, read_splats(resumed))


def test_a_stopped_edit_resumes_in_the_place_of_its_original(tmp_path: Path) -> None:
    place = Matrix.LocRotScale(Vector((4, -2, 1)), Euler((0.2, 0.4, 1.2)), Vector((3, 3, 3)))
    original = api.generate(PROMPT, preset="draft", iterations=2, splats=200, job_folder=tmp_path / "a").splats
    original.matrix_world = place
    bpy.context.view_layer.update()

    def stop_at_2(event: Event) -> None:
        if isinstance(event, Progress) and event.step == 2:
            running.cancel()

    with pytest.raises(Cancelled):
        api.edit(original, "a blue mushroom", iterations=4, job_folder=tmp_path / "b", on_event=stop_at_2)
    for left in [found for found in bpy.data.objects if found.get("lucid_job") == "b"]:
        bpy.data.objects.remove(left)
    assert bpy.ops.lucid.resume(directory=str(tmp_path / "b")) == {"FINISHED"}
    (resumed,) = [found for found in bpy.data.objects if found.get("lucid_job") == "b"]
    # matrix_world is float32
    assert [value for row in resumed.matrix_world for value in row] == pytest.approx(
        [value for row in place for value in row], abs=1e-6
    )


def equal(one: SplatCloud, other: SplatCloud) -> bool:
    return len(one) == len(other) and one.equals(other)
