"""The lists of `words.yaml`, by language."""

from __future__ import annotations

from t2q.package_data import read_yaml

WORDLISTS: dict[str, dict[str, str]] = read_yaml("t2q.guiding", "words.yaml")
