"""The YAML files of words that questions are put together from."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import yaml


@cache
def load_words(name: str) -> dict[str, Any]:
    """A YAML file of this package as it stands."""
    return parse_yaml(files("t2q.data").joinpath(name).read_text(encoding="utf-8"))


def parse_yaml(text: str) -> dict[str, Any]:
    """By libyaml where it is there, which is ten times as fast."""
    data: dict[str, Any] = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return data
