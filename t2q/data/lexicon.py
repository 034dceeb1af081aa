"""English words by kind: what made-up schemas are named with, and what real ones are asked for in vain."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import yaml


@cache
def lexicon() -> dict[str, list[str]]:
    """Word lists by kind, underscores as written in the file."""
    text = files("t2q.data").joinpath("lexicon.yaml").read_text(encoding="utf-8")
    return {kind: line.split() for kind, line in yaml.safe_load(text).items()}
