"""Tables of props: what a row asks for, and what is wrong with it."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from lucid_blender.core.errors import FormatError, InvalidInput
from lucid_blender.core.tables import Outcome, read_table, write_report


def table(folder: Path, text: str) -> Path:
    path = folder / "props.csv"
    path.write_text(text, "utf-8")
    return path


def test_columns_are_arguments_and_options_and_empty_cells_are_not_given(tmp_path: Path) -> None:
    rows = read_table(
        table(
            tmp_path,
            "\ufeffprompt, seed ,mesh,objective.delta_t,outputs.orbit_video\n"
            '"a red, shiny mug",7,Yes,100,null\n'
            "\n"
            "a blue car,,,,\n",
        )
    )
    first, second = rows
    assert first.arguments == {"prompt": "a red, shiny mug", "seed": 7, "mesh": True} and first.line == 2
    assert first.options == {"objective.delta_t": 100, "outputs.orbit_video": None} and first.error is None
    assert second.arguments == {"prompt": "a blue car"} and not second.options and second.line == 4


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("a mug,seven,no", "line 2, seed: 'seven' is not a whole number"),
        ("a mug,7,perhaps", "line 2, mesh: 'perhaps' is neither yes nor no"),
        ("a mug,7,no,more", "line 2: 4 cells"),
    ],
)
def test_what_is_wrong_in_a_row_is_the_rows_own(tmp_path: Path, row: str, said: str) -> None:
    wrong, right = read_table(table(tmp_path, f"prompt,seed,mesh\n{row}\na car,1,no\n"))
    assert wrong.error is not None and wrong.error.message.startswith(said)
    assert right.error is None and right.arguments == {"prompt": "a car", "seed": 1, "mesh": False}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("prompt,colour\na,b\n", "'colour' is no option"),
        ("prompt,seed,seed\na,1,2\n", "'seed' is there twice"),
        ('prompt\n"a\n', "line"),
    ],
)
def test_what_is_no_table_is_refused_as_a_whole(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(FormatError, match=said) as caught:
        read_table(table(tmp_path, text))
    assert caught.value.advice


def test_a_file_that_is_missing_or_binary_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be opened"):
        read_table(tmp_path / "missing.csv")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00prompt")
    with pytest.raises(FormatError, match="not UTF-8"):
        read_table(tmp_path / "binary.csv")


def test_a_report_is_a_table_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    outcome = Outcome(line=2, prompt='a "red", mug', state="failed", seconds=1.25, error="no\nway")
    write_report(path, [outcome])
    with path.open(newline="", encoding="utf-8") as stream:
        (found,) = csv.DictReader(stream)
    assert found == {
        "line": "2",
        "prompt": 'a "red", mug',
        "state": "failed",
        "seconds": "1.2",
        "job_folder": "",
        "error": "no\nway",
    }
    with pytest.raises(InvalidInput, match="cannot be written"):
        write_report(tmp_path / "missing" / "report.csv", [outcome])
