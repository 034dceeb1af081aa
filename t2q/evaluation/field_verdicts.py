"""What the published benchmarks would say of a prediction, so that our numbers can stand beside theirs.

Each function follows the named project's own code on two results; none of them is the accuracy that t2q goes by
(`comparison.same_result` is).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from t2q.databases.base import Result
from t2q.evaluation.comparison import Row, columns_fit, plain


def _rows(result: Result) -> list[Row]:
    return [tuple(map(plain, row)) for row in result.rows]


def bird_ex(pred: Result, gold: Result) -> bool:
    """BIRD's execution accuracy: equal sets of rows; duplicates and row order do not count, column order does."""
    return set(_rows(pred)) == set(_rows(gold))


def spider_test_suite(pred: Result, gold: Result, ordered: bool) -> bool:
    """Spider's test suite on one database: equal bags (lists, where gold is `ordered`) under a column permutation.

    No float tolerance. Two empty results are equal whatever their columns. (Upstream also strips DISTINCT from both
    queries unless told to keep it, and asks for a match on several databases.)
    """
    mine, theirs = _rows(pred), _rows(gold)
    if not mine and not theirs:
        return True
    if len(mine) != len(theirs) or len(pred.columns) != len(gold.columns):
        return False
    return columns_fit(mine, theirs, len(gold.columns), _equal_lists if ordered else _equal_bags)


def _equal_lists(pred: Sequence[Row], gold: Sequence[Row]) -> bool:
    return list(pred) == list(gold)


def _equal_bags(pred: Sequence[Row], gold: Sequence[Row]) -> bool:
    return Counter(pred) == Counter(gold)


def soft_f1(pred: Result, gold: Result) -> float:
    """BIRD's Soft-F1, in 0..1: duplicates dropped, rows paired by position, cells matched by membership in the row."""
    mine, theirs = list(dict.fromkeys(_rows(pred))), list(dict.fromkeys(_rows(gold)))
    if not mine and not theirs:
        return 1.0
    matched = only_pred = only_gold = 0.0
    for a, b in zip(mine, theirs, strict=False):
        matched += sum(cell in b for cell in a) / len(b)
        only_pred += sum(cell not in b for cell in a) / len(b)
        only_gold += sum(cell not in a for cell in b) / len(b)
    only_pred += max(0, len(mine) - len(theirs))
    only_gold += max(0, len(theirs) - len(mine))
    return 2 * matched / (2 * matched + only_pred + only_gold) if matched else 0.0


def sql_eval_exact(pred: Result, gold: Result, ordered: bool = False) -> bool:
    """sql-eval's exact match. `ordered`: the *question* asks for an order (upstream looks for words in it)."""
    return _table(pred.columns, _rows(pred), ordered) == _table(gold.columns, _rows(gold), ordered)


def sql_eval_subset(pred: Result, gold: Result, ordered: bool = False) -> bool:
    """sql-eval's subset match: every column of gold is found, by its values, in the prediction (rtol 1e-5).

    An empty gold result never matches.
    """
    mine, theirs = _rows(pred), _rows(gold)
    if not theirs:
        return False
    chosen: list[int] = []
    for place in range(len(gold.columns)):
        wanted = _sorted([row[place] for row in theirs])
        found = (
            i for i in range(len(pred.columns)) if i not in chosen and _near(_sorted([row[i] for row in mine]), wanted)
        )
        match = next(found, None)
        if match is None:
            return False
        chosen.append(match)
    picked = [tuple(row[i] for i in chosen) for row in mine]
    left, right = (_table(gold.columns, rows, ordered) for rows in (picked, theirs))
    return len(left) == len(right) and all(map(_near, left, right))


def _table(columns: Sequence[str], rows: list[Row], ordered: bool) -> list[Row]:
    """Duplicates dropped, columns sorted by name, rows sorted unless `ordered`."""
    places = sorted(range(len(columns)), key=lambda i: columns[i])
    table = [tuple(row[i] for i in places) for row in dict.fromkeys(rows)]
    return table if ordered else _sorted(table)


def _sorted(values: list[Any]) -> list[Any]:
    def key(value: Any) -> tuple[Any, ...]:
        if isinstance(value, tuple):
            return (2, *map(key, value))
        return (0, value) if isinstance(value, int | float) else (1, value is None, str(value))

    return sorted(values, key=key)


def _near(a: Sequence[Any], b: Sequence[Any]) -> bool:
    def near(x: Any, y: Any) -> bool:
        numbers = isinstance(x, int | float) and isinstance(y, int | float)
        return math.isclose(x, y, rel_tol=1e-5, abs_tol=1e-8) if numbers else x == y

    return len(a) == len(b) and all(map(near, a, b))


VERDICTS: dict[str, Callable[[Result, Result, bool], float]] = {
    "bird_ex": lambda pred, gold, _: bird_ex(pred, gold),
    "spider_test_suite": spider_test_suite,
    "soft_f1": lambda pred, gold, _: round(soft_f1(pred, gold), 4),
    "sql_eval_exact": sql_eval_exact,
    "sql_eval_subset": sql_eval_subset,
}


def field_verdicts(pred: Result, gold: Result, ordered: bool) -> dict[str, float]:
    """All of them, in 0..1, by name. `ordered`: gold has ORDER BY, which our questions have where they ask for it."""
    return {name: verdict(pred, gold, ordered) for name, verdict in VERDICTS.items()}
