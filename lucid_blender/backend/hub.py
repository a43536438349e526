"""The hub: models and what goes with them, found in the cache, or looked up, downloaded with progress and held to their
checksums. core/wanted.py says what there is, and which files each needs.

What is whole in the cache is used without a request. The cache is the one that all programs of the hub share.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import huggingface_hub
from huggingface_hub import HfApi, hf_hub_download, try_to_load_from_cache
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError
from huggingface_hub.hf_api import ModelInfo

from ..core.errors import ModelError
from ..core.messages import Event, FetchModel, Finished, ModelFound, Progress
from ..core.models import HubPlace, in_words, kind_of, known
from ..core.options import DiffusionModel, Generation
from ..core.wanted import NAMES, Part, Wanted, all_wanted, files_of, find_wanted, is_of_the_hub, of_model, the
from .single_file import family, own_configuration
from .transfer import HTTP_ERROR, receive

logger = logging.getLogger(__name__)

SECONDS_TO_ANSWER = 20.0
SECONDS_BETWEEN_REPORTS = 0.25
ROOM_TO_SPARE = 1 << 28  # bytes that a download leaves free on the disk
NETWORK_ERRORS = (OSError, ValueError, HTTP_ERROR)


@dataclass(frozen=True)
class RemoteFile:
    """A file that is needed."""

    name: str
    size: int
    sha256: str  # empty for small files, which git holds to their content


@dataclass(frozen=True)
class Repository:
    """What the hub says about a place."""

    place: HubPlace
    part: Part
    commit: str
    files: tuple[RemoteFile, ...]
    found: ModelFound

    def path_of(self, file: RemoteFile) -> Path | None:
        """Where the file lies in the cache."""
        there = try_to_load_from_cache(self.place.id, file.name, cache_dir=cache(), revision=self.commit)
        return Path(there) if isinstance(there, str) else None

    @property
    def missing(self) -> tuple[RemoteFile, ...]:
        """The small ones first: they tell soonest what may not be had."""
        return tuple(sorted((file for file in self.files if self.path_of(file) is None), key=lambda file: file.size))


def cache() -> Path:
    """The cache of this process."""
    return Path(huggingface_hub.constants.HF_HUB_CACHE)


def handle(request: FetchModel) -> Iterator[Event]:
    """Answer a request. Raises ModelError."""
    started = time.monotonic()
    wanted = request.wanted
    if not is_of_the_hub(wanted.source, wanted.part):
        raise ModelError(f"{wanted.source} is on no hub", advice="Give an id such as owner/name.")
    yield Progress(stage="Asking the hub")
    yield from download(wanted) if request.download else look_up(wanted)
    yield Finished(seconds=time.monotonic() - started)


def fetch(generation: Generation, *, begun: bool = False) -> Iterator[Event]:
    """Have what a run needs of the hub in the cache; nothing is asked for what is there. Raises ModelError.

    One that has ``begun`` needs nothing that makes its first splats.
    """
    single = configuration_of(generation.model)
    for wanted in (*all_wanted(generation), *((single,) if single else ())):
        if begun and wanted.part == "shap_e":
            continue
        if find_wanted(wanted, cache()) is None:
            yield from download(wanted)


def folder_of(wanted: Wanted) -> Path:
    """The folder of the cache with what is wanted, which is downloaded if need be. Raises ModelError."""
    if find_wanted(wanted, cache()) is None:
        for _ in download(wanted):
            pass
    found = find_wanted(wanted, cache())
    if found is None:
        raise ModelError(f"{wanted.source} is not whole in the cache", advice="Download it again.")
    logger.info("%s is in %s", wanted.source, found)
    return found


def folder_of_model(model: DiffusionModel) -> Path:
    """The folder of the hub's files that a model needs: of a single file those that say what it is like."""
    return folder_of(configuration_of(model) or of_model(model))


def configuration_of(model: DiffusionModel) -> Wanted | None:
    """What a single file needs of the hub, if it has not all beside it. It has weights of its own."""
    if kind_of(model.source) != "file" or own_configuration(Path(model.source)) is not None:
        return None
    like = family(Path(model.source)).id
    return Wanted(source=like, part="configuration", allow_download=model.allow_download)


def download(wanted: Wanted) -> Iterator[Event]:
    """Download what is missing from the first place that gives it.

    Closing it between two events stops the download; another goes on from there. Raises ModelError.
    """
    yield from _in_turn(wanted, lambda place: _download(_ask(place, wanted)))


def look_up(wanted: Wanted) -> Iterator[Event]:
    """What the first place says that says anything. Raises ModelError."""
    yield from _in_turn(wanted, lambda place: iter((_ask(place, wanted).found,)))


def _in_turn(wanted: Wanted, events: Callable[[HubPlace], Iterator[Event]]) -> Iterator[Event]:
    """The events of the first place that has no error. Raises ModelError where none is left."""
    _require_online(wanted)
    failed: list[ModelError] = []
    for place in wanted.places:
        try:
            yield from events(place)
            return
        except ModelError as error:
            logger.warning("%s: %s", place.id, error.message)
            failed.append(error)
    raise _all_of(failed, wanted)


# ---------------------------------------------------------------- asking


def _ask(place: HubPlace, wanted: Wanted) -> Repository:
    try:
        info = HfApi().model_info(place.id, revision=place.revision, files_metadata=True, timeout=SECONDS_TO_ANSWER)
    except NETWORK_ERRORS as error:
        raise _translated(error, place, wanted.part) from error
    files = _files(info, place, wanted)
    _require_known_weights(files, place, wanted)
    card = info.card_data
    model = known(wanted.source)
    found = ModelFound(
        source=wanted.source,
        id=place.id,
        revision=info.sha or place.revision,
        size=sum(file.size for file in files),
        missing=0,
        license=model.license if model else str(card.get("license_name") or card.get("license") or "") if card else "",
        license_page=model.license_page if model else str(card.get("license_link") or "") if card else "",
        gated=bool(info.gated),
    )
    repository = Repository(place, wanted.part, found.revision, files, found)
    missing = sum(file.size for file in repository.missing)
    return replace(repository, found=replace(found, missing=missing))


def _files(info: ModelInfo, place: HubPlace, wanted: Wanted) -> tuple[RemoteFile, ...]:
    there = {file.rfilename: file for file in info.siblings or ()}
    here = wanted if wanted.id == place.id else replace(wanted, source=place.id)
    files = (there[name] for name in files_of(here, there))
    return tuple(RemoteFile(file.rfilename, file.size or 0, file.lfs.sha256 if file.lfs else "") for file in files)


def _require_known_weights(files: tuple[RemoteFile, ...], place: HubPlace, wanted: Wanted) -> None:
    """The places of a model on offer must all have the weights that are known."""
    model = known(wanted.source)
    if model is None or place not in model.places:
        return
    sums = dict(model.weights)
    for file in files:
        if sums.get(file.name, file.sha256) != file.sha256:
            raise ModelError(f"{place.id} has other weights than {model.name} in {file.name}", advice="Do not use it.")


# ---------------------------------------------------------------- downloading


def _download(repository: Repository) -> Iterator[Event]:
    yield repository.found
    missing = repository.missing
    size = sum(file.size for file in missing)
    _require_room(repository, size)
    stage = f"Downloading {the(repository.part)}"
    report = Report(stage, size=repository.found.size, there=repository.found.size - size)
    with _translating(repository):
        for file in missing:
            if file.sha256:
                yield from _report(repository, file, report)
            else:
                hf_hub_download(repository.place.id, file.name, revision=repository.commit, cache_dir=cache())
            report.there += file.size
        if repository.place.revision != repository.commit:  # so that the cache knows what the branch was
            least = min(repository.files, key=lambda file: file.size)
            hf_hub_download(repository.place.id, least.name, revision=repository.place.revision, cache_dir=cache())


@dataclass
class Report:
    """What a download has come to."""

    stage: str
    size: int  # bytes of all files
    there: int  # bytes of it that are there
    sent: float = 0.0  # when the last progress was
    rate: float = 0.0  # bytes a second, lately

    def due(self) -> bool:
        return time.monotonic() - self.sent >= SECONDS_BETWEEN_REPORTS

    def progress(self, there: int) -> Progress:
        left = (self.size - there) / self.rate if self.rate > 0 else -1.0
        self.sent = time.monotonic()
        return Progress(stage=self.stage, step=there, steps=self.size, unit="bytes", seconds_left=left)


def _report(repository: Repository, file: RemoteFile, report: Report) -> Iterator[Progress]:
    """Download one file of weights, and tell how far it is."""
    arriving = receive(
        repository.place.id,
        file.name,
        commit=repository.commit,
        sha256=file.sha256,
        size=file.size,
        cache=cache(),
    )
    started, before = time.monotonic(), -1
    yield report.progress(report.there)
    for there in arriving:
        before = there if before < 0 else before  # what another time had left behind does not count as speed
        report.rate = (there - before) / max(time.monotonic() - started, 1e-3)
        if report.due():
            yield report.progress(report.there + there)


def _require_room(repository: Repository, wanted: int) -> None:
    folder = cache()
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if wanted and free < wanted + ROOM_TO_SPARE:
        raise ModelError(
            f"{repository.place.id} needs {in_words(wanted)} on the disk of {folder}; {in_words(free)} are free",
            advice="Free some space, or choose another folder for models in the preferences (HF_HUB_CACHE).",
        )


# ---------------------------------------------------------------- what went wrong


def download_advice(*, allowed: bool) -> str:
    """What to do about something of the hub that does not come."""
    if not allowed:
        return "Downloads are switched off. Allow online access in Blender's preferences, or give a local file."
    return "Check the name and the network, or give a local .safetensors file or folder."


def _require_online(wanted: Wanted) -> None:
    if not wanted.allow_download or huggingface_hub.constants.is_offline_mode():
        raise ModelError(
            f"{the(wanted.part)} {wanted.source!r} is not in the cache",
            advice=download_advice(allowed=False),
        )


@contextlib.contextmanager
def _translating(repository: Repository) -> Iterator[None]:
    try:
        yield
    except NETWORK_ERRORS as error:
        raise _translated(error, repository.place, repository.part) from error


def _translated(error: Exception, place: HubPlace, part: Part) -> ModelError:
    page = f"{huggingface_hub.constants.ENDPOINT}/{place.id}"
    match error:
        case GatedRepoError():
            return ModelError(
                f"{place.id} is gated: its owner wants an agreement first",
                advice=f"Accept the conditions on {page}, make an access token (Settings > Access Tokens, type Read) "
                "and enter it as Hugging Face Token in the preferences, or set HF_TOKEN.",
            )
        case RevisionNotFoundError():
            return ModelError(f"{place.id} has no revision {place.revision}", advice="Leave the revision empty.")
        case RepositoryNotFoundError():
            return ModelError(
                f"there is no {NAMES[part]} {place.id} on the hub, or it is private",
                advice="Check the name. A private one needs your Hugging Face Token in the preferences.",
            )
    return ModelError(
        f"{place.id} cannot be had: {str(error).splitlines()[0] if str(error) else type(error).__name__}",
        advice=download_advice(allowed=True) + " What has arrived is kept.",
    )


def _all_of(failed: list[ModelError], wanted: Wanted) -> ModelError:
    """One error of all places; the advice is the first one's, which is the one that should have it."""
    if len(failed) == 1:
        return failed[0]
    reasons = "; ".join(error.message for error in failed)
    return ModelError(f"no place has {wanted.source}: {reasons}", advice=failed[0].advice)
