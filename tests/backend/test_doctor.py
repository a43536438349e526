"""What the doctor says beside the rasterizers, which tests/backend/rasterizers covers."""

from __future__ import annotations

from types import SimpleNamespace

import psutil
import pytest

from lucid_blender.backend import doctor


def report() -> dict[str, str]:
    lines, healthy = doctor.report()
    assert healthy
    return {line[:22].strip(): line[22:] for line in lines}


def test_little_memory_is_said_with_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    def memory(gib: int) -> SimpleNamespace:
        return SimpleNamespace(available=gib * doctor.GIB // 2, total=gib * doctor.GIB)

    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory(8))
    assert report()["memory"].startswith("4.0 of 8.0 GiB free. For Stable Diffusion")
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory(32))
    assert report()["memory"] == "16.0 of 32.0 GiB free"


def test_a_missing_package_is_named_and_the_backend_is_not_healthy(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name == "numba":
            raise doctor.importlib.metadata.PackageNotFoundError(name)
        return "1"

    monkeypatch.setattr(doctor.importlib.metadata, "version", version)
    lines, healthy = doctor.report()
    assert not healthy and any("MISSING" in line for line in lines if line.startswith("numba "))
