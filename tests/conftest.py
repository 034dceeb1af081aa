"""What every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data (Spider, Chinook, Movies…), `data` under `$T2Q_SHARED` or `../shared`; else a skip."""
    root = Path(os.environ.get("T2Q_SHARED") or Path(__file__).parents[2] / "shared")
    if not (root / "data").is_dir():
        pytest.skip(f"no real data: {root / 'data'} is not there (set T2Q_SHARED)")
    return root / "data"
