"""Which requests can be continued from a job folder."""

from __future__ import annotations

import json
from pathlib import Path

from lucid_blender.core import codec
from lucid_blender.core.jobs import resumable_folder
from lucid_blender.core.messages import ExtractMesh, Generate
from lucid_blender.core.options import Generation


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
    import numpy as np

    from lucid_blender.core.splats import SplatCloud

    one = np.ones((1, 3), np.float32)
    cloud = SplatCloud.from_colors(
        positions=one, scales=one, rotations=np.ones((1, 4)), opacities=np.ones(1), colors=one
    )
    assert resumable_folder(ExtractMesh(splats=cloud)) == ""
