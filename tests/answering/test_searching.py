"""The likeliest query is found although the greedy one took another turn."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from t2q.answering.searching import EMPTY, FAILS, Evidence, Search, Trials, no_evidence
from t2q.databases import Database, open_database
from t2q.guiding import Guide, Guided
from t2q.models.base import Completion, Then
from t2q.models.queue import Queue
from t2q.schema import Entity, Field, Schema

TABLES = Schema(
    "sql",
    "sqlite",
    (Entity("items", (Field("name", "text"),)), Entity("orders", (Field("number", "text"), Field("total", "float")))),
)
WORDS = ["SELECT", " name", " number", " total", ",", " FROM", " items", " orders", " I", None]


class Chained:
    """Writes words by their chances after the last one; all others have one in a million."""

    def __init__(self, chances: dict[str, dict[str | None, float]]) -> None:
        self.chances = chances
        self.asked = 0

    def generate(
        self,
        prompts: Sequence[str],
        limit: int,
        on_done: Callable[[int], None] | None = None,
        guide: Callable[[], Guided] | None = None,
        then: Then | None = None,
    ) -> list[Completion]:
        text = lambda ids: "".join(WORDS[i] or "" for i in ids)  # noqa: E731
        queue = Queue([limit] * len(prompts), WORDS.__getitem__, text, guide, then, on_done)
        while queue:
            self.asked += 1
            [row] = queue.take()
            answer = row.answer
            while not answer.ended:
                after = self.chances.get(str(WORDS[answer.written[-1]]) if answer.written else "", {})
                logits = np.log([after.get(word, 1e-6) for word in WORDS]).astype(np.float32)
                token = answer.choose(int(logits.argmax()), logits, 0.0)
                answer.add(token, float(logits[token]), WORDS[token] is None)
            queue.ended(row)
        return queue.completions()


def searched(model: Chained, evidence: Evidence = no_evidence) -> Completion:
    search = Search(evidence)
    model.generate(["?"], 9, guide=Guide(TABLES).begin, then=lambda _, found: search.then(found))
    return search.best


AFTER = {"": {"SELECT": 1.0}, " items": {None: 1.0}, " orders": {None: 1.0}}


@pytest.mark.parametrize(
    ("chances", "greedy", "best", "asked"),
    [
        (  # it meant orders throughout, and stumbled over the first column
            {"SELECT": {" name": 0.6, " total": 0.4}, " name": {" FROM": 1.0}, " total": {" FROM": 1.0},
             " FROM": {" orders": 0.9, " items": 0.01}},
            "SELECT name FROM items", "SELECT total FROM orders", 1,
        ),
        (  # the likeliest turn is not the one that leads furthest
            {"SELECT": {" name": 0.4, " number": 0.31, " total": 0.29}, " name": {" FROM": 1.0},
             " number": {" FROM": 0.2}, " total": {" FROM": 1.0}, " FROM": {" orders": 0.9, " items": 0.01}},
            "SELECT name FROM items", "SELECT total FROM orders", 2,
        ),
        (  # sure of what it says
            {"SELECT": {" name": 0.9, " total": 0.1}, " name": {" FROM": 1.0}, " FROM": {" items": 0.9}},
            "SELECT name FROM items", "SELECT name FROM items", 0,
        ),
        (  # a refusal is no query that is likelier
            {"": {"SELECT": 0.51, " I": 0.49}, "SELECT": {" name": 0.2}, " name": {" FROM": 1.0},
             " FROM": {" items": 0.9}},
            "SELECT name FROM items", "SELECT name FROM items", 0,
        ),
    ],
)  # fmt: skip
def test_the_likeliest_query_is_kept(
    chances: dict[str, dict[str | None, float]], greedy: str, best: str, asked: int
) -> None:
    model = Chained(AFTER | chances)
    [first] = model.generate(["?"], 9, guide=Guide(TABLES).begin)
    assert (first.text, model.asked) == (greedy, 1)
    found = searched(model)
    assert (found.text, model.asked) == (best, 2 + asked)
    assert found.logprob >= first.logprob


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A table of items that is empty, and one order."""
    with contextlib.closing(sqlite3.connect(tmp_path / "some.sqlite")) as made, made:
        made.execute("CREATE TABLE items (name TEXT)")
        made.execute("CREATE TABLE orders (number TEXT, total REAL)")
        made.execute("INSERT INTO orders VALUES ('A1', 7.5)")
    with open_database(f"sqlite:///{tmp_path}/some.sqlite") as opened:
        yield opened


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT number FROM orders", 0.0),
        ("SELECT COUNT(*) FROM orders", 0.0),
        ("SELECT name FROM items", EMPTY),
        ("SELECT COUNT(*) FROM items", EMPTY),
        ("SELECT MAX(total) FROM orders WHERE total > 8", EMPTY),
        ("SELECT price FROM items", FAILS),
        ("DELETE FROM items", FAILS),
    ],
)
def test_what_a_result_says_about_a_query(database: Database, query: str, said: float) -> None:
    assert Trials(database, database.schema())(query) == said


@pytest.mark.parametrize(("chance", "best"), [(0.4, "SELECT number FROM orders"), (0.01, "SELECT name FROM items")])
def test_a_query_that_returns_something_is_kept_unless_it_is_much_less_likely(
    database: Database, chance: float, best: str
) -> None:
    model = Chained(AFTER | {"SELECT": {" name": 0.6, " number": chance}, " name": {" FROM": 1.0},
                             " number": {" FROM": 1.0}, " FROM": {" items": 0.5, " orders": 0.5}})  # fmt: skip
    [first] = model.generate(["?"], 9, guide=Guide(TABLES).begin)
    assert first.text == "SELECT name FROM items"
    assert searched(model, Trials(database, database.schema())).text == best
