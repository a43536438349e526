"""What this environment offers, and what to do about what it does not."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
from pathlib import Path

from ..core.model_files import find_cached, hub_cache
from ..core.models import KNOWN
from ..core.options import ShapE
from ..core.requirements import POINT_E, REQUIRED

GIB = 2**30
ADVISED_MEMORY, ADVISED_GPU_MEMORY = 15, 7  # GiB; machines of 16 and 8 show a little less


def report() -> tuple[list[str], bool]:
    """Lines to read, and whether the backend can run."""
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    lines = [f"{'python':<21} {platform.python_version()} on {machine}"]
    missing = []
    for name in (requirement.name for requirement in REQUIRED):
        try:
            lines.append(f"{name:<21} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            lines.append(f"{name:<21} MISSING: install it into this environment")
            missing.append(name)
    if not missing:
        lines += _device_lines() + _memory_lines() + _initialiser_lines()
    lines.append(f"{'disk':<21} {shutil.disk_usage(Path.home()).free / GIB:.1f} GiB free")
    lines.append(f"{'model cache':<21} {_cache()}")
    return lines, not missing


def _cache() -> str:
    """Where models of the hub are kept, and which of those on offer are there."""
    folder = hub_cache(os.environ)
    there = [model.name for model in KNOWN if find_cached(model.id, "", folder)]
    if not there:
        return f"{folder}, no model on offer yet: `models` lists them; the built-in one needs no cache"
    return f"{folder}, with {' and '.join(there)}"


def _device_lines() -> list[str]:
    import torch
    from transformers.utils import logging

    logging.set_verbosity_error()  # it misses packages that nothing here needs

    from .diffusion import BUILTIN_FOLDER, choose_device
    from .rasterizers.selection import adapted, select

    device = choose_device("auto")
    name = torch.cuda.get_device_name() if device.type == "cuda" else ""
    found = (BUILTIN_FOLDER / "model_index.json").is_file()
    return [
        f"{'network':<21} {device.type} {name}".rstrip(),
        f"{'rasterizer':<21} {select('auto', device)}",
        *(f"{name:<21} {offer}" for name, offer in adapted()),
        f"{'built-in model':<21} {'found' if found else 'MISSING: install Lucid Dreamer again'}",
    ]


def _memory_lines() -> list[str]:
    import psutil  # accelerate brings it
    import torch

    memory = psutil.virtual_memory()
    lines = [("memory", memory.available, memory.total, ADVISED_MEMORY, "close other programs during runs")]
    if torch.cuda.is_available():
        free, total = torch.cuda.mem_get_info()
        lines.append(("memory of the GPU", free, total, ADVISED_GPU_MEMORY, "half precision and one view a step"))
    return [
        f"{name:<21} {free / GIB:.1f} of {total / GIB:.1f} GiB free"
        + (f". For Stable Diffusion {wanted} GiB are better: {advice}" if total < wanted * GIB else "")
        for name, free, total, wanted, advice in lines
    ]


def _initialiser_lines() -> list[str]:
    """The networks that a run can start from; nothing else needs them."""
    from huggingface_hub import try_to_load_from_cache

    source = ShapE().source
    found = isinstance(try_to_load_from_cache(source, "model_index.json"), str)
    shap_e = "in the cache" if found else "not in the cache: downloaded when the initialiser shap-e is first used"
    try:
        point_e = importlib.metadata.version(POINT_E.name)
    except importlib.metadata.PackageNotFoundError:
        point_e = f"not installed. {POINT_E.advice}"
    return [f"{source:<21} {shap_e}", f"{POINT_E.name:<21} {point_e}"]
