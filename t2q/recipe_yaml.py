"""YAML with line numbers: reading, laying one part over another, `--set` overrides."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from t2q.errors import RecipeError

Place = tuple[str | int, ...]
_KEY_TAGS = ("tag:yaml.org,2002:str", "tag:yaml.org,2002:merge")


class _Loader(yaml.SafeLoader):
    """Safe YAML in which 1e-3 is a number, as in YAML 1.2 and everywhere else; in YAML 1.1 it is text."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9][0-9_]*(\.[0-9_]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


@dataclass
class Document:
    """Plain data and where each of its keys was written ("recipes/sql.yaml:12", "--set train.epochs=3")."""

    data: dict[str, Any]
    places: dict[Place, str] = field(default_factory=dict)

    def where(self, place: Place) -> str:
        """Of the key or, where that is not written anywhere, of the nearest part that holds it."""
        while place not in self.places and place:
            place = place[:-1]
        return self.places[place]

    def without(self, key: str) -> Document:
        return Document({k: v for k, v in self.data.items() if k != key}, self.places)

    def put(self, place: Place, value: Any, where: dict[Place, str]) -> Document:
        """A copy with `value` merged in at `place`; `where` says where its parts were written, by full place."""
        data = copy.deepcopy(self.data)
        target: dict[Any, Any] = data
        for name in place[:-1]:
            if not isinstance(target.get(name), dict):
                target[name] = {}
            target = target[name]
        if place:
            target[place[-1]] = _merge(target.get(place[-1]), value)
        else:
            data = _merge(data, value)
        return Document(data, {**self.places, **where})


def _merge(below: Any, above: Any) -> Any:
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return copy.deepcopy(above)
    return {**below, **{k: _merge(below.get(k), v) for k, v in above.items()}}


def overlay(document: Document, part: tuple[str, str]) -> Document:
    """The document with one of its profiles merged over the top level, and without its profiles."""
    value = document.data[part[0]][part[1]]
    where = {p[2:]: w for p, w in document.places.items() if p[:2] == part and len(p) > 2}
    return document.without(part[0]).put((), value, where)


@dataclass(frozen=True)
class Override:
    """`--set key.sub=value`."""

    text: str
    place: Place
    value: Any

    def apply(self, document: Document) -> Document:
        prefixes = [self.place[: i + 1] for i in range(len(self.place))]
        new = {p: f"--set {self.text}" for p in prefixes if p == self.place or p not in document.places}
        return document.put(self.place, self.value, new)


def parse_override(text: str) -> Override:
    """The value is YAML: `3` a number, `null` nothing, `[a, b]` a list. Raises RecipeError."""
    key, equals, value = text.partition("=")
    if not equals or not all(key.split(".")):
        raise RecipeError(f"--set {text}: write it as key=value, for example --set train.epochs=3")
    try:
        return Override(text, tuple(key.split(".")), yaml.load(value, Loader=_Loader))
    except yaml.YAMLError:
        raise RecipeError(f"--set {text}: the value is not valid YAML") from None


def read_yaml(path: Path) -> Document:
    """Reads a mapping. Raises RecipeError with the line where the file is not there or not a YAML mapping."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise RecipeError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = "not UTF-8 text" if isinstance(error, UnicodeDecodeError) else error.strerror
        raise RecipeError(f"{path}: cannot be read: {reason}") from None
    places: dict[Place, str] = {(): f"{path}:1"}
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode):
            raise RecipeError(f"{path}:1: a recipe is a mapping of keys to values, such as `name: shop-sql`")
        _collect(node, (), path, places)
        data = loader.construct_document(node)
    except RecursionError:
        raise RecipeError(f"{path}:1: not valid YAML: an alias holds itself") from None
    except yaml.MarkedYAMLError as error:
        line = (error.problem_mark or error.context_mark).line + 1  # type: ignore[union-attr]
        raise RecipeError(f"{path}:{line}: not valid YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise RecipeError(f"{path}: not valid YAML: {error}") from None
    finally:
        loader.dispose()
    return Document(data, places)


def _collect(node: yaml.Node, place: Place, path: Path, places: dict[Place, str]) -> None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            where = f"{path}:{key.start_mark.line + 1}"
            if key.tag not in _KEY_TAGS:
                raise RecipeError(f"{where}: a key must be text; put it in quotes if it is")
            inner: Place = (*place, key.value)
            if inner in places:
                name, line = ".".join(map(str, inner)), places[inner].rpartition(":")[2]
                raise RecipeError(f"{where}: {name} is written twice, first on line {line}")
            places[inner] = where
            _collect(value, inner, path, places)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            inner = (*place, index)
            places[inner] = f"{path}:{value.start_mark.line + 1}"
            _collect(value, inner, path, places)
