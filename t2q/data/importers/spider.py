"""Spider's questions with their SQL, over many SQLite databases, as Yale publishes them.

Questions: JSON, or JSON Lines, of objects with `db_id`, `question` and `query`. Each database is a file
`FOLDER/<db_id>/<db_id>.sqlite`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from t2q.data.importers.plain import GIVEN
from t2q.data.pairs import Pair
from t2q.errors import RecipeError
from t2q.json_lines import json_lines


@dataclass(frozen=True)
class SpiderDatabase:
    """A database with the questions that were asked of it."""

    name: str
    path: Path
    pairs: tuple[Pair, ...]

    @property
    def url(self) -> str:
        return f"sqlite:///{self.path}"


def read_spider(questions: Path, databases: Path) -> Iterator[SpiderDatabase]:
    """The databases in the order in which the file first names them.

    Raises RecipeError where a file is not there or a line is not of that form.
    """
    asked: dict[str, list[Pair]] = {}
    for where, row in _rows(questions):
        try:
            pair = Pair(" ".join(row["question"].split()), " ".join(row["query"].split()).rstrip("; "), GIVEN)
            asked.setdefault(row["db_id"], []).append(pair)
        except (KeyError, TypeError, AttributeError) as error:
            raise RecipeError(f"{where}: not a question of Spider's form: {error!r}") from None
    for name, pairs in asked.items():
        path = databases / name / f"{name}.sqlite"
        if not path.is_file():
            raise RecipeError(f"{questions} asks about {name}, and {path} is not there")
        yield SpiderDatabase(name, path, tuple(pairs))


def _rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each object with its place."""
    try:
        text = path.read_text(encoding="utf-8")
        if text.lstrip().startswith("["):
            yield from ((f"{path}, entry {number}", row) for number, row in enumerate(json.loads(text), 1))
        else:
            yield from ((f"{path}:{number}", row) for number, row in json_lines(text))
    except OSError as error:
        raise RecipeError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise RecipeError(f"{path}: {error}") from None
