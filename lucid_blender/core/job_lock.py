"""The lock of a job folder. The system gives it back when its process ends, however it ends: none is ever stale."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

LOCK_FILE = "job.lock"
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL}
_LOCK_BYTE = 1 << 30  # Windows locks bytes against reading too; the process number at the start stays readable


def acquire(handle: int) -> bool:
    """Lock an open file until it is closed. False where the disk knows no locks; BlockingIOError or PermissionError
    when another process has it."""
    try:
        if sys.platform == "win32":
            os.lseek(handle, _LOCK_BYTE, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _NO_LOCKS:
            return False
        raise
    return True


def is_held(folder: Path) -> bool:
    """Whether a process is at work in a job folder. It takes the lock for a moment: ask where one may be dead only."""
    try:
        handle = os.open(folder / LOCK_FILE, os.O_RDWR)
    except OSError:
        return False
    try:
        acquire(handle)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False
