"""Fixtures of the backend's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from .tiny_models import save_tiny_model


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny random Stable Diffusion."""
    return save_tiny_model(tmp_path_factory.mktemp("models") / "tiny")
