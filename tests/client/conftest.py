"""A real backend process with a fake run."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lucid_blender.client.process import Launch
from lucid_blender.client.session import Session
from lucid_blender.core import codec
from lucid_blender.core.messages import Event, Generate
from lucid_blender.core.options import Generation

FAKE = Path(__file__).with_name("fake_backend.py")
PATIENCE = 60.0  # seconds; generous, for a busy machine


@pytest.fixture
def launch(tmp_path: Path) -> Launch:
    return Launch(
        python=Path(sys.executable), cache_folder=tmp_path, log_file=tmp_path / "logs" / "backend.log", program=FAKE
    )


@pytest.fixture
def session(launch: Launch) -> Iterator[Session]:
    session = Session(launch)
    yield session
    session.close()


@pytest.fixture
def request_for(tmp_path: Path) -> Callable[[str], Generate]:
    """A request whose prompt names the fake's script, with a job folder that can be resumed."""
    job = tmp_path / "job"
    job.mkdir()

    def make(prompt: str) -> Generate:
        generation = Generation(prompt=prompt)
        (job / "job.json").write_text(json.dumps({"generation": codec.to_plain(generation)}))
        return Generate(generation=generation, job_folder=str(job))

    return make


def wait_for(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"nothing happened for {seconds} s"
        time.sleep(0.01)


def drain_until(session: Session, kind: type[Event], seconds: float = PATIENCE) -> list[Event]:
    """Events up to the first of a kind."""
    found: list[Event] = []

    def arrived() -> bool:
        found.extend(session.events())
        return any(isinstance(event, kind) for event in found)

    wait_for(arrived, seconds)
    return found
