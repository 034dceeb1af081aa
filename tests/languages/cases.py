"""Input and expected output of the language tests, as data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml


def cases(name: str) -> Any:
    """The content of a fixture file."""
    return yaml.safe_load((Path(__file__).parent / "fixtures" / f"{name}.yaml").read_text(encoding="utf-8"))
