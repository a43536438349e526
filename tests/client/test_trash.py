"""The trash of the history: nothing is lost by a mistake, and nothing is kept for ever."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from lucid_blender.client import trash
from lucid_blender.client.history import History
from lucid_blender.core import job_lock
from lucid_blender.core.errors import JobError
from lucid_blender.core.jobs import SETTINGS_FILE

NOW = 1_800_000_000.0
DAY = 86400.0


@pytest.fixture
def jobs(tmp_path: Path) -> Path:
    made(tmp_path / "mug")
    return tmp_path


def made(job: Path) -> Path:
    (job / "process").mkdir(parents=True)
    (job / SETTINGS_FILE).write_text('{"generation": {"prompt": "a mug"}, "state": "finished"}')
    (job / "process" / "frame.png").write_bytes(b"picture")
    return job


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_job_comes_back_as_it_was(jobs: Path) -> None:
    before = contents(jobs / "mug")
    trashed = trash.put(jobs / "mug", NOW)
    assert not (jobs / "mug").exists() and contents(trashed) == before
    assert trash.jobs_in(jobs) == (trashed,) and trash.deleted_at(trashed) == NOW
    assert trash.restore(trashed) == jobs / "mug"
    assert contents(jobs / "mug") == before and trash.jobs_in(jobs) == ()


def test_the_history_does_not_list_the_trash_but_reads_it(jobs: Path) -> None:
    trash.put(jobs / "mug")
    assert History().scan(jobs) == ()
    assert [entry.title for entry in History().scan(trash.folder_of(jobs))] == ["a mug"]


def test_the_same_name_twice_is_two_jobs(jobs: Path) -> None:
    first = trash.put(jobs / "mug", NOW)
    second = trash.put(made(jobs / "mug"), NOW)
    assert first != second and len(trash.jobs_in(jobs)) == 2
    made(jobs / "mug")
    restored = {trash.restore(first), trash.restore(second)}
    assert len(restored) == 2 and jobs / "mug" not in restored
    assert all((job / SETTINGS_FILE).is_file() for job in (*restored, jobs / "mug"))


def test_what_is_old_goes_and_what_is_not_stays(jobs: Path) -> None:
    old = trash.put(jobs / "mug", NOW)
    new = trash.put(made(jobs / "hat"), NOW + 2 * DAY)
    assert trash.jobs_in(jobs) == (new, old)
    assert trash.empty(jobs, older_than_days=30, now=NOW + 30 * DAY - 1) == 0
    assert trash.empty(jobs, older_than_days=30, now=NOW + 30 * DAY) == 1
    assert trash.jobs_in(jobs) == (new,)
    assert trash.empty(jobs) == 1 and not new.exists()
    assert trash.empty(jobs) == 0


def test_emptying_leaves_what_came_there_otherwise(jobs: Path) -> None:
    trash.put(jobs / "mug")
    thesis = trash.folder_of(jobs) / "thesis"
    thesis.mkdir()
    trash.empty(jobs)
    assert list(trash.folder_of(jobs).iterdir()) == [thesis]


def test_only_jobs_are_deleted(jobs: Path, tmp_path: Path) -> None:
    (jobs / "thesis").mkdir()
    (jobs / "link").symlink_to(jobs / "mug", target_is_directory=True)
    for folder in (jobs / "thesis", jobs / "link", jobs / "nothing"):
        with pytest.raises(JobError, match="not the folder of a job"):
            trash.put(folder)
    assert (jobs / "thesis").is_dir() and (jobs / "mug").is_dir() and not trash.folder_of(jobs).exists()


def test_a_job_at_work_is_not_deleted(jobs: Path) -> None:
    handle = os.open(jobs / "mug" / job_lock.LOCK_FILE, os.O_RDWR | os.O_CREAT)
    try:
        assert job_lock.acquire(handle)
        with pytest.raises(JobError, match="at work"):
            trash.put(jobs / "mug")
    finally:
        os.close(handle)
    assert trash.put(jobs / "mug").is_dir()


@pytest.mark.parametrize(
    ("number", "advice"),
    [(errno.ENOSPC, "full"), (errno.EACCES, "Close the programs"), (errno.EROFS, "another jobs folder")],
)
def test_what_cannot_be_moved_stays_where_it_is_with_advice(
    jobs: Path, monkeypatch: pytest.MonkeyPatch, number: int, advice: str
) -> None:
    def refuse(self: Path, target: Path) -> Path:
        raise OSError(number, os.strerror(number), str(self))

    before = contents(jobs / "mug")
    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", refuse)
        with pytest.raises(JobError, match=r"mug cannot be moved to the trash") as caught:
            trash.put(jobs / "mug")
    assert advice in caught.value.advice and contents(jobs / "mug") == before
    trashed = trash.put(jobs / "mug")
    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(JobError, match=r"cannot be taken out of the trash") as caught:
        trash.restore(trashed)
    assert advice in caught.value.advice and contents(trashed) == before


def test_emptying_goes_on_past_a_job_that_cannot_be_deleted(jobs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stuck = trash.put(jobs / "mug", NOW + 1)
    other = trash.put(made(jobs / "hat"), NOW)
    really = trash.shutil.rmtree

    def refuse_one(folder: Path) -> None:
        if folder == stuck:
            raise PermissionError(errno.EACCES, "in use", str(folder / "frame.png"))
        really(folder)

    monkeypatch.setattr(trash.shutil, "rmtree", refuse_one)
    with pytest.raises(JobError, match=r"frame.png cannot be deleted: in use"):
        trash.empty(jobs)
    assert trash.jobs_in(jobs) == (stuck,) and not other.exists()


@pytest.mark.parametrize("name", ["mug", ".trash/mug", ".trash/20270115T080000Z-gone", "20270115T080000Z-mug"])
def test_only_what_is_in_the_trash_is_restored(jobs: Path, name: str) -> None:
    trash.put(made(jobs / "hat"))
    with pytest.raises(JobError, match="no job in the trash"):
        trash.restore(jobs / name)
    assert (jobs / "mug").is_dir()


def test_a_name_with_a_time_that_never_was_is_none_of_ours(jobs: Path) -> None:
    assert trash.deleted_at(trash.folder_of(jobs) / "20271399T080000Z-mug") is None


def test_one_is_counted_without_an_s() -> None:
    assert [trash.counted(number, "day") for number in (0, 1, 2)] == ["0 days", "1 day", "2 days"]
