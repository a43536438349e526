"""`blender --command lucid`, called as Blender calls it, with a backend that answers at once."""

import sys
from pathlib import Path

import bpy
import numpy as np
import pytest

from lucid_blender import command, preferences
from lucid_blender.client import installation
from lucid_blender.client.process import Launch
from lucid_blender.core.formats.ply import read_ply, write_ply
from lucid_blender.core.splats import SplatCloud
from lucid_blender.scene.rendering import SAMPLES

SMALL = ("--size", "32", "--samples", "4")


def pixels(path: Path) -> np.ndarray:
    """[H, W, 4] the top row first."""
    image = bpy.data.images.load(str(path))
    width, height = image.size
    values = np.empty(width * height * 4, np.float32)
    image.pixels.foreach_get(values)
    return values.reshape(height, width, 4)[::-1]


@pytest.mark.usefixtures("fake_backend")
def test_generate_leaves_a_job_a_blend_splats_and_a_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bpy.ops.mesh.primitive_cube_add()  # as in the file that Blender starts with
    files = [tmp_path / name for name in ("prop.blend", "prop.ply", "prop.png")]
    made = [
        text
        for name, path in zip(("blend", "export", "render"), files, strict=True)
        for text in (f"--{name}", str(path))
    ]
    settings = ("--preset", "draft", "--iterations", "3", "--seed", "5", "--set", "objective.guidance_scale=9")
    code = command.run(["generate", "a red mug", *settings, "--output", str(tmp_path / "job"), *made, *SMALL])
    said = capsys.readouterr().out
    assert code == 0 and "Distilling, step 3/3" in said and str(tmp_path / "job") in said
    assert len(read_ply(files[1])) == 100
    picture = pixels(files[2])
    assert picture.shape == (32, 32, 4) and picture[..., 3].max() > 0.5 and picture[0, 0, 3] == 0
    bpy.ops.wm.open_mainfile(filepath=str(files[0]))
    (splats,) = [found for found in bpy.data.objects if found.type == "POINTCLOUD"]
    assert splats["seed"] == 5 and '"guidance_scale": 9' in splats["settings"]
    assert "Cube" not in bpy.data.objects


@pytest.mark.usefixtures("fake_backend")
def test_batch_says_how_many_are_finished_and_fails_if_one_did(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "props.csv"
    table.write_text("prompt\na red mug\nan unloadable mug\n")
    arguments = ["batch", str(table), "--preset", "draft", "--iterations", "2", "--output", str(tmp_path / "jobs")]
    assert command.run([*arguments, "--report", str(tmp_path / "told.csv")]) == 1
    said = capsys.readouterr()
    assert "1 of 2 props are finished" in said.out and "failed: an unloadable mug: The model is not there." in said.err
    assert "finished" in (tmp_path / "told.csv").read_text() and len(list((tmp_path / "jobs").iterdir())) == 2
    table.write_text("prompt\na red mug\n")
    assert command.run(arguments) == 0


def ball(x: float, color: tuple[float, float, float]) -> SplatCloud:
    return SplatCloud.from_colors(
        positions=np.array([[x, 0, 0]]),
        scales=np.full((1, 3), 0.1),
        rotations=np.array([[1.0, 0, 0, 0]]),
        opacities=np.array([1.0]),
        colors=np.array([color]),
    )


def test_render_sees_a_splat_file_from_the_side_that_is_asked_for(tmp_path: Path) -> None:
    write_ply(tmp_path / "two.ply", SplatCloud.joined([ball(-0.5, (1, 0, 0)), ball(0.5, (0, 0, 1))]))
    for azimuth, left in ((0, 0), (180, 2)):  # red is left from the front and right from behind
        view = ("--azimuth", str(azimuth), "--elevation", "0", *SMALL)
        assert command.run(["render", str(tmp_path / "two.ply"), str(tmp_path / "two.png"), *view]) == 0
        picture = pixels(tmp_path / "two.png")
        shown = picture[:, :16][picture[:, :16, 3] > 0.5]
        assert len(shown) and (shown[:, left] > 0.9).all() and (shown[:, 2 - left] < 0.1).all()


def test_render_takes_the_engines_own_samples_unless_told(tmp_path: Path) -> None:
    write_ply(tmp_path / "one.ply", ball(0, (1, 0, 0)))
    for more, samples in (((), SAMPLES["cycles"]), (("--samples", "3"), 3)):
        assert command.run(["render", str(tmp_path / "one.ply"), str(tmp_path / "one.png"), "--size", "8", *more]) == 0
        assert bpy.context.scene.cycles.samples == samples


def test_the_doctors_answer_is_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    program = tmp_path / "doctor.py"
    program.write_text("import sys; print('asked for', sys.argv[1]); sys.exit(3)")
    monkeypatch.setattr(installation, "BACKEND", program)
    launch = Launch(python=Path(sys.executable), cache_folder=tmp_path)
    monkeypatch.setattr(preferences, "launch", lambda: launch)
    assert command.run(["doctor"]) == 3
    assert "asked for doctor" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["generate"], 2, "required: prompt"),
        (["--help"], 0, "blender --command lucid"),
        (["render", "missing.ply", "picture.png"], 1, "missing.ply cannot be opened"),
        (["render", "no-job", "picture.png"], 1, "There is no job"),
        (["generate", "a mug", "--set", "objective"], 1, "--set objective has no value"),
    ],
)
def test_what_cannot_be_done_is_said(
    arguments: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.run(arguments) == code
    output = capsys.readouterr()
    assert said in output.out + output.err
