"""Which requests can be continued from a job folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lucid_blender.core import codec
from lucid_blender.core.errors import InvalidInput
from lucid_blender.core.inputs import Inputs
from lucid_blender.core.jobs import resumable_folder, upgraded
from lucid_blender.core.messages import ExtractMesh, Generate
from lucid_blender.core.options import Densification, Gaussians, Generation
from lucid_blender.core.pictures import Picture
from lucid_blender.core.presets import preset, with_representation
from lucid_blender.core.splats import SplatCloud


def request_in(folder: Path, prompt: str = "a hat", *, resume: bool = False) -> Generate:
    return Generate(generation=Generation(prompt=prompt), job_folder=str(folder), resume=resume)


def write_job(folder: Path, prompt: str) -> None:
    settings = {"generation": codec.to_plain(Generation(prompt=prompt))}
    (folder / "job.json").write_text(json.dumps(settings))


def test_a_request_whose_job_was_created_can_be_continued(tmp_path: Path) -> None:
    write_job(tmp_path, "a hat")
    assert resumable_folder(request_in(tmp_path)) == str(tmp_path)


def test_a_folder_that_holds_another_job_is_not_offered(tmp_path: Path) -> None:
    write_job(tmp_path, "a shoe")
    assert resumable_folder(request_in(tmp_path)) == ""
    assert resumable_folder(request_in(tmp_path, resume=True)) == str(tmp_path)


def test_a_folder_without_a_readable_job_is_not_offered(tmp_path: Path) -> None:
    assert resumable_folder(request_in(tmp_path)) == ""
    for text in ("{", "[]"):
        (tmp_path / "job.json").write_text(text)
        assert resumable_folder(request_in(tmp_path)) == ""
    assert resumable_folder(None) == ""


def test_a_mesh_is_never_continued() -> None:
    one = np.ones((1, 3), np.float32)
    cloud = SplatCloud.from_colors(
        positions=one, scales=one, rotations=np.ones((1, 4)), opacities=np.ones(1), colors=one
    )
    assert resumable_folder(ExtractMesh(splats=cloud)) == ""


# ---------------------------------------------------------------- earlier versions


def test_a_job_of_version_0_1_0_is_read_as_what_it_was() -> None:
    # What that version wrote, cut down to what differs: no kind beside the only representation, one name an input.
    old = {
        "format": 1,
        "has_initial_mesh": True,
        "generation": {
            "prompt": "a red mug",
            "objective": {"kind": "Sds", "guidance_scale": 5.0},
            "initialiser": {"kind": "MeshSurface", "count": 2000},
            "representation": {"sh_degree": 0, "densification": {"start": 50, "stop": 90}},
        },
    }
    found = upgraded(old)
    assert isinstance(found, dict) and found["inputs"] == ["mesh"] and "has_initial_mesh" not in found
    generation = codec.from_plain(Generation, found["generation"])
    assert generation.representation == Gaussians(densification=Densification(start=50, stop=90))
    assert "kind" not in old["generation"]["representation"]  # type: ignore[index]


def test_a_job_of_this_version_is_read_as_it_is() -> None:
    generation = with_representation(preset("draft", "a red mug"), "nerf")
    record = {"inputs": ["image"], "generation": codec.to_plain(generation)}
    assert upgraded(record) == record
    assert upgraded([1]) == [1]


def test_inputs_know_their_names_and_refuse_a_place_that_is_none() -> None:
    picture = Picture(pixels=np.zeros((1, 1, 3), np.uint8))
    assert Inputs(image=picture, placement=(1.0,) * 16).names == ("image",)
    for wrong in ((1.0,) * 12, (float("nan"),) * 16):
        with pytest.raises(InvalidInput, match="wanted 16 finite"):
            Inputs(placement=wrong)
