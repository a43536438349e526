"""The history: the job folders themselves, newest first. No second record is kept of them.

A job whose settings cannot be read is listed with the reason. What was read is kept until its job.json changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from ..core import codec, job_lock
from ..core.errors import LucidError
from ..core.jobs import PICTURE_FILE, PREVIEW_FILE, SETTINGS_FILE, upgraded
from .file_stamp import NO_FILE, Stamp, stamp_of

PICTURES = (PREVIEW_FILE, PICTURE_FILE, "turntable.png")  # the first that is there shows the job
LARGEST_RECORD = 4 << 20  # bytes of a job.json; real ones have some 10 000
READ_AT_ONCE = 50  # folders, so that no look at a long history takes long
AT_WORK, INTERRUPTED = "running", "interrupted"  # beside the states of the backend


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One job. With a ``problem`` only folder and time are known."""

    folder: Path
    created: float  # seconds since 1970
    problem: str = ""
    prompt: str = ""
    state: str = ""  # AT_WORK, INTERRUPTED when its process is gone, "finished", "failed", "cancelled"
    failure: str = ""
    seed: int = 0
    iterations: int = 0
    objective: str = ""  # the class's name
    model: str = ""
    stopped_at: int = 0  # the step at which it was told to stop and keep what it had; 0: it was not
    seconds: float = 0.0
    artefacts: tuple[str, ...] = ()
    picture: Path | None = None
    stamp: Stamp = NO_FILE  # of its job.json: another one is another state

    @property
    def title(self) -> str:
        return self.prompt or self.folder.name

    @property
    def resumable(self) -> bool:
        return not self.problem and self.state != AT_WORK and (self.state != "finished" or self.stopped_at > 0)

    @property
    def has_result(self) -> bool:
        return self.state == "finished"


@dataclass
class History:
    """A reader of one folder of jobs after another, and what it found last."""

    entries: tuple[Entry, ...] = ()
    complete: bool = False  # whether all folders have been read
    _read: dict[Path, Entry] = field(default_factory=dict)
    _found: dict[str, Entry] = field(default_factory=dict)

    def scan(self, jobs: Path, *, at_work: Path | None = None, limit: int = READ_AT_ONCE) -> tuple[Entry, ...]:
        """The entries of all jobs in ``jobs``, newest first; none where it is no folder.

        At most ``limit`` are read that are new or have changed; what is not read yet is left for the next scan.
        ``at_work`` is the job of this Blender, which is not asked whether it is alive.
        """
        found = _jobs_in(jobs)
        kept = {folder: known for folder in found if (known := self._read.get(folder))}
        changed = [folder for folder, stamp in found.items() if folder not in kept or kept[folder].stamp != stamp]
        changed.sort(key=lambda folder: folder.name, reverse=True)
        for folder in changed[:limit]:
            kept[folder] = read_entry(folder)
        self.complete = len(changed) <= limit
        self._read = kept
        entries = (_alive(entry, at_work) for entry in kept.values())
        self.entries = tuple(sorted(entries, key=lambda entry: (entry.created, entry.folder.name), reverse=True))
        self._found = {str(entry.folder): entry for entry in self.entries}
        return self.entries

    def find(self, folder: str) -> Entry | None:
        """The entry of a folder, as last read."""
        return self._found.get(folder)


def read_entry(folder: Path) -> Entry:
    """What a job's folder holds; never raises."""
    path = folder / SETTINGS_FILE
    stamp = stamp_of(path)
    blank = Entry(folder=folder, created=stamp[0] / 1e9, stamp=stamp)
    try:
        if stamp[1] > LARGEST_RECORD:
            return replace(blank, problem=f"{SETTINGS_FILE} is too large to be one.")
        record = upgraded(codec.parse_json(path.read_bytes()))
    except OSError as error:
        return replace(blank, problem=f"{SETTINGS_FILE} cannot be read: {error.strerror}.")
    except LucidError as error:
        return replace(blank, problem=f"{SETTINGS_FILE} cannot be read: {error.message}.")
    generation = record.get("generation") if isinstance(record, dict) else None
    if not isinstance(record, dict) or not isinstance(generation, dict):
        return replace(blank, problem=f"{SETTINGS_FILE} has no settings.")
    return _with_record(blank, record, generation)


def _with_record(blank: Entry, record: Mapping[str, object], generation: Mapping[str, object]) -> Entry:
    listed = record.get("artefacts")
    return replace(
        blank,
        created=_time(record.get("created"), blank.created),
        prompt=_text(generation.get("prompt")),
        state=_text(record.get("state")),
        failure=_text(record.get("failure")),
        seed=int(_number(generation.get("seed"))),
        iterations=int(_number(generation.get("iterations"))),
        objective=_text(_part(generation, "objective", codec.KIND)),
        model=_text(_part(generation, "model", "source")),
        stopped_at=int(_number(record.get("stopped_at"))),
        seconds=_number(record.get("seconds")),
        artefacts=tuple(name for name in listed if isinstance(name, str)) if isinstance(listed, list) else (),
        picture=_picture_in(blank.folder),
    )


def _alive(entry: Entry, at_work: Path | None) -> Entry:
    """What changes without job.json: whether a job that says it is running does so, and its picture."""
    if entry.state != AT_WORK:
        return entry
    alive = entry.folder == at_work or job_lock.is_held(entry.folder)
    return replace(entry, state=AT_WORK if alive else INTERRUPTED, picture=_picture_in(entry.folder))


def _picture_in(folder: Path) -> Path | None:
    return next((folder / name for name in PICTURES if (folder / name).is_file()), None)


def _jobs_in(jobs: Path) -> dict[Path, Stamp]:
    """The folders that hold a job, with the stamps of their job.json; other folders are none of ours."""
    try:
        folders = [path for path in jobs.iterdir() if not path.name.startswith(".")]
    except OSError:
        return {}
    stamps = {folder: stamp_of(folder / SETTINGS_FILE) for folder in folders}
    return {folder: stamp for folder, stamp in stamps.items() if stamp != NO_FILE}


def _part(record: Mapping[str, object], name: str, key: str) -> object:
    part = record.get(name)
    return part.get(key) if isinstance(part, dict) else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> float:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else 0


def _time(value: object, otherwise: float) -> float:
    try:
        return datetime.fromisoformat(_text(value)).timestamp()
    except (ValueError, OverflowError):
        return otherwise


history = History()
