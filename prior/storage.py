"""Where training state lives, and how it is written so that an interruption leaves the last good copy."""

import os
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parents[1]
STATE = Path(os.environ.get("LUCID_PRIOR_STATE", ROOT / ".cache" / "prior"))
BUILTIN = ROOT / "lucid_blender" / "backend" / "models" / "builtin"
CLASSIFIER = ROOT / "lucid_blender" / "backend" / "models" / "classifier"


def save_atomically(state: dict[str, Any], path: Path) -> None:
    """torch.save to a neighbour, then one rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(path.suffix + ".partial")
    torch.save(state, partial)
    partial.replace(path)


def load(path: Path) -> dict[str, Any]:
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state
