"""README and docs: what they link to exists, lines are short, and every picture can be made again."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from lucid_blender.backend.pictures import contact_sheet
from lucid_blender.backend.run import PICTURE_GAP, PICTURE_SIZE
from scripts import pictures

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "wheels" / "README.md"])
LINK = re.compile(r"\]\(([^)\s]+)\)")


def without_code(page: Path) -> list[str]:
    """The lines outside of fenced blocks."""
    parts = re.split(r"^```.*$", page.read_text("utf-8"), flags=re.MULTILINE)
    return "\n".join(parts[::2]).splitlines()


def anchors(page: Path) -> set[str]:
    """What GitHub lets one link to: each heading in small letters, its punctuation gone, its spaces hyphens."""
    headings = [line.lstrip("#").strip().lower() for line in without_code(page) if re.match("#+ ", line)]
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in headings}


def dead(page: Path) -> list[str]:
    """The page's relative links that lead nowhere."""
    links = [link for line in without_code(page) for link in LINK.findall(line) if "://" not in link]
    found = []
    for link in links:
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            found.append(link)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_pictures_exist(page: Path) -> None:
    assert dead(page) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_lines_fit_into_120_columns(page: Path) -> None:
    """Tables, links and addresses cannot be broken."""
    long = [line for line in without_code(page) if len(line) > 120]
    assert [line for line in long if not line.startswith(("|", "![")) and " " in line.strip()] == []


def test_every_picture_is_shown_and_can_be_made_again() -> None:
    files = {path.stem for path in (ROOT / "docs" / "images").iterdir()}
    shown = {Path(link).stem for page in PAGES for line in without_code(page) for link in LINK.findall(line)}
    assert files == set(pictures.PICTURES)
    assert files <= shown


def test_the_sides_of_a_turntable_are_its_views_of_front_right_back_and_left() -> None:
    views = [np.full((PICTURE_SIZE, PICTURE_SIZE, 3), k / 255) for k in range(8)]
    found = pictures.sides(contact_sheet(views, 4, PICTURE_GAP))
    assert [np.unique(side).tolist() for side in found] == [[0], [2], [4], [6]]


def test_pixels_are_enlarged_as_squares_and_halved_by_their_mean() -> None:
    small = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    large = pictures.enlarged(small)
    assert large.shape == (192, 192, 3) and (large[1::3, 2::3] == small).all()
    assert (pictures.halved(small.repeat(2, 0).repeat(2, 1)) == small).all()


def test_a_picture_of_a_window_asks_for_a_blender_before_anything_runs(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        pictures.main(["turntable", "window"])
    assert "--blender" in capsys.readouterr().err


def test_an_unknown_picture_lists_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        pictures.main(["nowhere"])
    said = capsys.readouterr().err
    assert all(name in said for name in pictures.PICTURES)
