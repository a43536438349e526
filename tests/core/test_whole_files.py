"""Files are as they were or complete."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lucid_blender.core.whole_files import PARTIAL, remove_partial_files, write_whole, write_whole_bytes


def test_the_new_content_takes_the_place_of_the_old(tmp_path: Path) -> None:
    path = tmp_path / "queue.json"
    for content in (b"one", b"two"):
        write_whole_bytes(path, content)
        assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_until_then_the_old_is_there(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(b"old")

    def look(partial: Path) -> None:
        assert path.read_bytes() == b"old" and partial.parent == tmp_path and partial.suffix == ".png"
        partial.write_bytes(b"new")

    write_whole(path, look, keep=tmp_path / "before.png")
    assert path.read_bytes() == b"new" and (tmp_path / "before.png").read_bytes() == b"old"


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_what_fails_leaves_the_old_and_no_litter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(OSError, match="No space"):
        write_whole_bytes(path, b"new")
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / f".a.77{PARTIAL}.png").touch()
    (tmp_path / "a.png").touch()
    (tmp_path / ".hidden").touch()
    remove_partial_files(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".hidden", "a.png"]
