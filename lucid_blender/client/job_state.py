"""What the panel shows of the run at work, or of the last one. Operators write it, panels read it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from ..core import messages
from ..core.models import share_in_words
from ..core.pictures import Picture
from .curve import Curve

Phase = Literal["idle", "running", "paused", "stopping", "finished", "cancelled", "failed"]


def with_values(text: str, **values: object) -> str:
    """The text with the values where it has their names; braces of a text without values are its own."""
    return text.format(**values) if values else text


@dataclass
class JobState:
    """The one mutable record of a run; ``begin`` resets it."""

    phase: Phase = "idle"
    title: str = ""  # the prompt, or what is being done
    stage: str = ""
    step: int = 0
    steps: int = 0
    unit: Literal["steps", "bytes"] = "steps"
    seconds_left: float = -1.0
    splats: int = 0
    gradients: Curve = field(default_factory=Curve)  # their norms
    seen: Picture | None = None  # by the network, last
    keeping: bool = False  # told to stop and keep what is there
    network: str = ""
    rasterizer: str = ""
    notices: list[str] = field(default_factory=list)
    message: str = ""  # how it ended
    advice: str = ""
    job_folder: str = ""  # set where `resume` can continue
    began: float = 0.0
    found_models: dict[str, messages.ModelFound] = field(default_factory=dict)  # by source; kept from run to run

    @property
    def busy(self) -> bool:
        return self.phase in ("running", "paused", "stopping")

    @property
    def factor(self) -> float:
        """Share of the steps that is done."""
        return min(self.step / self.steps, 1.0) if self.steps else 0.0

    def begin(self, title: str) -> None:
        fresh = JobState(
            phase="running",
            title=title,
            stage="Starting the backend",
            began=time.monotonic(),
            found_models=self.found_models,
        )
        vars(self).update(vars(fresh))

    def note(self, event: messages.Event) -> None:
        """Take over what an event says."""
        match event:
            case messages.Progress():
                self.stage, self.step, self.steps, self.unit = event.stage, event.step, event.steps, event.unit
                self.seconds_left, self.splats = event.seconds_left, event.splats
                if event.gradient_norm >= 0:
                    self.gradients.add(event.gradient_norm)
            case messages.Notice():
                self.notices.append(event.message)
            case messages.ModelFound():
                self.found_models[event.source] = event
            case messages.Machinery():
                self.network, self.rasterizer = event.network, event.rasterizer
            case messages.Snapshot():
                self.splats = len(event.splats) if event.splats is not None else 0
                self.seen = event.seen
            case messages.Finished():
                self._finish(event)
            case messages.Failed():
                self.fail(event)

    def _finish(self, event: messages.Finished) -> None:
        self.phase, took = "finished", duration(time.monotonic() - self.began)
        self.message = f"Finished in {took}."
        if self.keeping and self.step < self.steps:
            self.message = f"Stopped at step {self.step}/{self.steps} and kept, after {took}."
            self.job_folder = event.job_folder

    def fail(self, failed: messages.Failed) -> None:
        self.phase = "cancelled" if failed.kind == "Cancelled" else "failed"
        self.message, self.advice, self.job_folder = failed.message, failed.advice, failed.job_folder

    def line(self, say: Callable[..., str] = with_values) -> str:
        """One line for the progress bar and the status bar; ``say`` fills a text in, in whatever language."""
        in_bytes = self.unit == "bytes"
        if in_bytes:
            done = share_in_words(self.step, self.steps)
        else:
            done = say("step {step}/{steps}", step=self.step, steps=self.steps)
        if self.phase == "paused":
            return say("Paused at {done}", done=done)
        # Sizes and time fill the bar of a narrow panel, which has the stage above it.
        parts = [done if in_bytes else f"{say(self.stage)}: {done}" if self.step else say(self.stage)]
        if self.seconds_left >= 0:
            parts.append(say("{time} left", time=duration(self.seconds_left)))
        return ", ".join(parts)


def duration(seconds: float) -> str:
    """ "42 s", "3:05 min" or "2:10 h"."""
    whole = max(round(seconds), 0)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02d} h"


state = JobState()
