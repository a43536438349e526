"""The history and the queue as their buttons use them, with a backend that answers at once."""

import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np
import pytest

import lucid_blender
from lucid_blender import generations, preferences
from lucid_blender.client import trash
from lucid_blender.client.history import history
from lucid_blender.client.job_state import state
from lucid_blender.client.prompt_queue import prompt_queue
from lucid_blender.core.inputs import Inputs
from lucid_blender.core.jobs import SETTINGS_FILE
from lucid_blender.core.messages import Generate
from lucid_blender.core.options import DiffusionModel, FromSplats, Lora, Vdm
from lucid_blender.core.pictures import Picture
from lucid_blender.core.presets import preset
from lucid_blender.operators import attending, running
from lucid_blender.operators.job_again import request_again, request_further
from lucid_blender.operators.prop import Prop
from lucid_blender.operators.resume import read_job
from lucid_blender.panels import icons
from lucid_blender.panels.trash import days_left
from lucid_blender.scene.pointcloud import read_splats


def generate(prompt: str, *, seed: int = 0, iterations: int = 2) -> Path:
    """The folder of a job that has run."""
    settings = bpy.context.scene.lucid
    settings.prompt, settings.set_iterations, settings.iterations, settings.seed = prompt, True, iterations, seed
    bpy.ops.lucid.generate()
    attending.look()
    return history.entries[0].folder


def splats_of(folder: Path) -> bpy.types.Object | None:
    return next((found for found in bpy.data.objects if found.get("lucid_job") == folder.name), None)


def lists() -> bpy.types.PropertyGroup:
    return bpy.context.window_manager.lucid


@pytest.fixture
def job(fake_backend: None) -> Path:
    return generate("a red mug", seed=7)


def attend_until(condition: Callable[[], bool]) -> None:
    """Do what the timers do in a window."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, f"it does not come about: {state}"
        running.tick()
        attending.look()
        time.sleep(0.01)


# ---------------------------------------------------------------- the list


def test_the_list_shows_the_jobs_and_keeps_its_active_one(job: Path) -> None:
    assert [(row.name, row.key) for row in lists().history] == [("a red mug", str(job))]
    time.sleep(1.0 - time.time() % 1)  # folders are named by the second; this one shall be newer
    newer = generate("a blue mug")
    assert [row.key for row in lists().history] == [str(newer), str(job)]
    assert lists().history_index == 1  # still the red one
    bpy.ops.lucid.delete_job(folder=str(job))
    attending.look()
    assert [row.key for row in lists().history] == [str(newer)] and lists().history_index == 0


def test_the_lists_come_back_after_another_file_and_the_extension_again(job: Path) -> None:
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    attending.look()
    assert len(lists().history) == 1
    lucid_blender.unregister()
    lucid_blender.register()
    attending.look()
    assert [row.key for row in lists().history] == [str(job)]


def test_no_blend_file_tells_of_the_history(job: Path, tmp_path: Path) -> None:
    bpy.data.batch_remove([found for found in bpy.data.objects if found.get("prompt")])
    bpy.context.scene.lucid.prompt = ""
    bpy.ops.outliner.orphans_purge(do_recursive=True)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "other.blend"), compress=False)
    assert job.name.encode() not in (tmp_path / "other.blend").read_bytes()


# ---------------------------------------------------------------- verbs


def test_regenerate_runs_the_same_settings_as_a_new_job(job: Path) -> None:
    assert bpy.ops.lucid.regenerate(folder=str(job)) == {"FINISHED"}
    attending.look()
    again = next(entry.folder for entry in history.entries if entry.folder != job)
    assert read_job(again).generation == read_job(job).generation
    assert splats_of(again) is not None and splats_of(job) is not None


def test_vary_seed_changes_nothing_but_the_seed(job: Path) -> None:
    bpy.ops.lucid.regenerate(folder=str(job), new_seed=True)
    attending.look()
    again = next(entry.folder for entry in history.entries if entry.folder != job)
    before, after = read_job(job).generation, read_job(again).generation
    assert after.seed != before.seed and replace(after, seed=before.seed) == before


def test_continue_starts_from_the_splats_of_a_finished_job(job: Path) -> None:
    saved = read_job(job)
    further = request_further(job, saved, 40)
    assert isinstance(further.generation.initialiser, FromSplats) and further.generation.iterations == 40
    assert further.generation.prompt == "a red mug" and further.generation.seed == 7
    there = splats_of(job)
    assert there is not None and further.inputs.splats is not None
    cloud = read_splats(there)
    assert np.array_equal(further.inputs.splats.cloud.positions, cloud.positions)
    assert not further.inputs.splats.frozen.any()
    assert bpy.ops.lucid.continue_job(folder=str(job), iterations=4) == {"FINISHED"}
    attending.look()
    assert {entry.iterations for entry in history.entries} == {2, 4}


def test_an_interrupted_job_is_shown_as_such_and_resumed_by_continue(fake_backend: None) -> None:
    with pytest.raises(RuntimeError, match="stopped unexpectedly"):
        generate("a dying mug", iterations=3)
    attending.look()
    (entry,) = history.entries
    assert entry.state == "interrupted" and entry.resumable
    assert bpy.ops.lucid.continue_job(folder=str(entry.folder)) == {"FINISHED"}
    attending.look()
    (entry,) = history.entries
    assert entry.state == "finished" and len(splats_of(entry.folder).data.points) == 100


def test_a_result_comes_back_into_the_scene_where_it_was(job: Path) -> None:
    before = read_splats(splats_of(job))
    record = json.loads((job / SETTINGS_FILE).read_text())
    record["placement"] = [1, 0, 0, 5, 0, 1, 0, 6, 0, 0, 1, 7, 0, 0, 0, 1]
    (job / SETTINGS_FILE).write_text(json.dumps(record))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    assert bpy.ops.lucid.load_job(folder=str(job)) == {"FINISHED"}
    made = splats_of(job)
    assert read_splats(made).positions == pytest.approx(before.positions)
    assert tuple(made.matrix_world.translation) == (5, 6, 7) and made["prompt"] == "a red mug"


def test_a_job_without_a_result_cannot_be_loaded(fake_backend: None) -> None:
    with pytest.raises(RuntimeError, match="stopped unexpectedly"):
        generate("a dying mug", iterations=3)
    attending.look()
    with pytest.raises(RuntimeError, match="no result yet"):
        bpy.ops.lucid.load_job(folder=str(history.entries[0].folder))


def test_the_sidebar_takes_over_a_recipe_exactly(job: Path) -> None:
    scene = bpy.context.scene
    loras = (Lora(source="owner/clay", weight=0.6, trigger="in clay style", add_trigger=True),)
    model = DiffusionModel(source="owner/net", allow_download=bpy.app.online_access, loras=loras)
    recipe = replace(
        preset("draft", "a green hat", model=model),
        negative_prompt="grey",
        seed=99,
        iterations=123,
        objective=Vdm(guidance_scale=9.3),
    )
    generations.use_generation(scene.lucid, recipe)
    assert generations.to_generation(scene.lucid) == recipe
    assert scene.lucid.guidance_scale == pytest.approx(9.3)
    assert scene.lucid.options.model.loras[0].source == "owner/clay"


def test_guidance_negatives_and_loras_of_the_sidebar_come_back_with_the_job(fake_backend: None) -> None:
    settings = bpy.context.scene.lucid
    settings.prompt, settings.negative_prompt, settings.objective = "a green mug", "grey, blurry", "VDM"
    settings.guidance_scale = 9.3
    lora = settings.options.model.loras.add()
    lora.source, lora.weight = "owner/clay", 0.6
    asked = generations.to_generation(settings)
    assert bpy.ops.lucid.generate() == {"FINISHED"}
    attending.look()
    job = history.entries[0].folder
    assert read_job(job).generation == asked == request_again(job).generation
    assert (asked.objective, asked.negative_prompt) == (Vdm(guidance_scale=9.3), "grey, blurry")
    assert asked.model.loras == (Lora(source="owner/clay", weight=0.6),)
    settings.negative_prompt = ""
    settings.set_guidance = False
    settings.options.model.loras.clear()
    bpy.ops.lucid.use_settings(folder=str(job))
    assert generations.to_generation(settings) == asked


def test_an_object_knows_its_recipe(job: Path) -> None:
    scene = bpy.context.scene
    scene.lucid.prompt, scene.lucid.seed, scene.lucid.customise = "something else", 1, False
    bpy.context.view_layer.objects.active = splats_of(job)
    assert bpy.ops.lucid.use_settings() == {"FINISHED"}
    assert generations.to_generation(scene.lucid) == read_job(job).generation
    scene.lucid.prompt = "something else"
    assert bpy.ops.lucid.use_settings(folder=str(job)) == {"FINISHED"}
    assert scene.lucid.prompt == "a red mug" and scene.lucid.seed == 7


def test_an_object_of_somebody_else_has_no_recipe() -> None:
    bpy.ops.mesh.primitive_cube_add()
    with pytest.raises(RuntimeError, match="carries no settings"):
        bpy.ops.lucid.use_settings()
    bpy.context.active_object["settings"] = "{"
    with pytest.raises(RuntimeError, match="not valid JSON"):
        bpy.ops.lucid.use_settings()


def test_delete_moves_the_folder_to_the_trash_and_leaves_the_object(job: Path) -> None:
    record = (job / SETTINGS_FILE).read_bytes()
    assert bpy.ops.lucid.delete_job(folder=str(job)) == {"FINISHED"}
    assert not job.exists() and splats_of(job) is not None
    assert [row.name for row in lists().trash] == ["a red mug"] and not lists().history
    assert days_left(Path(lists().trash[0].key)) == "30 days"
    assert bpy.ops.lucid.restore_job() == {"FINISHED"}
    assert (job / SETTINGS_FILE).read_bytes() == record
    assert [row.key for row in lists().history] == [str(job)] and not lists().trash
    with pytest.raises(RuntimeError, match="trash is empty"):
        bpy.ops.lucid.restore_job()


def test_the_trash_is_emptied_for_good(job: Path) -> None:
    assert not bpy.ops.lucid.empty_trash.poll()
    bpy.ops.lucid.delete_job(folder=str(job))
    assert bpy.ops.lucid.empty_trash() == {"FINISHED"}
    assert not lists().trash and not trash.jobs_in(job.parent)


def test_what_is_old_in_the_trash_goes_by_itself(job: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = trash.put(job, time.time() - (trash.DAYS_KEPT + 1) * 86400)
    monkeypatch.setattr(attending, "_expired", -float("inf"))
    deadline = time.monotonic() + 30
    while old.exists():
        attending.attend()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_delete_wants_a_job(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "only copy.txt").write_text("years")
    with pytest.raises(RuntimeError, match="not the folder of a job"):
        bpy.ops.lucid.delete_job(folder=str(tmp_path / "thesis"))
    assert (tmp_path / "thesis" / "only copy.txt").exists()


@pytest.mark.usefixtures("fake_backend")
def test_a_job_at_work_cannot_be_deleted(tmp_path: Path) -> None:
    request = Generate(generation=preset("draft", "a slow mug"), job_folder=str(tmp_path / "job"))
    running.start(Prop(request))
    attend_until((tmp_path / "job" / SETTINGS_FILE).is_file)
    with pytest.raises(RuntimeError, match="at work in this job"):
        bpy.ops.lucid.delete_job(folder=str(tmp_path / "job"))


def test_a_job_again_has_the_inputs_of_the_first(job: Path) -> None:
    initial = request_further(job, read_job(job), 4).inputs.splats
    record = json.loads((job / SETTINGS_FILE).read_text()) | {"inputs": ["splats"]}
    (job / SETTINGS_FILE).write_text(json.dumps(record))
    arrays = {name: getattr(initial.cloud, name) for name in ("positions", "scales", "rotations", "opacities", "sh")}
    np.savez(job / "initial_splats.npz", **arrays, frozen=initial.frozen)
    again = request_again(job)
    assert again.job_folder == "" and again.inputs.splats.cloud.equals(initial.cloud)


# ---------------------------------------------------------------- the queue


@pytest.mark.usefixtures("fake_backend")
def test_the_queue_starts_the_next_when_one_ends(pump: Callable[[], None]) -> None:
    scene = bpy.context.scene
    scene.lucid.set_iterations, scene.lucid.iterations = True, 2
    for prompt in ("a slow mug", "an unloadable mug", "a blue mug"):
        scene.lucid.prompt = prompt
        assert bpy.ops.lucid.queue_add() == {"FINISHED"}
    attending.look()
    assert state.busy and state.title == "a slow mug"
    assert [row.name for row in lists().queue] == ["an unloadable mug", "a blue mug"]
    attend_until(lambda: not prompt_queue.entries and not state.busy)
    assert sorted(entry.prompt for entry in history.entries) == ["a blue mug", "a slow mug", "an unloadable mug"]


def test_a_queue_without_a_backend_is_held_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LUCID_DREAMER_PYTHON", raising=False)
    bpy.context.scene.lucid.prompt = "a red mug"
    bpy.ops.lucid.queue_add()
    attending.look()
    assert prompt_queue.held and prompt_queue.message and len(prompt_queue.entries) == 1


@pytest.mark.usefixtures("fake_backend")
def test_the_queue_survives_the_extension_and_another_file_and_waits_for_a_click() -> None:
    scene = bpy.context.scene
    prompt_queue.hold()
    for prompt in ("a red mug", "a blue mug"):
        scene.lucid.prompt, scene.lucid.set_iterations, scene.lucid.iterations = prompt, True, 2
        bpy.ops.lucid.queue_add()
    lucid_blender.unregister()
    lucid_blender.register()
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    attending.look()
    assert [row.name for row in lists().queue] == ["a red mug", "a blue mug"] and not state.busy
    lists().queue_index = 1
    bpy.ops.lucid.queue_move(direction="UP")
    attending.look()
    assert [row.name for row in lists().queue] == ["a blue mug", "a red mug"] and lists().queue_index == 0
    assert bpy.ops.lucid.queue_start() == {"FINISHED"}
    assert not prompt_queue.entries and len([o for o in bpy.data.objects if o.type == "POINTCLOUD"]) == 2


def test_entries_of_the_queue_are_taken_out() -> None:
    prompt_queue.hold()
    for prompt in "abc":
        prompt_queue.add(Generate(generation=preset("draft", prompt), job_folder="", inputs=Inputs()))
    prompt_queue.hold()
    bpy.ops.lucid.queue_remove(index=1)
    assert [entry.title for entry in prompt_queue.entries] == ["a", "c"]
    assert bpy.ops.lucid.queue_remove(index=9) == {"CANCELLED"}
    bpy.ops.lucid.queue_clear()
    assert not prompt_queue.entries and not bpy.ops.lucid.queue_clear.poll()


@pytest.mark.usefixtures("fake_backend")
def test_regenerate_waits_while_another_run_is_at_work(job: Path, tmp_path: Path, pump: Callable[[], None]) -> None:
    running.start(Prop(Generate(generation=preset("draft", "a slow mug"), job_folder=str(tmp_path / "slow"))))
    assert bpy.ops.lucid.regenerate(folder=str(job)) == {"FINISHED"}
    assert [entry.title for entry in prompt_queue.entries] == ["a red mug"]
    running.cancel()
    pump()


# ---------------------------------------------------------------- pictures


def test_a_picture_that_changes_is_another_icon_and_the_old_one_goes(tmp_path: Path) -> None:
    image = bpy.data.images.new("four", 4, 4)
    image.filepath_raw, image.file_format = str(tmp_path / "preview.png"), "PNG"
    image.save()
    assert icons.icon_of(None) == icons.icon_of(tmp_path / "missing.png") == 0
    icons.icon_of(tmp_path / "preview.png")  # without a window it has no number
    (first,) = icons._icons
    icons.icon_of(tmp_path / "preview.png")
    assert list(icons._icons) == [first]

    os.utime(tmp_path / "preview.png", ns=(1, 1))
    icons.icon_of(tmp_path / "preview.png")
    assert len(icons._icons) == 1 and first not in icons._icons


# ---------------------------------------------------------------- while it runs


def started(prompt: str, folder: Path) -> Prop:
    prop = Prop(Generate(generation=preset("draft", prompt), job_folder=str(folder)))
    running.start(prop)
    attend_until(lambda: state.step > 1)
    return prop


@pytest.mark.usefixtures("fake_backend")
@pytest.mark.parametrize("paused", [False, True])
def test_stop_and_keep_delivers_and_the_job_can_be_resumed(pump: Callable[[], None], paused: bool) -> None:
    assert not bpy.ops.lucid.stop_and_keep.poll()
    prop = started("a slow mug", preferences.new_job_folder("mug"))
    if paused:
        bpy.ops.lucid.pause()
    assert bpy.ops.lucid.stop_and_keep() == {"FINISHED"}
    assert not bpy.ops.lucid.stop_and_keep.poll()
    pump()
    assert state.phase == "finished" and "kept" in state.message and state.job_folder
    assert len(prop.splats.data.points) == 100
    attending.look()
    (entry,) = history.entries
    assert entry.has_result and entry.resumable and 0 < entry.stopped_at < entry.iterations
    assert bpy.ops.lucid.load_job(folder=str(entry.folder)) == {"FINISHED"}


@pytest.mark.usefixtures("fake_backend")
def test_an_extension_that_is_disabled_in_the_middle_stops_the_run_and_finds_its_job_again() -> None:
    prop = started("a slow mug", preferences.new_job_folder("mug"))
    lucid_blender.unregister()
    assert not state.busy and state.job_folder == prop.request.job_folder
    lucid_blender.register()
    attending.look()
    (entry,) = history.entries
    assert entry.resumable and entry.prompt == "a slow mug"
    assert bpy.ops.lucid.generate.poll() or not bpy.context.scene.lucid.prompt


@pytest.mark.usefixtures("fake_backend")
def test_the_gradient_is_followed() -> None:
    started("a slow mug", preferences.new_job_folder("mug"))
    points = state.gradients.points
    assert points[0] == 1 and points == sorted(points, reverse=True)
    running.stop()


def test_the_status_bar_is_ours_only_while_we_are_registered() -> None:
    def ours() -> int:
        return sum(draw.__module__.endswith("panels.status") for draw in bpy.types.STATUSBAR_HT_header.draw._draw_funcs)

    assert ours() == 1
    lucid_blender.unregister()
    assert ours() == 0
    lucid_blender.register()


def test_what_the_network_sees_is_an_icon_that_follows_the_run() -> None:
    pixels = np.zeros((2, 3, 3), np.uint8)
    pixels[0, 0] = 255, 51, 0  # the upper left corner
    first = Picture(pixels=pixels)
    icons.icon_of_seen(first)
    preview = icons._icons[icons.SEEN]
    assert tuple(preview.image_size) == (3, 2)
    shown = np.array(preview.image_pixels_float).reshape(2, 3, 4)
    assert shown[1, 0] == pytest.approx([1, 0.2, 0, 1], abs=1 / 255) and not shown[0, :, :3].any()
    icons.icon_of_seen(first)
    assert icons._icons[icons.SEEN] is preview  # not made again at every redraw
    icons.icon_of_seen(Picture(pixels=pixels + 1))
    assert len(icons._icons) == 1
