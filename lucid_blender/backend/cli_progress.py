"""Progress on the command line: one line that changes in a terminal, now and then a line elsewhere."""

from __future__ import annotations

import sys

from ..core.messages import Progress
from ..core.models import share_in_words

STEPS_A_LINE = 50
LINES_A_DOWNLOAD = 10


class ProgressLines:
    """What has been shown of one run."""

    def __init__(self) -> None:
        self._shown = -1

    def show(self, event: Progress) -> None:
        if sys.stderr.isatty():
            print(f"\r{in_text(event):<78}", end="", file=sys.stderr, flush=True)
        elif self._is_due(event):
            print(in_text(event), file=sys.stderr, flush=True)

    def _is_due(self, event: Progress) -> bool:
        if event.unit == "steps":
            return event.step % STEPS_A_LINE == 0
        tenth = event.step * LINES_A_DOWNLOAD // max(event.steps, 1)
        due, self._shown = tenth != self._shown, tenth
        return due


def in_text(event: Progress) -> str:
    """ "Distilling: step 3/100, 500 splats, 20 s left"."""
    left = f", {event.seconds_left:.0f} s left" if event.seconds_left >= 0 else ""
    splats = f", {event.splats} splats" if event.splats else ""
    if event.unit == "bytes":
        return f"{event.stage}: {share_in_words(event.step, event.steps)}{left}"
    return f"{event.stage}: step {event.step}/{event.steps}{splats}{left}"
