"""What is wrong with a recipe, in words, with the place and what was probably meant."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from t2q.errors import RecipeError
from t2q.recipe_yaml import Document, Place


@dataclass(frozen=True)
class Mistake:
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"

    @property
    def order(self) -> tuple[str, int]:
        """Sorts by file, then line as a number."""
        file, _, line = self.where.rpartition(":")
        return (file, int(line)) if line.isdigit() else (self.where, 0)


def report(mistakes: Iterable[Mistake]) -> RecipeError:
    """One error that names every mistake, a line each."""
    lines = [str(m) for m in sorted(dict.fromkeys(mistakes), key=lambda m: m.order)]
    return RecipeError(lines[0] if len(lines) == 1 else "\n".join([f"{len(lines)} mistakes", *lines]))


# pydantic's error types that a recipe can meet, as a person would say it. {key}, {value} and the error's own context.
_WORDS = {
    "missing": '"{key}" is missing',
    "int_type": "{key} must be a whole number, not {value}",
    "int_parsing": "{key} must be a whole number, not {value}",
    "int_from_float": "{key} must be a whole number, not {value}",
    "float_type": "{key} must be a number, not {value}",
    "float_parsing": "{key} must be a number, not {value}",
    "string_type": "{key} must be text, not {value}",
    "list_type": "{key} must be a list such as [a, b], not {value}",
    "model_type": "{key} must hold keys of its own ({fields}), not {value}",
    "greater_than": "{key} must be more than {gt:g}, not {value}",
    "greater_than_equal": "{key} must be at least {ge:g}, not {value}",
    "less_than": "{key} must be less than {lt:g}, not {value}",
    "less_than_equal": "{key} must be at most {le:g}, not {value}",
    "string_too_long": "{key} must be at most {max_length} characters long",
    "literal_error": "{key} must be {expected}, not {value}",
}
_PATTERNS = {
    "name": "name must start with a letter or digit, then letters, digits, dots, dashes, underscores; not {value}",
    "base": "base must be owner/name such as t2q/pico or Qwen/Qwen2.5-Coder-7B-Instruct, not {value}",
}


def explain(error: ValidationError, document: Document, model: type[BaseModel]) -> list[Mistake]:
    """Every mistake that pydantic found in a document."""
    return [_mistake(e, document, model) for e in error.errors(include_url=False)]


def _mistake(error: Any, document: Document, model: type[BaseModel]) -> Mistake:
    place: Place = error["loc"]
    key = ".".join(str(p) for p in place)
    where = document.where(place)
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return Mistake(where, f'unknown key "{key}"{_suggestion(place, model)}')
    if kind == "value_error":
        return Mistake(where, f"{key}: {context['error']}" if key else str(context["error"]))
    value = json.dumps(error["input"], ensure_ascii=False, default=str)
    pattern = _PATTERNS.get(key) if kind == "string_pattern_mismatch" else _WORDS.get(kind)
    if pattern is None:
        return Mistake(where, f"{key}: {error['msg'][:1].lower()}{error['msg'][1:]}")
    expected = str(context.get("expected", "")).replace("'", "")
    words = {"fields": ", ".join(_fields(model, place)), **context, "expected": expected, "key": key, "value": value}
    near = difflib.get_close_matches(str(error["input"]), re.split(", | or ", expected), n=1)
    return Mistake(where, pattern.format(**words) + (_did_you_mean(near[0]) if near else ""))


def _fields(model: type[BaseModel], place: Place) -> list[str]:
    """The keys that may stand at a place of the model."""
    current: Any = model
    for name in place:
        info = getattr(current, "model_fields", {}).get(name)
        if info is None:
            return []
        current = info.annotation
    return list(getattr(current, "model_fields", {}))


def _suggestion(place: Place, model: type[BaseModel]) -> str:
    """The nearest key of the same part, else this very key elsewhere, else the keys of the part."""
    *parent, name = (str(p) for p in place)
    known = _fields(model, place[:-1])
    if near := difflib.get_close_matches(name, known, n=1):
        return _did_you_mean(".".join([*parent, near[0]]))
    parts: list[Place] = [(), *((k,) for k in model.model_fields)]
    for part in parts:
        if name in _fields(model, part):
            return _did_you_mean(".".join([*map(str, part), name]))
    return f"; known here: {', '.join(known)}"


def _did_you_mean(name: str) -> str:
    return f'; did you mean "{name}"?'
