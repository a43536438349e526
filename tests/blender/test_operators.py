"""Operators as a script calls them, with a backend that answers at once."""

import json
from collections.abc import Callable
from pathlib import Path

import bpy
import numpy as np
import pytest

from lucid_blender import api
from lucid_blender.client.job_state import state
from lucid_blender.core.errors import BackendError, JobError, ModelError
from lucid_blender.core.messages import Finished, Snapshot
from lucid_blender.core.options import Control
from lucid_blender.operators import running
from lucid_blender.operators.prop import Prop
from lucid_blender.operators.resume import resume_request
from lucid_blender.preparing import prop_with
from lucid_blender.scene.placement import matrix_of
from lucid_blender.scene.pointcloud import create_splats, read_splats

from .conftest import random_cloud


def splats_in_file() -> list[bpy.types.Object]:
    return [found for found in bpy.data.objects if found.type == "POINTCLOUD"]


def generate(prompt: str, *, iterations: int = 3, mesh: bool = False) -> set[str]:
    settings = bpy.context.scene.lucid
    settings.prompt, settings.set_iterations, settings.iterations = prompt, True, iterations
    settings.make_mesh = mesh
    return bpy.ops.lucid.generate()


# ---------------------------------------------------------------- files


@pytest.mark.parametrize("pad", [True, False])
def test_splats_go_through_a_ply_file(tmp_path: Path, pad: bool) -> None:
    splats = create_splats(random_cloud(30), "out")
    bpy.context.scene.collection.objects.link(splats)
    bpy.context.view_layer.objects.active = splats
    path = str(tmp_path / "out.ply")
    assert bpy.ops.lucid.export_splats(filepath=path, pad_to_degree_3=pad) == {"FINISHED"}
    assert bpy.ops.lucid.import_splats(filepath=path) == {"FINISHED"}
    cloud, back = read_splats(splats), read_splats(bpy.context.active_object)
    assert back.sh_degree == (3 if pad else 0)
    assert np.array_equal(back.positions, cloud.positions)
    assert back.scales == pytest.approx(cloud.scales, rel=1e-5)  # through logarithms in float32
    assert back.opacities == pytest.approx(cloud.opacities, abs=1e-6)


def test_a_file_that_is_no_splats_is_an_error_that_says_so(tmp_path: Path) -> None:
    path = tmp_path / "no.ply"
    path.write_text("hello")
    with pytest.raises(RuntimeError, match="no.ply"):
        bpy.ops.lucid.import_splats(filepath=str(path))
    assert not splats_in_file()


def test_only_splats_can_be_exported() -> None:
    bpy.ops.mesh.primitive_cube_add()
    assert not bpy.ops.lucid.export_splats.poll()


# ---------------------------------------------------------------- runs


@pytest.mark.usefixtures("fake_backend")
def test_generate_leaves_described_splats_in_a_collection_named_after_the_prompt() -> None:
    assert generate("a red mushroom", mesh=True) == {"FINISHED"}
    collection = bpy.data.collections["a red mushroom"]
    kinds = {found.type: found for found in collection.objects}
    assert set(kinds) == {"POINTCLOUD", "MESH"}
    assert len(kinds["POINTCLOUD"].data.points) == 100
    for made in kinds.values():
        assert made["prompt"] == "a red mushroom" and made["seed"] == 0
        assert json.loads(made["settings"])["iterations"] == 3
    assert bpy.context.active_object == kinds["POINTCLOUD"]
    assert state.phase == "finished"


@pytest.mark.usefixtures("fake_backend")
def test_the_same_prompt_twice_makes_two_collections() -> None:
    generate("a red mushroom")
    generate("a red mushroom")
    assert len(bpy.data.collections) == 2 and len(splats_in_file()) == 2


@pytest.mark.usefixtures("fake_backend")
def test_a_failure_is_reported_with_advice() -> None:
    with pytest.raises(RuntimeError, match="The model is not there. Choose another one."):
        generate("an unloadable mug")
    assert (state.phase, state.message, state.advice) == ("failed", "The model is not there.", "Choose another one.")


@pytest.mark.usefixtures("fake_backend")
def test_a_killed_backend_is_reported_and_the_job_resumes() -> None:
    with pytest.raises(RuntimeError, match="stopped unexpectedly"):
        generate("a dying mug")
    (partial,) = splats_in_file()
    assert state.phase == "failed" and state.job_folder
    assert bpy.ops.lucid.resume(directory=state.job_folder) == {"FINISHED"}
    assert splats_in_file() == [partial] and len(partial.data.points) == 100


@pytest.mark.usefixtures("fake_backend")
def test_splats_become_a_mesh_beside_them() -> None:
    generate("a red mushroom")
    splats = bpy.context.active_object
    splats.location = (2, 0, 0)
    bpy.context.view_layer.update()
    assert bpy.ops.lucid.splats_to_mesh() == {"FINISHED"}
    mesh = bpy.context.active_object
    assert mesh.type == "MESH" and mesh.users_collection == splats.users_collection
    assert mesh["prompt"] == "a red mushroom"
    assert tuple(mesh.matrix_world.translation) == (2, 0, 0)


def test_without_a_backend_generate_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LUCID_DREAMER_PYTHON", raising=False)
    with pytest.raises(RuntimeError, match="Install it"):
        generate("a red mushroom")
    assert not state.busy


# ---------------------------------------------------------------- in a window, where a timer drives it


def started(prompt: str, folder: Path, **changes: object) -> Prop:
    draft = api.make_generation(prompt, preset_name="draft", model=api.model_named("builtin"))
    prop = prop_with(draft, start_from=None, job_folder=folder, **{"iterations": 3, **changes})
    running.start(prop)
    return prop


def test_a_control_mesh_travels_in_the_frame_of_the_first_shape(add_on: None, tmp_path: Path) -> None:
    bpy.ops.mesh.primitive_cube_add(location=(5, 0, 0))
    shape = bpy.context.active_object
    bpy.ops.mesh.primitive_cube_add(location=(7, 0, 0))
    other = bpy.context.active_object
    control = Control(kind="segmentation", source="owner/net")
    mug = api.make_generation("a red mug", preset_name="draft", model=api.model_named("builtin"))
    settings = {"job_folder": tmp_path, "controls": (control,)}
    both = prop_with(mug, start_from=shape, control_mesh=other, **settings).request
    side = np.ptp(both.inputs.mesh.vertices[:, 0])
    assert both.inputs.control_mesh.vertices.mean(axis=0) == pytest.approx([side, 0, 0], abs=1e-6)
    assert both.generation.controls == (control,)
    same = prop_with(mug, start_from=shape, **settings).request
    assert np.ptp(same.inputs.control_mesh.vertices, axis=0) == pytest.approx(np.ptp(same.inputs.mesh.vertices, axis=0))
    alone = prop_with(mug, start_from=None, control_mesh=other, **settings)
    assert alone.request.inputs.mesh is None
    assert np.linalg.norm(alone.request.inputs.control_mesh.vertices, axis=1).max() == pytest.approx(0.6)
    # the prop appears where the body stands
    assert tuple(matrix_of(alone.request.inputs.placement).translation) == pytest.approx((7, 0, 0))


@pytest.mark.usefixtures("fake_backend")
def test_the_timer_grows_the_splats_and_ends(tmp_path: Path, pump: Callable[[], None]) -> None:
    prop = started("a noticed mug", tmp_path / "job")
    assert bpy.app.timers.is_registered(running.tick)
    pump()
    assert len(prop.splats.data.points) == 100 and state.phase == "finished"
    assert state.notices == ["It is only a test."]
    assert state.rasterizer == "numba_cpu: on 2 processor cores" and state.network == "cpu, float32"
    assert not bpy.app.timers.is_registered(running.tick)


@pytest.mark.usefixtures("fake_backend")
def test_what_splats_share_is_made_while_the_backend_starts_a_piece_a_tick(tmp_path: Path) -> None:
    prop = started("a slow mug", tmp_path / "job", iterations=20)
    counts = [shared()]
    while prop.splats is None:
        running.tick()
        counts.append(shared())
    assert counts[0] == 0 and counts[-2] == counts[-1] == 3  # material, nodes, viewport nodes: before the splats came
    assert np.diff(counts).max() == 1
    bpy.ops.lucid.cancel()


def shared() -> int:
    return len(bpy.data.materials) + len(bpy.data.node_groups)


@pytest.mark.usefixtures("fake_backend")
def test_a_deleted_object_stays_away_until_the_end(tmp_path: Path, pump: Callable[[], None]) -> None:
    prop = started("a slow mug", tmp_path / "job", iterations=20)
    while prop.splats is None:
        running.tick()
    bpy.data.objects.remove(prop.splats)
    for _ in range(200):
        if running.tick() is None or state.phase == "finished":
            break
        if state.busy:
            assert prop.splats is None
    pump()
    assert prop.splats is not None


@pytest.mark.usefixtures("fake_backend")
def test_a_file_loaded_in_the_middle_still_gets_the_result(tmp_path: Path, pump: Callable[[], None]) -> None:
    prop = started("a slow mug", tmp_path / "job", iterations=10)
    while prop.splats is None:
        running.tick()
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    pump()
    assert len(prop.splats.data.points) == 100


@pytest.mark.usefixtures("fake_backend")
def test_cancel_keeps_what_has_grown(tmp_path: Path, pump: Callable[[], None]) -> None:
    prop = started("a slow mug", tmp_path / "job", iterations=500)
    while prop.splats is None:
        running.tick()
    assert bpy.ops.lucid.cancel() == {"FINISHED"}
    pump()
    assert state.phase == "cancelled" and prop.splats is not None
    assert state.job_folder == str(tmp_path / "job")


@pytest.mark.usefixtures("fake_backend")
def test_unregistering_stops_a_run(tmp_path: Path) -> None:
    started("a slow mug", tmp_path / "job", iterations=500)
    running.stop()
    assert not bpy.app.timers.is_registered(running.tick)
    assert running._on_undo not in bpy.app.handlers.undo_post


@pytest.mark.usefixtures("fake_backend")
def test_a_resumed_run_puts_its_result_where_it_would_have_been(tmp_path: Path) -> None:
    bpy.ops.mesh.primitive_cube_add(location=(3, -1, 2), size=4)
    cube = bpy.context.active_object
    with pytest.raises(BackendError):
        api.generate("a dying mug", preset="draft", iterations=3, start_from=cube, job_folder=tmp_path / "job")
    bpy.data.objects.remove(splats_in_file()[0])
    resumed = api.open_job(tmp_path / "job").splats
    # A cube of 4 m has a radius of sqrt(12) m, and its surface was trained in one of 0.6 m.
    assert tuple(resumed.matrix_world.translation) == pytest.approx((3, -1, 2))
    assert tuple(resumed.matrix_world.to_scale()) == pytest.approx([12**0.5 / 0.6] * 3)


# ---------------------------------------------------------------- api


@pytest.mark.usefixtures("fake_backend")
def test_api_generate_returns_the_objects() -> None:
    events: list[object] = []
    result = api.generate("a slow red mug", preset="draft", iterations=4, mesh=True, on_event=events.append)
    assert result.done and result.splats.type == "POINTCLOUD" and result.mesh.type == "MESH"
    assert result.network_evaluations == 4
    assert any(isinstance(event, Snapshot) for event in events) and isinstance(events[-1], Finished)


@pytest.mark.usefixtures("fake_backend")
def test_api_generate_raises_what_went_wrong() -> None:
    with pytest.raises(ModelError, match="not there"):
        api.generate("an unloadable mug")
    with pytest.raises(BackendError, match="stopped unexpectedly"):
        api.generate("a dying mug", iterations=3)


@pytest.mark.usefixtures("fake_backend")
def test_a_batch_goes_on_after_a_failure() -> None:
    first, second, third = api.generate_batch(
        ["a red mug", {"prompt": "an unloadable mug"}, {"prompt": "a blue mug", "seed": 7}], iterations=2
    )
    assert first.splats and not first.error
    assert isinstance(second.error, ModelError) and second.splats is None
    assert third.splats["seed"] == 7


def test_open_job_wants_a_job(tmp_path: Path) -> None:
    with pytest.raises(JobError, match="no job"):
        api.open_job(tmp_path)
    (tmp_path / "job.json").write_text("{}")
    with pytest.raises(JobError, match="not a job"):
        resume_request(tmp_path)
