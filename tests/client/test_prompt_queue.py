"""The queue keeps its order and its entries, whatever happens to the program."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lucid_blender.client.prompt_queue import FILE, PromptQueue
from lucid_blender.core.inputs import Inputs
from lucid_blender.core.meshes import TriangleMesh
from lucid_blender.core.messages import Generate
from lucid_blender.core.options import Generation

TRIANGLE = TriangleMesh(
    vertices=np.eye(3, dtype=np.float32), triangles=np.array([[0, 1, 2]]), colors=np.ones((3, 3), np.float32)
)


def request(prompt: str, mesh: TriangleMesh | None = None) -> Generate:
    inputs = Inputs(mesh=mesh, placement=tuple(range(16)) if mesh else None)
    return Generate(generation=Generation(prompt=prompt, seed=5), job_folder="", inputs=inputs)


def opened(folder: Path) -> PromptQueue:
    queue = PromptQueue()
    queue.open(folder)
    return queue


def titles(queue: PromptQueue) -> list[str]:
    return [entry.title for entry in queue.entries]


def test_what_waits_is_there_when_blender_starts_again_and_held(tmp_path: Path) -> None:
    queue = opened(tmp_path)
    for prompt in ("a hat", "a shoe"):
        queue.add(request(prompt))
    assert not queue.held
    again = opened(tmp_path)
    assert again.held and titles(again) == ["a hat", "a shoe"]
    assert again.entries[0].request == queue.entries[0].request


def test_a_mesh_waits_with_its_prompt_in_a_file_of_its_own(tmp_path: Path) -> None:
    queue = opened(tmp_path)
    entry = queue.add(request("a hat", TRIANGLE))
    (again,) = opened(tmp_path).entries
    assert again.request.inputs.mesh is not None
    assert np.array_equal(again.request.inputs.mesh.vertices, TRIANGLE.vertices)
    assert again.request.inputs.placement == tuple(range(16))
    other = opened(tmp_path)
    other.remove(entry)
    assert not other.entries and not list(tmp_path.glob("*.frame"))


@pytest.mark.parametrize(
    ("index", "by", "order", "at"), [(0, 1, "bac", 1), (2, -1, "acb", 1), (0, -1, "abc", 0), (2, 1, "abc", 2)]
)
def test_an_entry_moves_as_far_as_there_is_room(tmp_path: Path, index: int, by: int, order: str, at: int) -> None:
    queue = opened(tmp_path)
    for prompt in "abc":
        queue.add(request(prompt))
    assert queue.move(index, by) == at
    assert titles(queue) == titles(opened(tmp_path)) == list(order)


def test_two_blenders_share_a_queue(tmp_path: Path) -> None:
    one, two = opened(tmp_path), opened(tmp_path)
    first = one.add(request("a hat", TRIANGLE))
    two.add(request("a shoe"))
    one.refresh()
    assert titles(one) == titles(two) == ["a hat", "a shoe"]
    one.remove(first)
    two.refresh()
    assert titles(two) == ["a shoe"]


@pytest.mark.parametrize("content", ["", "{", '{"format": 9, "entries": []}', "[]"])
def test_a_broken_queue_is_kept_aside(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_text(content)
    queue = opened(tmp_path)
    assert not queue.entries and "could not be read" in queue.message
    queue.add(request("a hat"))
    assert (tmp_path / "queue.broken").read_text() == content and titles(opened(tmp_path)) == ["a hat"]


def test_an_entry_of_another_version_does_not_hide_the_others(tmp_path: Path) -> None:
    queue = opened(tmp_path)
    queue.add(request("a hat"))
    plain = json.loads((tmp_path / FILE).read_text())
    strange = {"key": "abc", "request": {"generation": {"no such option": 1}}}
    plain["entries"] = [strange, {"key": "../up"}, {"key": "gone"}, 3, *plain["entries"]]
    (tmp_path / FILE).write_text(json.dumps(plain))
    again = opened(tmp_path)
    assert titles(again) == ["a hat"] and "left out" in again.message


def test_a_queue_that_cannot_be_saved_says_so_and_goes_on(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    queue = opened(tmp_path / "file")
    queue.add(request("a hat"))
    assert titles(queue) == ["a hat"] and "not saved" in queue.message


def test_adding_to_an_empty_queue_lets_it_go_on(tmp_path: Path) -> None:
    queue = opened(tmp_path)
    queue.hold("why")
    queue.add(request("a hat"))
    assert not queue.held
    queue.hold()
    queue.add(request("a shoe"))
    assert queue.held
