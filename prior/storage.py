"""Where training state lives, and how it is written so that an interruption leaves the last good copy."""

import os
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

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


def save_halved(network: nn.Module, path: Path) -> None:
    """The weights in half precision, as they are shipped."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: value.half().contiguous() for name, value in network.state_dict().items()}, path)
    path.chmod(0o644)


def load(path: Path) -> dict[str, Any]:
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state
