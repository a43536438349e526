"""The console's interface: handles, callbacks, coroutines and tables, with a backend that answers at once."""

import asyncio
import csv
import json
import sys
from collections.abc import Callable
from pathlib import Path

import bpy
import pytest

import lucid_blender
from lucid_blender import api, runs
from lucid_blender.client.job_state import state
from lucid_blender.core.errors import BackendError, Cancelled, FormatError, InvalidInput, ModelError
from lucid_blender.core.messages import Progress, Snapshot
from lucid_blender.core.options import Ism
from lucid_blender.core.splats import SplatCloud
from lucid_blender.operators import running

pytestmark = pytest.mark.usefixtures("fake_backend")


def test_callbacks_hear_the_steps_and_the_splats_on_the_way() -> None:
    steps: list[int] = []
    counts: list[int] = []
    result = api.generate(
        "a slow mug",
        preset="draft",
        iterations=4,
        on_progress=lambda progress: steps.append(progress.step),
        on_snapshot=lambda snapshot: counts.append(len(snapshot.splats)),
    )
    assert steps[-1] == 4 and steps == sorted(steps) and counts and set(counts) <= {10, 20, 30, 40}
    assert result.done and len(result.splats.data.points) == 100


def test_a_listener_sorts_events_by_kind() -> None:
    heard: list[tuple[str, object]] = []
    hear = runs.listener(
        lambda event: heard.append(("all", event)),
        lambda event: heard.append(("progress", event)),
        lambda event: heard.append(("snapshot", event)),
    )
    progress, snapshot = Progress(stage="x"), Snapshot(step=1, splats=SplatCloud.empty())
    hear(progress)
    hear(snapshot)
    assert heard == [("all", progress), ("progress", progress), ("all", snapshot), ("snapshot", snapshot)]
    assert runs.listener(None) is None


def test_a_handle_is_waited_for() -> None:
    run = api.start("a slow mug", preset="draft", iterations=3)
    assert not run.done and run.error is None
    with pytest.raises(TimeoutError, match="a slow mug"):
        run.wait(seconds=0)
    result = run.wait(seconds=60)
    assert run.done and result is run.result and len(result.splats.data.points) == 100
    assert not bpy.app.timers.is_registered(running.tick)


def test_a_handle_raises_what_the_run_ended_with() -> None:
    run = api.start("an unloadable mug", preset="draft")
    with pytest.raises(ModelError, match="not there"):
        run.wait()
    with pytest.raises(ModelError):
        _ = run.result
    assert isinstance(run.error, ModelError)


def test_a_cancelled_run_keeps_its_splats() -> None:
    run = api.start("a slow mug", preset="draft", iterations=500)
    while run.result.splats is None:
        running.tick()
    run.cancel()
    with pytest.raises(Cancelled):
        run.wait(seconds=60)
    assert isinstance(run.error, Cancelled) and len(bpy.data.pointclouds) == 1


def test_a_run_that_is_ended_from_elsewhere_does_not_wait_for_ever() -> None:
    run = api.start("a slow mug", preset="draft", iterations=500)
    running.stop()
    with pytest.raises(BackendError, match="ended from elsewhere"):
        run.wait(seconds=60)
    state.phase = "idle"


async def pair() -> list[str]:
    red = await api.start("a red mug", preset="draft", iterations=2)
    try:
        await api.start("an unloadable mug", preset="draft")
    except ModelError as error:
        return [red.splats["prompt"], error.message]
    return []


@pytest.mark.parametrize("drive", [api.run, asyncio.run])
def test_a_coroutine_makes_one_after_another(drive: Callable[..., list[str]]) -> None:
    assert drive(pair()) == ["a red mug", "The model is not there."]


def test_in_a_window_a_timer_drives_the_coroutine(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[Callable[[], float | None]] = []
    app = type("App", (), {"background": False, "timers": type("T", (), {"register": lambda f, **_: steps.append(f)})})
    ended: list[list[str]] = []

    async def noted() -> None:
        ended.append(await pair())

    monkeypatch.setattr(runs, "bpy", type("Bpy", (), {"app": app, "types": bpy.types}))
    assert api.run(noted()) is None and len(steps) == 1
    waited = 0
    while steps[0]() is not None:
        running.tick()  # which its own timer does
        waited += 1
    assert ended == [["a red mug", "The model is not there."]] and waited > 2


def test_options_are_changed_by_name() -> None:
    result = api.generate("a mug", preset="draft", iterations=2, objective="ISM", options={"objective.delta_t": 33})
    settings = json.loads(result.splats["settings"])
    assert settings["objective"]["kind"] == Ism.__name__ and settings["objective"]["delta_t"] == 33
    with pytest.raises(InvalidInput, match="no option 'objective.colour'"):
        api.generate("a mug", options={"objective.colour": 1})


def report(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return [[row["state"], row["error"].partition(".")[0]] for row in csv.DictReader(stream)]


TABLE = "prompt,seed,iterations\na red mug,7,2\nan unloadable mug,,2\na blue mug,seven,2\na green mug,,3\n"


def test_a_table_goes_on_after_failures_and_skips_what_is_finished(tmp_path: Path) -> None:
    file, told = tmp_path / "props.csv", tmp_path / "props-report.csv"
    file.write_text(TABLE)
    first, second, third, fourth = api.generate_table(file, preset="draft")
    assert first.splats["seed"] == 7 and fourth.splats is not None and first.job_folder.parent == tmp_path / "props"
    assert isinstance(second.error, ModelError) and isinstance(third.error, InvalidInput)
    said = "line 4, seed: 'seven' is not a whole number"
    failed = ["failed", "The model is not there"]
    assert report(told) == [["finished", ""], failed, ["failed", said], ["finished", ""]]
    made = {path.parent.name: path.stat().st_mtime_ns for path in (tmp_path / "props").glob("*/job.json")}
    file.write_text(TABLE.replace("seven", "8").replace("a green mug,,3", "a green mug,,4"))
    results = api.generate_table(file, preset="draft")
    assert report(told) == [["finished before", ""], failed, ["finished", ""], ["finished", ""]]
    assert results[0].splats is None and api.open_job(results[0].job_folder).done
    assert results[0].job_folder == first.job_folder and results[3].job_folder != fourth.job_folder
    for folder in (first.job_folder, fourth.job_folder):
        assert (folder / "job.json").stat().st_mtime_ns == made[folder.name]


def test_a_row_that_was_interrupted_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "props.csv"
    file.write_text("prompt,iterations\na dying mug,3\n")
    (died,) = api.generate_table(file, preset="draft")
    assert isinstance(died.error, BackendError)
    (resumed,) = api.generate_table(file, preset="draft")  # which lives when it is resumed
    assert resumed.error is None and resumed.job_folder == died.job_folder


def test_a_table_with_an_unknown_column_starts_nothing(tmp_path: Path) -> None:
    (tmp_path / "props.csv").write_text("prompt,colour\na mug,red\n")
    with pytest.raises(FormatError, match="colour"):
        api.generate_table(tmp_path / "props.csv")
    assert [path.name for path in tmp_path.glob("props*")] == ["props.csv"]


def blocks() -> list[str]:
    """The Python blocks of the guide's chapter on scripts."""
    guide = Path(lucid_blender.__file__).parents[1] / "docs" / "user-guide.md"
    chapter = guide.read_text("utf-8").partition("## From scripts\n")[2].partition("\n## ")[0]
    return [part.partition("```")[0] for part in chapter.split("```python\n")[1:]]


def test_the_guides_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("bl_ext", "bl_ext.user_default"):
        monkeypatch.setitem(sys.modules, name, type(sys)(name))
    monkeypatch.setitem(sys.modules, "bl_ext.user_default.lucid_dreamer", lucid_blender)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "props.csv").write_text("prompt\na red mug\n")
    bpy.ops.mesh.primitive_cube_add()
    names: dict[str, object] = {"__name__": "guide"}
    assert len(blocks()) >= 4
    for block in blocks():
        exec(block, names)  # noqa: S102
    assert names["mug"].done and (tmp_path / "props-report.csv").exists()
    prompts = [made.get("prompt") for made in bpy.data.objects if made.type == "POINTCLOUD"]
    assert {"a red mushroom", "a red mug", "a blue mug"} <= set(prompts)
