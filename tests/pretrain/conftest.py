"""The script that proves files of written questions, as a module."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def checker() -> ModuleType:
    path = Path(__file__).parents[2] / "scripts" / "check_written.py"
    spec = importlib.util.spec_from_file_location("check_written", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
