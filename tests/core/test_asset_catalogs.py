"""Catalog files, as Blender writes them and as they are extended."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from lucid_blender.core.asset_catalogs import FILE, ensure_catalog, library_of
from lucid_blender.core.errors import FormatError, InvalidInput

PLANTS = "11111111-2222-3333-4444-555555555555"
WRITTEN_BY_BLENDER = f"""# This is an Asset Catalog Definition file for Blender.
#
VERSION 1

{PLANTS}:Props/Plants:Props-Plants"""


def test_a_new_library_gets_a_file_that_blender_reads(tmp_path: Path) -> None:
    made = ensure_catalog(tmp_path, " Props / Toys ")
    lines = [line for line in (tmp_path / FILE).read_text("utf-8").splitlines() if line and not line.startswith("#")]
    assert lines == ["VERSION 1", f"{made}:Props/Toys:Props-Toys"]
    assert str(uuid.UUID(made)) == made
    assert ensure_catalog(tmp_path, "Props/Toys") == made
    assert len((tmp_path / FILE).read_text("utf-8").splitlines()) == len(lines) + 4


def test_what_others_have_written_stays(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(WRITTEN_BY_BLENDER, "utf-8")
    assert ensure_catalog(tmp_path, "Props/Plants") == PLANTS
    assert (tmp_path / FILE).read_text("utf-8") == WRITTEN_BY_BLENDER
    made = ensure_catalog(tmp_path, "Props")
    extended = f"{WRITTEN_BY_BLENDER}\n{made}:Props:Props\n"
    assert (tmp_path / FILE).read_text("utf-8") == extended
    again = ensure_catalog(tmp_path, "Toys")
    assert (tmp_path / FILE).read_text("utf-8") == f"{extended}{again}:Toys:Toys\n"


@pytest.mark.parametrize("path", ["", " / ", "a:b", "a\nb"])
def test_a_path_that_is_none_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be a catalog"):
        ensure_catalog(tmp_path, path)
    assert not (tmp_path / FILE).exists()


def test_a_file_of_another_version_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("VERSION 2\n", "utf-8")
    with pytest.raises(FormatError, match="VERSION 2"):
        ensure_catalog(tmp_path, "Props")
    assert (tmp_path / FILE).read_text("utf-8") == "VERSION 2\n"
    with pytest.raises(InvalidInput, match="cannot be read and written"):
        ensure_catalog(tmp_path / "missing", "Props")


def test_a_blends_catalogs_are_its_librarys_or_the_nearest_above(tmp_path: Path) -> None:
    blend = tmp_path / "library" / "deep" / "a.blend"
    blend.parent.mkdir(parents=True)
    assert library_of(blend, []) == blend.parent
    assert library_of(blend, [tmp_path / "other", tmp_path / "library"]) == tmp_path / "library"
    (tmp_path / FILE).touch()
    assert library_of(blend, []) == tmp_path
