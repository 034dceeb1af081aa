"""The lists of `words.yaml`, by language."""

from __future__ import annotations

from pathlib import Path

import yaml

WORDLISTS: dict[str, dict[str, str]] = yaml.safe_load(
    (Path(__file__).parent / "words.yaml").read_text(encoding="utf-8")
)
