"""What keeps a job folder whole: atomic writes, a lock between processes, and file errors with advice."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..core import job_lock
from ..core.errors import JobError
from ..core.whole_files import write_whole

log = logging.getLogger(__name__)

_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
_CLOSED = {errno.EACCES, errno.EPERM, errno.EROFS}


@contextmanager
def file_errors(path: Path, what: str) -> Iterator[None]:
    """Turn OSError into JobError. ``what`` completes "... cannot be": "written", "read"."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise JobError(f"{path} cannot be {what}: {reason}", advice=_advice(error, path)) from error


def _advice(error: OSError, path: Path) -> str:
    if error.errno in _FULL:
        return f"The disk is full. Make room on the disk of {path.parent}, then resume the job."
    if error.errno in _CLOSED:
        return f"Choose a job folder in which you may write, or change the permissions of {path.parent}."
    if isinstance(error, (NotADirectoryError, FileExistsError)):
        return "A file stands where a folder is wanted; choose another job folder."
    return "Check that the disk is connected and that the folder still exists."


def write_atomic(path: Path, writer: Callable[[Path], None], *, keep: Path | None = None) -> None:
    """``write_whole`` for files of a job. Raises JobError."""
    with file_errors(path, "written"):
        write_whole(path, writer, keep=keep)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file ``path``, which names this process. Raises JobError when another one holds it.

    The system gives the lock back when its process ends, however it ends, so there are no stale locks.
    """
    with file_errors(path, "written"):
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _acquire(handle, path)
        with suppress(OSError):  # the number is only for the message
            os.ftruncate(handle, 0)
            os.lseek(handle, 0, os.SEEK_SET)
            os.write(handle, str(os.getpid()).encode())
        yield
    finally:
        os.close(handle)


def _acquire(handle: int, path: Path) -> None:
    try:
        if not job_lock.acquire(handle):
            log.warning("the disk of %s knows no locks; do not run two jobs in one folder", path.parent)
    except OSError as error:
        os.lseek(handle, 0, os.SEEK_SET)
        owner = os.read(handle, 20).decode(errors="replace") or "unknown"
        raise JobError(
            f"process {owner} is at work in {path.parent}",
            advice="Wait until it has ended, or cancel it; or choose another job folder.",
        ) from error
