"""Models of the hub: found in the cache, or looked up, downloaded with progress and held to their checksums.

A model that is whole in the cache is used without a request. The cache is the one that all programs of the hub share.
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
from ..core.model_files import INDEX, configuration, find_cached, needed
from ..core.models import HubPlace, in_words, kind_of, known, places_to_ask
from ..core.options import DiffusionModel
from .single_file import family, own_configuration
from .transfer import HTTP_ERROR, receive
from .weight_files import download_advice

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
    options = request.model
    if kind_of(options.source) != "hub":
        raise ModelError(f"{options.source} is on no hub", advice="Give an id such as owner/name.")
    yield Progress(stage="Asking the hub")
    yield from download(options) if request.download else look_up(options)
    yield Finished(seconds=time.monotonic() - started)


def fetch(options: DiffusionModel) -> Iterator[Event]:
    """Have what a model needs of the hub in the cache; nothing is asked for what is there. Raises ModelError."""
    wanted = _of_the_hub(options)
    if wanted is not None and _cached(*wanted) is None:
        yield from download(*wanted)


def folder_of(options: DiffusionModel) -> Path:
    """The folder of the hub's files that a model needs, which are downloaded if need be. Raises ModelError."""
    wanted = _of_the_hub(options)
    assert wanted is not None, "built-in models and folders need nothing of the hub"
    for _ in fetch(options):
        pass
    found = _cached(*wanted)
    if found is None:
        raise ModelError(f"{wanted[0].source} is not whole in the cache", advice="Download it again.")
    logger.info("%s is in %s", wanted[0].source, found)
    return found


def _of_the_hub(options: DiffusionModel) -> tuple[DiffusionModel, bool] | None:
    """What a model needs of the hub: which one, and whether with its weights. A single file has weights of its own."""
    match kind_of(options.source):
        case "hub":
            return options, True
        case "file" if own_configuration(Path(options.source)) is None:
            return replace(options, source=family(Path(options.source)).id, revision=""), False
    return None


def _cached(options: DiffusionModel, weights: bool) -> Path | None:
    return find_cached(options.source, options.revision, cache(), weights=weights)


def download(options: DiffusionModel, weights: bool = True) -> Iterator[Event]:
    """Download what is missing, all of it or all but the weights, from the first place that gives it.

    Closing it between two events stops the download; another goes on from there. Raises ModelError.
    """
    yield from _in_turn(options, lambda place: _download(_ask(place, options, weights)))


def look_up(options: DiffusionModel) -> Iterator[Event]:
    """What the first place says that says anything. Raises ModelError."""
    yield from _in_turn(options, lambda place: iter((_ask(place, options).found,)))


def _in_turn(options: DiffusionModel, events: Callable[[HubPlace], Iterator[Event]]) -> Iterator[Event]:
    """The events of the first place that has no error. Raises ModelError where none is left."""
    _require_online(options)
    failed: list[ModelError] = []
    for place in places_to_ask(options.source, options.revision):
        try:
            yield from events(place)
            return
        except ModelError as error:
            logger.warning("%s: %s", place.id, error.message)
            failed.append(error)
    raise _all_of(failed, options)


# ---------------------------------------------------------------- asking


def _ask(place: HubPlace, options: DiffusionModel, weights: bool = True) -> Repository:
    try:
        info = HfApi().model_info(place.id, revision=place.revision, files_metadata=True, timeout=SECONDS_TO_ANSWER)
    except NETWORK_ERRORS as error:
        raise _translated(error, place, options) from error
    files = _files(info, place, weights)
    _require_known_weights(files, place, options)
    card = info.card_data
    model = known(options.source)
    found = ModelFound(
        source=options.source,
        id=place.id,
        revision=info.sha or place.revision,
        size=sum(file.size for file in files),
        missing=0,
        license=model.license if model else str(card.get("license_name") or card.get("license") or "") if card else "",
        license_page=model.license_page if model else str(card.get("license_link") or "") if card else "",
        gated=bool(info.gated),
    )
    repository = Repository(place, found.revision, files, found)
    missing = sum(file.size for file in repository.missing)
    return replace(repository, found=replace(found, missing=missing))


def _files(info: ModelInfo, place: HubPlace, weights: bool) -> tuple[RemoteFile, ...]:
    there = {file.rfilename: file for file in info.siblings or ()}
    names = needed(there, place.id).names if weights else configuration(there, place.id)
    wanted = (there[name] for name in names)
    return tuple(RemoteFile(file.rfilename, file.size or 0, file.lfs.sha256 if file.lfs else "") for file in wanted)


def _require_known_weights(files: tuple[RemoteFile, ...], place: HubPlace, options: DiffusionModel) -> None:
    """The places of a model on offer must all have the weights that are known."""
    model = known(options.source)
    if model is None or place not in model.places:
        return
    wanted = dict(model.weights)
    for file in files:
        if wanted.get(file.name, file.sha256) != file.sha256:
            raise ModelError(f"{place.id} has other weights than {model.name} in {file.name}", advice="Do not use it.")


# ---------------------------------------------------------------- downloading


def _download(repository: Repository) -> Iterator[Event]:
    yield repository.found
    missing = repository.missing
    wanted = sum(file.size for file in missing)
    _require_room(repository, wanted)
    report = Report(size=repository.found.size, there=repository.found.size - wanted)
    with _translating(repository):
        for file in missing:
            if file.sha256:
                yield from _report(repository, file, report)
            else:
                hf_hub_download(repository.place.id, file.name, revision=repository.commit, cache_dir=cache())
            report.there += file.size
        if repository.place.revision != repository.commit:  # so that the cache knows what the branch was
            hf_hub_download(repository.place.id, INDEX, revision=repository.place.revision, cache_dir=cache())


@dataclass
class Report:
    """What a download has come to."""

    size: int  # bytes of the whole model
    there: int  # bytes of it that are there
    sent: float = 0.0  # when the last progress was
    rate: float = 0.0  # bytes a second, lately

    def due(self) -> bool:
        return time.monotonic() - self.sent >= SECONDS_BETWEEN_REPORTS

    def progress(self, there: int) -> Progress:
        left = (self.size - there) / self.rate if self.rate > 0 else -1.0
        self.sent = time.monotonic()
        return Progress(stage="Downloading the model", step=there, steps=self.size, unit="bytes", seconds_left=left)


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


def _require_online(options: DiffusionModel) -> None:
    if not options.allow_download or huggingface_hub.constants.is_offline_mode():
        raise ModelError(
            f"{options.source} cannot be had from the hub",
            advice=download_advice(replace(options, allow_download=False)),
        )


@contextlib.contextmanager
def _translating(repository: Repository) -> Iterator[None]:
    try:
        yield
    except NETWORK_ERRORS as error:
        raise _translated(error, repository.place, DiffusionModel(source=repository.place.id)) from error


def _translated(error: Exception, place: HubPlace, options: DiffusionModel) -> ModelError:
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
                f"there is no model {place.id} on the hub, or it is private",
                advice="Check the name. A private one needs your Hugging Face Token in the preferences.",
            )
    return ModelError(
        f"{place.id} cannot be had: {str(error).splitlines()[0] if str(error) else type(error).__name__}",
        advice=download_advice(options) + " What has arrived is kept.",
    )


def _all_of(failed: list[ModelError], options: DiffusionModel) -> ModelError:
    """One error of all places; the advice is the first one's, which is the one that should have it."""
    if len(failed) == 1:
        return failed[0]
    reasons = "; ".join(error.message for error in failed)
    return ModelError(f"no place has {options.source}: {reasons}", advice=failed[0].advice)
