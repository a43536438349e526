"""The job folder: what a run was asked for, its log, its checkpoints, and what it made.

job.json                        settings, state and costs: a JobRecord
log.txt                         appended during every run in the folder
initial_mesh.npz                the mesh that the MeshSurface initialiser starts from, if any
control_mesh.npz                the mesh that ControlNets see, if it is another one
initial_splats.npz              the splats that the FromSplats initialiser edits, if any
initial_image.png               the picture that the Image representation edits, if any
checkpoint.safetensors          the newest complete state of the run; its JSON part is in the file's metadata
checkpoint.previous.safetensors the one before
preview.png                     what the newest one looks like from the front
job.lock                        held while a run is at work in the folder
anything else                   artefacts
"""

from __future__ import annotations

import logging
import platform
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Literal, Self

from torch import Tensor

from ..core.codec import Plain, dumps, from_plain, parse_json
from ..core.errors import Cancelled, FormatError, InvalidInput, JobError, LucidError
from ..core.inputs import InputName, Inputs
from ..core.job_inputs import FILES as INPUT_FILES
from ..core.job_lock import LOCK_FILE
from ..core.jobs import PREVIEW_FILE, SETTINGS_FILE, upgraded
from ..core.options import Generation
from ..core.whole_files import remove_partial_files
from . import checkpoint_files, job_inputs
from .checkpoint_files import Tensors, Values
from .job_files import file_errors, locked, write_atomic

log = logging.getLogger(__name__)

State = Literal["running", "finished", "failed", "cancelled"]

FORMAT = 1
NO_INPUTS = Inputs()
RECORD, LOG, LOCK = SETTINGS_FILE, "log.txt", LOCK_FILE
CHECKPOINT, PREVIOUS = "checkpoint.safetensors", "checkpoint.previous.safetensors"
RESERVED = (RECORD, LOG, LOCK, *INPUT_FILES.values(), CHECKPOINT, PREVIOUS, PREVIEW_FILE)
LIBRARIES = ("torch", "numpy", "diffusers", "transformers", "safetensors", "numba", "scipy", "scikit-image")


@dataclass(frozen=True, kw_only=True)
class JobRecord:
    """The content of job.json. A job whose process was killed stays "running"; it can be resumed like the others."""

    format: int = FORMAT
    created: str  # ISO 8601, UTC
    prompt: str
    state: State = "running"
    failure: str = ""  # why it failed
    stopped_at: int = 0  # the iteration at which a finished run was told to stop and keep what it had; 0: it was not
    seconds: float = 0.0  # of all runs in the folder, pauses left out
    network_evaluations: int = 0
    control_evaluations: int = 0  # of ControlNets, beside those of the network
    artefacts: tuple[str, ...] = ()  # file names
    libraries: tuple[str, ...] = ()  # name and version, as last used
    inputs: tuple[InputName, ...] = ()  # those that are files of the folder
    placement: tuple[float, ...] | None = None  # Inputs.placement
    generation: Generation


class Job:
    """One job folder. Every method raises JobError, with advice, when the folder cannot be written or read."""

    def __init__(self, folder: Path, record: JobRecord) -> None:
        self.folder = folder
        self.record = record

    @classmethod
    def create(cls, folder: Path, generation: Generation, inputs: Inputs = NO_INPUTS) -> Self:
        """A new job in a folder that is empty or does not exist."""
        folder = folder.absolute()
        _require_empty(folder)
        with file_errors(folder, "made"):
            folder.mkdir(parents=True, exist_ok=True)
        with locked(folder / LOCK):
            _require_empty(folder)  # again: another process may have been faster
            job_inputs.write(folder, inputs)
            record = JobRecord(
                created=datetime.now(UTC).isoformat(timespec="seconds"),
                prompt=generation.prompt,
                libraries=_libraries(),
                inputs=inputs.names,
                placement=inputs.placement,
                generation=generation,
            )
            job = cls(folder, record)
            job.update()
        return job

    @classmethod
    def open(cls, folder: Path) -> Self:
        """The job that was created in ``folder``."""
        folder = folder.absolute()
        path = folder / RECORD
        if not path.is_file():
            raise JobError(
                f"there is no job in {folder}: it has no {RECORD}",
                advice="Give the folder that an earlier run printed, or start a new run.",
            )
        with file_errors(path, "read"):
            content = path.read_bytes()
        return cls(folder, _read_record(path, content))

    @property
    def generation(self) -> Generation:
        return self.record.generation

    @cached_property
    def inputs(self) -> Inputs:
        """The inputs given to ``create``."""
        return job_inputs.read(self.folder, self.record.inputs, self.record.placement)

    # ------------------------------------------------------------ the run

    @contextmanager
    def running(self) -> Iterator[None]:
        """Hold the folder's lock and write log.txt. On leaving, the record says how the run ended.

        Leave it, or call ``finish``, before handing out the last result: a generator that is closed inside counts as
        cancelled. Raises JobError when another process is at work in the folder.
        """
        with locked(self.folder / LOCK), _logging_to(self.folder / LOG):
            remove_partial_files(self.folder)
            self.update(state="running", failure="", stopped_at=0, libraries=_libraries())
            try:
                yield
            except BaseException as error:
                self._record_end(error)
                raise
            if self.record.state == "running":
                self.update(state="finished")

    def finish(
        self, *, seconds: float, network_evaluations: int, control_evaluations: int = 0, stopped_at: int = 0
    ) -> None:
        """Record that the run is complete, or was told to be."""
        self.update(
            state="finished",
            stopped_at=stopped_at,
            seconds=seconds,
            network_evaluations=network_evaluations,
            control_evaluations=control_evaluations,
        )

    def update(
        self,
        *,
        state: State | None = None,
        failure: str | None = None,
        stopped_at: int | None = None,
        seconds: float | None = None,
        network_evaluations: int | None = None,
        control_evaluations: int | None = None,
        artefacts: tuple[str, ...] | None = None,
        libraries: tuple[str, ...] | None = None,
    ) -> None:
        """Write job.json with what is given changed."""
        record = self.record
        self.record = replace(
            record,
            state=record.state if state is None else state,
            failure=record.failure if failure is None else failure,
            stopped_at=record.stopped_at if stopped_at is None else stopped_at,
            seconds=record.seconds if seconds is None else seconds,
            network_evaluations=record.network_evaluations if network_evaluations is None else network_evaluations,
            control_evaluations=record.control_evaluations if control_evaluations is None else control_evaluations,
            artefacts=record.artefacts if artefacts is None else artefacts,
            libraries=record.libraries if libraries is None else libraries,
        )
        text = dumps(self.record)
        write_atomic(self.folder / RECORD, lambda path: _write_bytes(path, text.encode()))

    def write_artefact(self, name: str, writer: Callable[[Path], None]) -> Path:
        """Let ``writer`` write a temporary file with the suffix of ``name``, then put it in place; returns its path.

        Raises InvalidInput when the name is a path or belongs to the job itself.
        """
        if not name or name in RESERVED or name != Path(name).name or name.startswith("."):
            raise InvalidInput(f"an artefact cannot be called {name!r}", advice="Use a plain file name.")
        path = self.folder / name
        write_atomic(path, writer)
        if name not in self.record.artefacts:
            self.update(artefacts=(*self.record.artefacts, name))
        return path

    def _record_end(self, error: BaseException) -> None:
        if self.record.state != "running":
            return
        stopped = isinstance(error, (Cancelled, GeneratorExit, KeyboardInterrupt))
        try:
            if stopped:
                self.update(state="cancelled")
            else:
                expected = isinstance(error, LucidError)  # whoever called reports it; the traceback is for the file
                log.log(logging.INFO if expected else logging.ERROR, "the run failed", exc_info=error)
                message = error.message if isinstance(error, LucidError) else f"{type(error).__name__}: {error}"
                self.update(state="failed", failure=message)
        except JobError as second:  # the first error is the one to report
            log.warning("%s", second)

    # ------------------------------------------------------------ checkpoints

    def save_checkpoint(self, tensors: Mapping[str, Tensor], values: Mapping[str, Plain]) -> None:
        """Make (tensors, values) the newest checkpoint; the one before stays as it is until this one is complete.

        Tensors keep their dtype, shape and bits, and come back on the CPU; the values must be plain JSON.
        """
        started = time.perf_counter()
        content = checkpoint_files.to_bytes(tensors, values)
        path = self.folder / CHECKPOINT
        write_atomic(path, lambda partial: _write_bytes(partial, content), keep=self.folder / PREVIOUS)
        log.info("checkpoint of %.1f MB in %.0f ms", len(content) / 1e6, 1e3 * (time.perf_counter() - started))

    def save_preview(self, writer: Callable[[Path], None]) -> None:
        """Let ``writer`` write the PNG file that shows the newest checkpoint."""
        write_atomic(self.folder / PREVIEW_FILE, writer)

    def keep_checkpoint(self, iteration: int) -> None:
        """Keep the newest checkpoint for good. Renamed to checkpoint.safetensors it is where the job goes on."""
        newest = self.folder / CHECKPOINT
        self.write_artefact(f"checkpoint-{iteration:06}.safetensors", lambda path: _copy(newest, path))

    @property
    def begun(self) -> bool:
        """Whether there has been a checkpoint."""
        return any((self.folder / name).is_file() for name in (CHECKPOINT, PREVIOUS))

    def load_checkpoint(self) -> tuple[Tensors, Values] | None:
        """The newest checkpoint that is complete; None when there has been none. Tensors are on the CPU.

        Raises JobError when there are checkpoints but all are damaged.
        """
        damaged: list[str] = []
        for name in (CHECKPOINT, PREVIOUS):
            path = self.folder / name
            if not path.exists():
                continue
            with file_errors(path, "read"):
                content = path.read_bytes()
            try:
                return checkpoint_files.from_bytes(content)
            except FormatError as error:
                log.warning("%s is damaged and not used: %s", path, error)
                damaged.append(name)
        if damaged:
            raise JobError(
                f"{' and '.join(damaged)} in {self.folder} cannot be read: the files are damaged",
                advice="Remove them to start this job from its beginning, or start a new one.",
            )
        return None


def _require_empty(folder: Path) -> None:
    if (folder / RECORD).exists():
        raise JobError(
            f"{folder} already holds a job",
            advice="Resume that one (generate --resume FOLDER), or give a folder that is empty or does not exist.",
        )
    with file_errors(folder, "read"):
        others = sorted(path.name for path in folder.iterdir() if path.name != LOCK) if folder.exists() else []
    if others:
        raise JobError(
            f"{folder} is not empty: it holds {', '.join(others[:3])}{', ...' if len(others) > 3 else ''}",
            advice="Give a folder that is empty or does not exist.",
        )


def _read_record(path: Path, content: bytes) -> JobRecord:
    try:
        plain = parse_json(content)
        found = plain.get("format") if isinstance(plain, dict) else None
        if found != FORMAT:
            raise InvalidInput(f"its format is {found!r}; this version reads format {FORMAT}")
        return from_plain(JobRecord, upgraded(plain))
    except InvalidInput as error:
        raise JobError(
            f"{path} is not a job of this version of Lucid Dreamer: {error.message}",
            advice="Start a new run in another folder; what this one made is still in its folder.",
        ) from error


def _libraries() -> tuple[str, ...]:
    found = [f"python {platform.python_version()}"]
    for name in LIBRARIES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    return tuple(found)


@contextmanager
def _logging_to(path: Path) -> Iterator[None]:
    """Append this package's log from INFO on to ``path``, times in UTC."""
    package = logging.getLogger(__name__.rpartition(".backend.")[0])
    with file_errors(path, "written"):
        handler = logging.FileHandler(path, encoding="utf-8")
    formatter = logging.Formatter("%(asctime)sZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    level = package.level
    package.setLevel(min(package.getEffectiveLevel(), logging.INFO))
    package.addHandler(handler)
    try:
        yield
    finally:
        package.removeHandler(handler)
        package.setLevel(level)
        handler.close()


def _write_bytes(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _copy(source: Path, path: Path) -> None:
    shutil.copyfile(source, path)
