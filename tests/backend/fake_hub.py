"""A hub on this computer: what huggingface.co answers about models, for folders in diffusers' layout."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class FakeRepository:
    folder: Path
    commit: str = COMMIT
    card: dict[str, str] = field(default_factory=lambda: {"license": "openrail++"})
    gated: bool = False

    def content(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def names(self) -> list[str]:
        return sorted(path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file())


@dataclass
class FakeHub:
    """``cuts`` are bytes after which the next answers with a file break off; ``damaged`` files are sent wrong."""

    repositories: dict[str, FakeRepository] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)
    damaged: set[str] = field(default_factory=set)
    busy: int = 0  # so many of the next answers with a file are 503
    leaked: bool = False  # the token has come to where the files are
    token: str = "hf_secret"
    url: str = ""

    def sent(self, name: str) -> list[str]:
        """The requests that brought one file, or a part of it."""
        return [
            entry for entry in self.requests if entry.startswith("GET ") and "/resolve/" not in entry and name in entry
        ]


def is_large(name: str) -> bool:
    """What git keeps elsewhere, by its SHA-256."""
    return name.endswith(".safetensors")


class Handler(BaseHTTPRequestHandler):
    hub: FakeHub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append(f"{self.command} {path} {self.headers.get('Range', '')}".strip())
        if match := re.fullmatch(r"/api/models/([^/]+/[^/]+)/revision/(.+)", path):
            self.describe(match[1], match[2])
        elif match := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            self.send_file(*match.groups())
        elif match := re.fullmatch(r"/storage/([^/]+/[^/]+)/(.+)", path):
            self.send_large(*match.groups())
        else:
            self.answer(404, b"{}")

    def describe(self, id: str, revision: str) -> None:
        repository = self.hub.repositories.get(id)
        if repository is None:
            return self.answer(401, b"{}", {"X-Error-Code": "RepoNotFound"})
        if revision not in ("main", repository.commit):
            return self.answer(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
        siblings = []
        for name in repository.names():
            content = repository.content(name)
            lfs = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 130}
            siblings.append({"rfilename": name, "size": len(content), **({"lfs": lfs} if is_large(name) else {})})
        told = {"id": id, "modelId": id, "sha": repository.commit, "siblings": siblings, "private": False}
        told |= {"gated": "manual" if repository.gated else False, "cardData": repository.card, "tags": []}
        self.answer(200, json.dumps(told).encode())

    def send_file(self, id: str, revision: str, name: str) -> None:
        repository = self.hub.repositories.get(id)
        if repository is None or not (repository.folder / name).is_file():
            return self.answer(404, b"", {"X-Error-Code": "EntryNotFound"})
        if repository.gated and self.headers.get("Authorization") != f"Bearer {self.hub.token}":
            return self.answer(401, b"", {"X-Error-Code": "GatedRepo"})
        content = repository.content(name)
        headers = {"X-Repo-Commit": repository.commit}
        if not is_large(name):
            return self.answer(200, content, headers | {"ETag": f'"{hashlib.sha1(content).hexdigest()}"'})
        headers |= {"X-Linked-ETag": f'"{hashlib.sha256(content).hexdigest()}"', "X-Linked-Size": str(len(content))}
        elsewhere = self.hub.url.replace("127.0.0.1", "localhost")  # another host, as far as clients can tell
        self.answer(302, b"", headers | {"Location": f"{elsewhere}/storage/{id}/{name}"})

    def send_large(self, id: str, name: str) -> None:
        """What the hub's storage answers, to which it redirects."""
        self.hub.leaked |= "Authorization" in self.headers
        content, status = self.hub.repositories[id].content(name), 200
        if self.hub.busy:
            self.hub.busy -= 1
            return self.answer(503, b"busy")
        if name in self.hub.damaged:
            content = content[:-1] + bytes([content[-1] ^ 1])
        if match := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")):
            status, content = 206, content[int(match[1]) :]
        self.answer(status, content, {"ETag": '"of the storage"'}, cut=True)

    def answer(self, status: int, content: bytes, headers: dict[str, str] | None = None, *, cut: bool = False) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if cut and self.hub.cuts:
            self.wfile.write(content[: self.hub.cuts.pop(0)])
            self.close_connection = True
        else:
            self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@contextmanager
def serving(hub: FakeHub) -> Iterator[FakeHub]:
    handler = type("HandlerOfOne", (Handler,), {"hub": hub})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        hub.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield hub
        server.shutdown()
        thread.join()
