"""Small files that are asked for at every redraw."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lucid_blender.client.file_stamp import NO_FILE, read_seldom, stamp_of


def test_a_file_is_read_again_when_it_has_changed_and_not_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "backend.json"
    assert read_seldom(path) is None and stamp_of(path) == NO_FILE
    path.write_text('{"python": "a"}')
    assert read_seldom(path) == {"python": "a"}
    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_text", lambda *_: pytest.fail("it has not changed"))
        assert read_seldom(path) == {"python": "a"}
    path.write_text('{"python": "b"}')
    os.utime(path, ns=(1, 1))  # the clock of a disk may be coarse
    assert read_seldom(path) == {"python": "b"}
    path.unlink()
    assert read_seldom(path) is None


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe"])
def test_what_is_no_json_is_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "backend.json"
    path.write_bytes(content)
    assert read_seldom(path) is None
