"""Weights on their way from the hub into its cache: resumed where they stopped, and held to their SHA-256.

The hub's library starts a file anew when it was interrupted, which is too late for gigabytes. Only the blob is fetched
here, as PART beside its place; the library then finds it, and links it where every program looks.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from huggingface_hub import get_session, get_token, hf_hub_download, hf_hub_url
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import hf_raise_for_status  # type: ignore[attr-defined]

from ..core.errors import ModelError

logger = logging.getLogger(__name__)

PART = ".lucid-part"
HASHED_AT_ONCE = 1 << 24  # bytes
SECONDS_TO_ANSWER = 20.0
TRIES = 6  # in a row without a byte
FIRST_PAUSE = 1.0  # seconds before trying again; each pause after it is twice as long
TRY_AGAIN = (408, 429, 500, 502, 503, 504)  # what servers answer that are busy for the moment
# What the library lets through of the HTTP client that it is built on; its name differs between versions.
HTTP_ERROR: type[Exception] = HfHubHTTPError.__bases__[0]


def receive(repository: str, name: str, *, commit: str, sha256: str, size: int, cache: Path) -> Iterator[int]:
    """Fetch one file; yields how many of its bytes are there. Closing it keeps them for another time.

    Raises ModelError for content that is not what it should be, OSError or HTTP_ERROR where the network fails.
    """
    blob = cache / f"models--{repository.replace('/', '--')}" / "blobs" / sha256
    if not blob.exists():
        part = blob.with_name(blob.name + PART)
        part.parent.mkdir(parents=True, exist_ok=True)
        yield from _received(hf_hub_url(repository, name, revision=commit), part, size)
        _check(part, sha256, f"{name} of {repository}")
        part.replace(blob)
    linked = Path(hf_hub_download(repository, name, revision=commit, cache_dir=cache))
    if linked.is_file() and not linked.is_symlink():  # a disk without links: the library has made a copy
        with contextlib.suppress(FileNotFoundError):
            blob.unlink()


def _received(url: str, part: Path, size: int) -> Iterator[int]:
    """Append to ``part`` until it has ``size`` bytes. A connection that breaks is made again, after a while."""
    failures = 0
    while (there := _size(part)) < size:
        try:
            for now in _stream(url, part, there):
                failures = 0
                yield now
            reason = "the other side has closed the connection"
        except HTTP_ERROR as error:
            if isinstance(error, HfHubHTTPError) and error.response.status_code not in TRY_AGAIN:
                raise
            reason = str(error).partition("\n")[0]
            if failures + 1 == TRIES:
                raise
        failures += 1
        if _size(part) < size:
            if failures == TRIES:
                raise ModelError(f"{url} ends after {_size(part)} of {size} bytes", advice="Try again later.")
            logger.warning("%d of %d bytes, then: %s", _size(part), size, reason)
            yield from _pause(FIRST_PAUSE * 2 ** (failures - 1), part)


def _pause(seconds: float, part: Path) -> Iterator[int]:
    """Wait, and yield meanwhile, so that the wait can be cancelled."""
    ends = time.monotonic() + seconds
    while (left := ends - time.monotonic()) > 0:
        yield _size(part)
        time.sleep(min(left, 0.25))


def _stream(url: str, part: Path, there: int) -> Iterator[int]:
    headers = {"Accept-Encoding": "identity"}
    if token := get_token():
        headers["Authorization"] = f"Bearer {token}"  # which a redirect to another machine does not carry along
    if there:
        headers["Range"] = f"bytes={there}-"
    request: dict[str, Any] = {"headers": headers, "timeout": SECONDS_TO_ANSWER, "follow_redirects": True}
    with get_session().stream("GET", url, **request) as response:
        hf_raise_for_status(response)
        goes_on = response.status_code == 206  # a server that knows no ranges begins anew
        with part.open("ab" if goes_on else "wb") as stream:
            for block in response.iter_raw():
                stream.write(block)
                yield stream.tell()


def _check(part: Path, sha256: str, title: str) -> None:
    digest = hashlib.sha256()
    with part.open("rb") as stream:
        while block := stream.read(HASHED_AT_ONCE):
            digest.update(block)
    if digest.hexdigest() != sha256:
        part.unlink()
        raise ModelError(f"{title} arrived damaged: its SHA-256 is not the hub's", advice="Download it again.")


def _size(part: Path) -> int:
    try:
        return part.stat().st_size
    except FileNotFoundError:
        return 0
