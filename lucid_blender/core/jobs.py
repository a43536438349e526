"""The job folder as both programs see it: what makes it one, and whether a request can be continued from it."""

from __future__ import annotations

import json
from pathlib import Path

from . import codec
from .messages import Generate, Request

SETTINGS_FILE = "job.json"


def resumable_folder(request: Request | None) -> str:
    """The request's job folder where that job is in it, or "": another job may be the reason why this one failed."""
    if not isinstance(request, Generate) or not request.job_folder:
        return ""
    try:
        settings = json.loads(Path(request.job_folder, SETTINGS_FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return ""
    if not isinstance(settings, dict):
        return ""
    same = request.resume or settings.get("generation") == codec.to_plain(request.generation)
    return request.job_folder if same else ""
