"""The job folder as both programs see it: what makes it one, and whether a request can be continued from it."""

from __future__ import annotations

from pathlib import Path

from .messages import Generate, Request

SETTINGS_FILE = "job.json"


def resumable_folder(request: Request | None) -> str:
    """The request's job folder where it exists, or "": `resume` needs at least its settings."""
    if isinstance(request, Generate) and request.job_folder and Path(request.job_folder, SETTINGS_FILE).is_file():
        return request.job_folder
    return ""
