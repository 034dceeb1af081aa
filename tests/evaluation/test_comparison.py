"""The strict comparison of results."""

import random
import time
from collections import Counter
from itertools import permutations
from typing import Any

import pytest

from t2q.databases.base import Result
from t2q.evaluation.comparison import same_result

NAN = float("nan")


def result(*rows: Any, width: int | None = None, truncated: bool = False) -> Result:
    """A result of these rows; a row that is no tuple is a single cell."""
    plain = [row if isinstance(row, tuple) else (row,) for row in rows]
    names = tuple(f"c{i}" for i in range(width if width is not None else len(plain[0]) if plain else 1))
    return Result(names, plain, truncated)


SAME = {
    "rows in another order": (result(1, 2, 3), result(3, 1, 2)),
    "columns in another order": (result((1, "a"), (2, "b")), result(("b", 2), ("a", 1))),
    "integer and float": (result(3), result(3.0)),
    "boolean and number": (result((True, False)), result((1, 0))),
    "rounding of a sum": (result(0.1 + 0.2), result(0.3)),
    "rounding of a large sum": (result(1234567.8900000001), result(1234567.89)),
    "rounding near zero": (result(1e-12), result(0.0)),
    "integer against a float beside it": (result(3), result(3.0000000001)),
    "rounding among equal rows": (result((1, 0.1 + 0.2), (1, 0.3)), result((1, 0.3), (1, 0.1 + 0.2))),
    "null": (result(None, 1), result(1, None)),
    "not a number": (result(NAN), result(NAN)),
    "lists in another order": (result((["b", "a", "a"],)), result((["a", "b", "a"],))),
    "rounding inside a list": (result(([0.1 + 0.2, 1],)), result(([1, 0.3],))),
    "maps": (result(({"a": 1, "b": [2, 1]},)), result(({"b": [1, 2], "a": 1.0},))),
    "both empty": (result(), result()),
    "both cut": (result(1, truncated=True), result(1, truncated=True)),
}
DIFFERENT = {
    "a duplicate too many": (result(1, 1, 2), result(1, 2), "3 rows where 2 expected"),
    "other duplicates": (result(1, 1, 2), result(1, 2, 2), "other values"),
    "a column too many": (result((1, 2)), result(1), "2 columns where 1 expected"),
    "no rows": (result(), result(1), "no rows where 1 expected"),
    "a cent in a million": (result(1234567.90), result(1234567.89), "other values"),
    "text and number": (result("3"), result(3), "other values"),
    "letter case": (result("Ada"), result("ada"), "other values"),
    "null and zero": (result(None), result(0), "other values"),
    "null and empty text": (result(None), result(""), "other values"),
    "null and not a number": (result(None), result(NAN), "other values"),
    "cells of a row swapped in one row only": (result((1, 2), (3, 4)), result((1, 2), (4, 3)), "other values"),
    "columns that fit one by one but not together": (
        result((1, 1), (2, 2)),
        result((1, 2), (2, 1)),
        "other values; expected for example (1, 2)",
    ),
    "list lengths": (result((["a"],)), result((["a", "a"],)), "other values"),
    "list and text": (result((["a"],)), result("a"), "other values"),
    "empty of another width": (result(width=2), result(width=1), "2 columns where 1 expected"),
    "one of them cut": (result(1, truncated=True), result(1), "more rows than the row cap"),
}


@pytest.mark.parametrize("name", SAME)
def test_same(name: str) -> None:
    pred, gold = SAME[name]
    assert same_result(pred, gold, ordered=False).ok
    assert same_result(gold, pred, ordered=False).ok


@pytest.mark.parametrize("name", DIFFERENT)
def test_different(name: str) -> None:
    pred, gold, reason = DIFFERENT[name]
    verdict = same_result(pred, gold, ordered=False)
    assert not verdict.ok
    assert verdict.reason.startswith(reason)
    assert not same_result(gold, pred, ordered=False).ok


def test_order_counts_where_gold_asks_for_it() -> None:
    pred, gold = result((1, "a"), (2, "b")), result(("b", 2), ("a", 1))
    verdict = same_result(pred, gold, ordered=True)
    assert (verdict.ok, verdict.reason) == (False, "the right rows in the wrong order")
    assert same_result(result((2, "b"), (1, "a")), gold, ordered=True).ok
    assert same_result(result(0.1 + 0.2, 1), result(0.3, 1.0), ordered=True).ok


def test_column_names_do_not_count() -> None:
    assert same_result(Result(("n",), [(1,)]), Result(("count(*)",), [(1,)]), ordered=False).ok


@pytest.mark.parametrize("values", [2, 3, 1000])
@pytest.mark.parametrize("rows", [9, 1000])
def test_wide_results_are_quick(rows: int, values: int) -> None:
    """Twelve alike columns have 479 million permutations; the search must not walk through them."""
    rng = random.Random(values * rows)
    gold = [tuple(rng.randrange(values) for _ in range(12)) for _ in range(rows)]
    places = rng.sample(range(12), 12)
    pred = [tuple(row[i] for i in places) for row in rng.sample(gold, rows)]
    first = [row[0] for row in pred]
    broken = [(cell, *row[1:]) for row, cell in zip(pred, rng.sample(first, rows), strict=True)]
    start = time.monotonic()
    assert same_result(result(*pred), result(*gold), ordered=False).ok
    same_result(result(*broken), result(*gold), ordered=False)
    assert time.monotonic() - start < 5


def test_many_rounded_rows_are_quick() -> None:
    rng = random.Random(0)
    gold = [tuple(rng.random() for _ in range(4)) for _ in range(1000)]
    pred = [tuple(cell * (1 + 1e-13) for cell in row) for row in rng.sample(gold, 1000)]
    start = time.monotonic()
    assert same_result(result(*pred), result(*gold), ordered=False).ok
    assert time.monotonic() - start < 5


def test_agrees_with_trying_every_permutation() -> None:
    rng = random.Random(0)
    seen = set()
    for _ in range(2000):
        width, height = rng.randint(1, 4), rng.randint(0, 4)
        gold = [tuple(rng.choice([0, 1, "a", None]) for _ in range(width)) for _ in range(height)]
        places = rng.sample(range(width), width)
        pred = [tuple(row[i] for i in places) for row in rng.sample(gold, height)]
        if pred and rng.random() < 0.6:
            pred[0] = tuple(rng.choice([cell, 1]) for cell in pred[0])
        permuted = [[tuple(row[i] for i in order) for row in pred] for order in permutations(range(width))]
        bags, lists = any(Counter(p) == Counter(gold) for p in permuted), gold in permuted
        assert same_result(result(*pred, width=width), result(*gold, width=width), ordered=False).ok is bags
        assert same_result(result(*pred, width=width), result(*gold, width=width), ordered=True).ok is lists
        seen.add((bags, lists))
    assert len(seen) == 3
