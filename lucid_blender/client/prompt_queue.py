"""The queue: requests that wait for the run at work. It is saved at every change, and read when Blender starts.

Several Blenders may work through one queue: each reads it again when another has changed it.

queue.json   the entries in order; those without meshes, splats or pictures are in it as a whole
KEY.frame    an entry that has some, as it would cross the socket
"""

from __future__ import annotations

import json
import logging
import os
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ..core import codec, wire
from ..core.errors import FormatError, LucidError
from ..core.messages import Generate
from ..core.whole_files import write_whole_bytes
from .file_stamp import NO_FILE, Stamp, stamp_of

FILE = "queue.json"
FRAME = ".frame"
FORMAT = 1

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A request without a job folder, which it gets when it starts."""

    key: str
    request: Generate

    @property
    def title(self) -> str:
        return self.request.generation.prompt


@dataclass
class PromptQueue:
    """The entries, first come first. ``held``: nothing starts by itself; ``message``: why, or what went wrong."""

    entries: list[Waiting] = field(default_factory=list)
    held: bool = False
    message: str = ""
    _folder: Path | None = None
    _stamp: Stamp = NO_FILE  # of the file, as last read or written

    def open(self, folder: Path) -> None:
        """Take over what was saved in a folder, held: nobody expects work to begin when Blender starts."""
        self.message, self._folder = "", folder
        self._read(folder)
        self.held = bool(self.entries)

    def refresh(self) -> None:
        """Read the queue again where another Blender has changed it."""
        if self._folder is not None and stamp_of(self._folder / FILE) != self._stamp:
            self._read(self._folder)

    def add(self, request: Generate) -> Waiting:
        """Put a request at the end."""
        self.refresh()
        entry = Waiting(key=uuid.uuid4().hex, request=request)
        self.entries.append(entry)
        self.held = self.held and len(self.entries) > 1  # an empty queue holds nothing back
        self._save()
        return entry

    def move(self, index: int, by: int) -> int:
        """Move an entry up (-1) or down (1) as far as there is room; its new index."""
        target = min(max(index + by, 0), len(self.entries) - 1)
        self.entries.insert(target, self.entries.pop(index))
        self._save()
        return target

    def remove(self, entry: Waiting) -> None:
        """Take an entry out; nothing when it has gone already."""
        kept = [other for other in self.entries if other.key != entry.key]
        if len(kept) < len(self.entries):
            self.entries = kept
            self._save()

    def clear(self) -> None:
        self.entries = []
        self._save()

    def hold(self, message: str = "") -> None:
        """Start nothing until ``release``."""
        self.held, self.message = True, message

    def release(self) -> None:
        self.held, self.message = False, ""

    def _read(self, folder: Path) -> None:
        path = folder / FILE
        self.entries, self._stamp = [], stamp_of(path)
        try:
            self.entries = [entry for plain in _saved(path) if (entry := self._restored(plain, folder))]
        except (OSError, LucidError) as error:
            self._put_aside(path, error)
            self._stamp = stamp_of(path)

    def _restored(self, plain: object, folder: Path) -> Waiting | None:
        """An entry of the file, or None with a message where this version cannot read it."""
        key = plain.get("key") if isinstance(plain, dict) else None
        try:
            if not isinstance(plain, dict) or not isinstance(key, str) or not key.isalnum():
                raise FormatError("an entry without a key")
            if "request" in plain:
                return Waiting(key=key, request=codec.from_plain(Generate, plain["request"]))
            request = wire.decode((folder / (key + FRAME)).read_bytes())
            if not isinstance(request, Generate):
                raise FormatError(f"a {type(request).__name__} where a request was wanted")
            return Waiting(key=key, request=request)
        except (OSError, LucidError) as error:
            _log.warning("an entry of the queue cannot be read: %s", error)
            self.message = f"An entry could not be read and was left out: {error}"
            return None

    def _put_aside(self, path: Path, error: Exception) -> None:
        """Keep a file that is broken where the next save does not overwrite it."""
        _log.warning("the queue cannot be read: %s", error)
        self.message = f"The saved queue could not be read: {error}"
        with suppress(OSError):
            os.replace(path, path.with_suffix(".broken"))

    def _save(self) -> None:
        """Write the queue; what goes wrong is said, and the queue goes on in memory."""
        if self._folder is None:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            entries = [_plain(entry, self._folder) for entry in self.entries]
            text = json.dumps({"format": FORMAT, "entries": entries}, indent=1)
            write_whole_bytes(self._folder / FILE, text.encode())
            self._stamp = stamp_of(self._folder / FILE)
            kept = {entry.key for entry in self.entries}
            for path in self._folder.glob("*" + FRAME):
                if path.stem not in kept:
                    path.unlink(missing_ok=True)
        except (OSError, LucidError) as error:
            _log.warning("the queue cannot be saved: %s", error)
            self.message = f"The queue is not saved: {error}"


def _saved(path: Path) -> list[object]:
    """The entries in the file; none where there is no file."""
    if not path.exists():
        return []
    record = codec.parse_json(path.read_bytes())
    entries = record.get("entries") if isinstance(record, dict) and record.get("format") == FORMAT else None
    if not isinstance(entries, list):
        raise FormatError(f"{path} is no queue of this version")
    return entries


def _plain(entry: Waiting, folder: Path) -> dict[str, object]:
    """An entry for queue.json; its arrays, if it has some, are put in a file of their own, once."""
    if not entry.request.inputs.names:
        return {"key": entry.key, "request": codec.to_plain(entry.request)}
    path = folder / (entry.key + FRAME)
    if not path.exists():
        frame = wire.encode(entry.request)
        write_whole_bytes(path, frame if isinstance(frame, bytes) else frame.encode())
    return {"key": entry.key}


prompt_queue = PromptQueue()
