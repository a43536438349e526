"""The history is what lies in the jobs folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lucid_blender.client.history import History
from lucid_blender.core import codec
from lucid_blender.core.job_lock import LOCK_FILE, is_held
from lucid_blender.core.options import Generation

DAY = "2026-11-2{}T10:00:00+00:00"


def write(folder: Path, *, day: int = 1, state: str = "finished", **record: object) -> Path:
    folder.mkdir(parents=True)
    generation = codec.to_plain(Generation(prompt=f"a hat of {folder.name}", seed=day, iterations=30))
    plain = {"format": 1, "created": DAY.format(day), "state": state, "generation": generation, **record}
    (folder / "job.json").write_text(json.dumps(plain))
    return folder


def test_jobs_are_listed_newest_first_with_what_a_user_asks(tmp_path: Path) -> None:
    write(tmp_path / "b", day=1, seconds=12.5, artefacts=["prop.ply"])
    write(tmp_path / "a", day=3, state="failed", failure="no memory")
    newest, oldest = History().scan(tmp_path)
    assert (newest.prompt, newest.state, newest.failure, newest.seed) == ("a hat of a", "failed", "no memory", 3)
    assert (oldest.title, oldest.seconds, oldest.artefacts) == ("a hat of b", 12.5, ("prop.ply",))
    assert (oldest.iterations, oldest.objective, oldest.model) == (30, "Ism", "builtin")


def test_a_folder_without_a_job_is_none_of_ours(tmp_path: Path) -> None:
    (tmp_path / "holiday pictures").mkdir()
    (tmp_path / "notes.txt").write_text("")
    write(tmp_path / ".hidden")
    assert History().scan(tmp_path) == ()
    assert History().scan(tmp_path / "missing") == ()


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"generation": 3}', "\x00", '{"a": 1, "a": 1}'])
def test_a_damaged_job_is_listed_with_the_reason(tmp_path: Path, content: str) -> None:
    write(tmp_path / "whole")
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "job.json").write_text(content)
    entries = {entry.folder.name: entry for entry in History().scan(tmp_path)}
    if not content:  # a file of no bytes at all, as a full disk leaves
        assert "cannot be read" in entries["damaged"].problem
    assert "job.json" in entries["damaged"].problem and not entries["whole"].problem
    assert entries["damaged"].title == "damaged" and not entries["damaged"].resumable


def test_a_file_is_read_again_only_when_it_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(tmp_path / "job", state="cancelled")
    history, read = History(), []
    before = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: read.append(path) or before(path))
    history.scan(tmp_path)
    history.scan(tmp_path)
    assert len(read) == 1
    (folder / "job.json").write_text((folder / "job.json").read_text().replace("cancelled", "finished"))
    os.utime(folder / "job.json", ns=(1, 1))
    assert history.scan(tmp_path)[0].state == "finished" and len(read) == 2


def test_a_long_history_is_read_in_pieces_newest_first(tmp_path: Path) -> None:
    for day in range(5):
        write(tmp_path / f"2026112{day}", day=day)
    history = History()
    assert [entry.seed for entry in history.scan(tmp_path, limit=2)] == [4, 3]
    assert not history.complete
    history.scan(tmp_path, limit=2)
    assert [entry.seed for entry in history.scan(tmp_path, limit=2)] == [4, 3, 2, 1, 0]
    assert history.complete


def test_a_job_whose_process_is_gone_is_interrupted(tmp_path: Path) -> None:
    folder = write(tmp_path / "job", state="running")
    assert History().scan(tmp_path)[0].state == "interrupted"
    assert History().scan(tmp_path, at_work=folder)[0].state == "running"
    program = (
        "import os, sys\nfrom pathlib import Path\nfrom lucid_blender.core.job_lock import acquire\n"
        f"acquire(os.open({str(folder / LOCK_FILE)!r}, os.O_RDWR | os.O_CREAT))\nprint(flush=True)\ninput()"
    )
    holder = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout is not None
    holder.stdout.readline()
    history = History()
    assert is_held(folder) and history.scan(tmp_path)[0].state == "running"
    assert not history.entries[0].resumable
    holder.communicate(b"\n", timeout=10)
    assert not is_held(folder) and history.scan(tmp_path)[0].state == "interrupted"
    assert history.entries[0].resumable


def test_the_picture_of_a_running_job_comes_with_its_first_checkpoint(tmp_path: Path) -> None:
    folder = write(tmp_path / "job", state="running")
    history = History()
    assert history.scan(tmp_path)[0].picture is None
    (folder / "turntable.png").write_bytes(b"")
    assert history.scan(tmp_path)[0].picture == folder / "turntable.png"
    (folder / "preview.png").write_bytes(b"")
    assert history.scan(tmp_path)[0].picture == folder / "preview.png"


def test_an_entry_is_found_by_its_folder(tmp_path: Path) -> None:
    folder = write(tmp_path / "job")
    history = History()
    assert history.find(str(folder)) is None
    history.scan(tmp_path)
    found = history.find(str(folder))
    assert found is not None and found.prompt == "a hat of job"
