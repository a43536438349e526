"""The trash: jobs that were deleted lie in .trash beside the others, as they were, until they are restored or old.

A name in it is the time of the deletion and the job's own name, so that one rename puts a job there or takes it back:
whatever stops it, the job is whole, in one of the two places.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import shutil
import time
from datetime import datetime, timezone
from pathlib import Path

from ..core import job_lock
from ..core.errors import JobError
from ..core.jobs import SETTINGS_FILE
from .history import History

FOLDER = ".trash"
DAYS_KEPT = 30
_TIME = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(r"(\d{8}T\d{6}Z)-(.+)")

_log = logging.getLogger(__name__)


def folder_of(jobs: Path) -> Path:
    """The trash of a folder of jobs."""
    return jobs / FOLDER


def put(job: Path, now: float | None = None) -> Path:
    """Move a job to the trash beside it; where it is now. Raises JobError, and then nothing has moved."""
    if not (job / SETTINGS_FILE).is_file() or job.is_symlink() or os.path.ismount(job):
        raise JobError(f"{job} is not the folder of a job.", advice="Delete it by hand if you do not need it.")
    if job_lock.is_held(job):
        raise JobError("A run is at work in this job.", advice="Cancel it first.")
    moment = datetime.fromtimestamp(time.time() if now is None else now, timezone.utc)
    return _move(job, folder_of(job.parent), f"{moment:{_TIME}}-{job.name}", "be moved to the trash")


def restore(trashed: Path) -> Path:
    """Move a job of the trash back among the others; where it is now. Raises JobError, and then nothing has moved."""
    name = _NAME.fullmatch(trashed.name)
    if trashed.parent.name != FOLDER or name is None or not trashed.is_dir():
        raise JobError(f"{trashed} is no job in the trash.", advice="It may have been restored or deleted already.")
    return _move(trashed, trashed.parent.parent, name[2], "be taken out of the trash")


def deleted_at(trashed: Path) -> float | None:
    """When a job came into the trash, in seconds since 1970; None for what is none."""
    name = _NAME.fullmatch(trashed.name)
    try:
        return datetime.strptime(name[1], _TIME).replace(tzinfo=timezone.utc).timestamp() if name else None
    except ValueError:
        return None


def jobs_in(jobs: Path) -> tuple[Path, ...]:
    """What is in the trash, what came last first."""
    try:
        found = [path for path in folder_of(jobs).iterdir() if deleted_at(path) is not None and not path.is_symlink()]
    except OSError:
        return ()
    return tuple(sorted(found, key=lambda path: path.name, reverse=True))


def counted(number: int, thing: str) -> str:
    """ "1 job", "3 jobs"."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def empty(jobs: Path, *, older_than_days: float | None = None, now: float | None = None) -> int:
    """Delete what is in the trash for good, or what has been there for longer; how many jobs that were.

    Goes on past those that cannot be deleted, then raises JobError about the first of them.
    """
    moment = time.time() if now is None else now
    limit = moment if older_than_days is None else moment - older_than_days * 86400
    gone, failed = 0, list[OSError]()
    for trashed in jobs_in(jobs):
        if older_than_days is not None and (deleted_at(trashed) or 0) > limit:
            continue
        try:
            shutil.rmtree(trashed)
            gone += 1
        except OSError as error:
            _log.warning("%s stays in the trash: %s", trashed, error)
            failed.append(error)
    if failed:
        raise _translated(failed[0], Path(failed[0].filename or folder_of(jobs)), "be deleted") from failed[0]
    return gone


def size_of(folder: Path) -> int:
    """Bytes of all files below."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _move(source: Path, folder: Path, name: str, done: str) -> Path:
    target, number = folder / name, 2
    try:
        folder.mkdir(exist_ok=True)
        while target.exists():
            target, number = folder / f"{name}-{number}", number + 1
        source.rename(target)
    except OSError as error:
        raise _translated(error, source, done) from error
    return target


def _translated(error: OSError, path: Path, done: str) -> JobError:
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            advice = "The disk is full. Empty the trash, or free some space."
        case errno.EROFS:
            advice = "The disk can be read only. Choose another jobs folder in the preferences."
        case errno.EACCES | errno.EPERM | errno.EBUSY | errno.ENOTEMPTY:
            advice = "Close the programs that use it, such as a file manager or an image viewer, or see who owns it."
        case errno.ENOENT:
            advice = "Another program may have deleted it."
        case _:
            advice = "Nothing has been lost: it is where it was."
    return JobError(f"{path} cannot {done}: {error.strerror or error}.", advice=advice)


deleted = History()  # what is in the trash, read as all jobs are
