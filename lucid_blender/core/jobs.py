"""The job folder as both programs see it: what makes it one, and whether a request can be continued from it."""

from __future__ import annotations

import json
from pathlib import Path

from . import codec
from .messages import Generate, Request
from .options import Gaussians

SETTINGS_FILE = "job.json"
PICTURE_FILE = "image.png"  # the artefact of a job that makes a picture
PREVIEW_FILE = "preview.png"  # what the newest checkpoint looks like from the front


_OLD_INPUTS = {
    "has_initial_mesh": "mesh",
    "has_control_mesh": "control_mesh",
    "has_initial_splats": "splats",
    "has_initial_image": "image",
}


def upgraded(record: object) -> object:
    """What job.json holds, as the present version writes it: version 0.1.0 knew no representation but Gaussians, and
    named the inputs one by one."""
    if not isinstance(record, dict):
        return record
    plain = dict(record)
    named = [name for key, name in _OLD_INPUTS.items() if plain.pop(key, False)]
    plain = {"inputs": named} | plain
    generation = plain.get("generation")
    if isinstance(generation, dict) and isinstance(generation.get("representation"), dict):
        generation = generation | {"representation": {codec.KIND: Gaussians.__name__} | generation["representation"]}
        plain["generation"] = generation
    return plain


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
