"""The YAML files of words that questions are put together from."""

from __future__ import annotations

from functools import cache
from typing import Any

from t2q.package_data import read_yaml


@cache
def load_words(name: str) -> dict[str, Any]:
    """A YAML file of this package as it stands."""
    return read_yaml("t2q.data", name)
