from __future__ import annotations

from pathlib import Path

from lucid_blender.core.jobs import SETTINGS_FILE, resumable_folder
from lucid_blender.core.messages import ExtractMesh, Generate

from .samples import GENERATIONS, splats


def test_only_a_generation_whose_job_has_settings_can_be_resumed(tmp_path: Path) -> None:
    request = Generate(generation=GENERATIONS[0], job_folder=str(tmp_path))
    assert resumable_folder(request) == ""
    (tmp_path / SETTINGS_FILE).write_text("{}")
    assert resumable_folder(request) == str(tmp_path)
    assert resumable_folder(ExtractMesh(splats=splats(1))) == ""
    assert resumable_folder(None) == ""
