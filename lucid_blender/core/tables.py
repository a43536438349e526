"""A table of props to make: a CSV file whose columns are options, a row a prop; and the report on it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

from .errors import FormatError, InvalidInput
from .option_names import value_of
from .options import Generation
from .whole_files import write_whole_bytes


def _whole(text: str) -> int:
    if not text.removeprefix("-").isdecimal():
        raise InvalidInput(f"{text!r} is not a whole number")
    return int(text)


def _yes_or_no(text: str) -> bool:
    known = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
    if text.lower() not in known:
        raise InvalidInput(f"{text!r} is neither yes nor no")
    return known[text.lower()]


# What api.generate takes as arguments of its own; all other columns are names of options.
ARGUMENTS: dict[str, Callable[[str], object]] = {
    **dict.fromkeys(("prompt", "negative_prompt", "preset", "config", "model"), str),
    **dict.fromkeys(("objective", "initialiser", "representation", "initial_image"), str),
    **dict.fromkeys(("seed", "iterations", "splats"), _whole),
    "mesh": _yes_or_no,
}
REPORT = ("line", "prompt", "state", "seconds", "job_folder", "error")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One prop: what api.generate takes, and options by dotted name; or why the row cannot be read."""

    line: int  # of the file
    arguments: dict[str, object] = field(default_factory=dict)
    options: dict[str, object] = field(default_factory=dict)
    error: InvalidInput | None = None

    @property
    def prompt(self) -> str:
        return str(self.arguments.get("prompt", ""))


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A line of the report."""

    line: int
    prompt: str
    state: str  # "waiting", "finished", "finished before", "failed"
    seconds: float = 0.0
    job_folder: str = ""
    error: str = ""


def read_table(path: Path) -> list[Row]:
    """The rows of a CSV file in UTF-8; an empty cell is not given, and an empty row is none.

    Raises FormatError when it is no table or a column is no option. What is wrong in one row is that row's ``error``.
    """
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise InvalidInput(f"{path} cannot be opened: {error.strerror}", advice="Check the path.") from error
    except UnicodeDecodeError as error:
        raise FormatError(f"{path.name} is not UTF-8 text", advice="Save it as CSV in UTF-8.") from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        names = [name.strip() for name in next(reader, [])]
        _check_columns(names, path)
        rows = [(reader.line_num, cells) for cells in reader]
    except csv.Error as error:
        raise FormatError(f"{path.name}, line {reader.line_num}: {error}", advice="Save it as CSV again.") from error
    return [_row(line, names, cells) for line, cells in rows if any(cell.strip() for cell in cells)]


def write_report(path: Path, outcomes: Sequence[Outcome]) -> None:
    """A CSV file with a line for every row; it appears whole. Raises InvalidInput when it cannot be written."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(REPORT)
    for outcome in outcomes:
        seconds = f"{outcome.seconds:.1f}" if outcome.seconds else ""
        writer.writerow((outcome.line, outcome.prompt, outcome.state, seconds, outcome.job_folder, outcome.error))
    try:
        write_whole_bytes(path, text.getvalue().encode("utf-8"))
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written: {error.strerror}", advice="Choose another folder.") from error


def _check_columns(names: list[str], path: Path) -> None:
    known = {*ARGUMENTS, *(option.name for option in fields(Generation))}
    unknown = [name for name in names if name.split(".")[0] not in known]
    twice = [name for name in names if names.count(name) > 1]
    if not names or unknown or twice:
        what = (
            f"the column {(unknown or twice)[0]!r} is {'no option' if unknown else 'there twice'}" if names else "empty"
        )
        raise FormatError(
            f"{path.name}: {what}",
            advice=f"The first line names the columns: {', '.join(ARGUMENTS)}, or options such as objective.delta_t.",
        )


def _row(line: int, names: list[str], cells: list[str]) -> Row:
    arguments: dict[str, object] = {}
    options: dict[str, object] = {}
    name = ""
    try:
        if len(cells) > len(names):
            raise InvalidInput(f"{len(cells)} cells; there are {len(names)} columns")
        for name, cell in zip(names, cells, strict=False):
            if not (text := cell.strip()):
                continue
            if name in ARGUMENTS:
                arguments[name] = ARGUMENTS[name](text)
            else:
                options[name] = value_of(text)
    except InvalidInput as error:
        where = f"line {line}, {name}" if name else f"line {line}"
        return Row(line=line, arguments=arguments, error=InvalidInput(f"{where}: {error.message}"))
    return Row(line=line, arguments=arguments, options=options)
