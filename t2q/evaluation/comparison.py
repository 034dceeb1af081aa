"""The one strict comparison of results behind every execution accuracy that t2q prints.

Two results are the same when they have the same rows:

- as often: duplicates count;
- in the same order only where the gold query asks for one;
- whatever the columns are called and in whatever order they stand, as long as one permutation of the columns fits all
  rows (as in Spider's test suite); the number of columns must be the same, also when there are no rows;
- numbers by value, `1`, `1.0` and `true` alike; with a float among them within `RELATIVE` or `ABSOLUTE`, wide enough
  for a sum taken in another order, and narrow enough to see a cent in ten million;
- text exactly; nothing but null equals null, and NaN equals NaN;
- lists inside cells in any order (`collect` promises none), maps by key;
- a result that the row cap cut equals only one that was cut too; the rows that are there are compared.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from t2q.databases.base import Result

RELATIVE = 1e-9
ABSOLUTE = 1e-9

Row = tuple[Hashable, ...]
SameRows = Callable[[Sequence[Row], Sequence[Row]], bool]


@dataclass(frozen=True)
class Verdict:
    """Whether two results are the same; if not, `reason` is a short phrase about the prediction."""

    ok: bool
    reason: str = ""


def same_result(pred: Result, gold: Result, ordered: bool) -> Verdict:
    """`ordered`: whether the gold query asks for an order of its rows."""
    if len(pred.columns) != len(gold.columns):
        return Verdict(False, f"{_count(len(pred.columns), 'column')} where {len(gold.columns)} expected")
    if pred.truncated != gold.truncated:
        return Verdict(False, f"{'more' if pred.truncated else 'fewer'} rows than the row cap, unlike the gold result")
    if len(pred.rows) != len(gold.rows):
        return Verdict(False, f"{_count(len(pred.rows), 'row')} where {len(gold.rows)} expected")
    mine, theirs = ([tuple(map(plain, row)) for row in result.rows] for result in (pred, gold))
    width = len(gold.columns)
    if columns_fit(mine, theirs, width, same_list if ordered else same_bag):
        return Verdict(True)
    if ordered and columns_fit(mine, theirs, width, same_bag):
        return Verdict(False, "the right rows in the wrong order")
    there = set(mine)
    missing = next((row for row, key in zip(gold.rows, theirs, strict=True) if key not in there), gold.rows[0])
    return Verdict(False, f"other values; expected for example {_short(missing)}")


def plain(cell: Any) -> Hashable:
    """A cell as something that hashes and compares: lists sorted, maps as sorted pairs, NaN as one value."""
    if isinstance(cell, list | tuple):
        return ("list", *sorted(map(plain, cell), key=_key))
    if isinstance(cell, dict):
        return ("map", *((key, plain(cell[key])) for key in sorted(cell)))
    if isinstance(cell, float) and math.isnan(cell):
        return ("nan",)
    return cell


def _key(cell: Hashable) -> tuple[Any, ...]:
    """Sorts cells of mixed types; numbers by value."""
    if isinstance(cell, int | float):
        return (0, cell)
    if isinstance(cell, tuple):
        return (2, *map(_key, cell))
    return (1, type(cell).__name__, str(cell))


def close(a: Hashable, b: Hashable) -> bool:
    """Whether two plain cells are equal, floats within the tolerance."""
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(close, a, b))
    if isinstance(a, int | float) and isinstance(b, int | float) and float in (type(a), type(b)):
        return math.isclose(a, b, rel_tol=RELATIVE, abs_tol=ABSOLUTE)
    return a == b


def same_list(pred: Sequence[Row], gold: Sequence[Row]) -> bool:
    return all(map(close, pred, gold))


def same_bag(pred: Sequence[Row], gold: Sequence[Row]) -> bool:
    """Whether the rows are the same in some order. Rows that are not equal to the bit are paired by closeness."""
    left, right = Counter(pred), Counter(gold)
    rest = sorted((left - right).elements(), key=_key)
    others: dict[Row, list[Row]] = defaultdict(list)
    for row in sorted((right - left).elements(), key=_key):
        others[_exact_part(row)].append(row)
    for row in rest:
        partners = others[_exact_part(row)]
        partner = next((p for p in partners if close(row, p)), None)
        if partner is None:
            return False
        partners.remove(partner)
    return True


def _exact_part(row: Row) -> Row:
    """The row with its numbers blanked: rows that are close agree in it."""
    return tuple(
        _exact_part(cell) if isinstance(cell, tuple) else 0 if isinstance(cell, int | float) else cell for cell in row
    )


def columns_fit(pred: Sequence[Row], gold: Sequence[Row], width: int, same: SameRows) -> bool:
    """Whether a permutation of pred's columns makes the rows the `same` as gold's.

    Columns are assigned from left to right, the one in the same place first; each step compares the rows as far as
    they are assigned, so that a wrong start is given up at once and the search stays far from width! steps.
    """
    if same(pred, gold):
        return True
    columns = [tuple(row[i] for row in pred) for i in range(width)]
    mine = [sorted(column, key=_key) for column in columns]
    theirs = [sorted((row[i] for row in gold), key=_key) for i in range(width)]
    candidates = [[i for i in _nearest(place, width) if _alike(mine[i], theirs[place])] for place in range(width)]

    def assign(chosen: list[int]) -> bool:
        place = len(chosen)
        if place == width:
            return True
        tried = set()
        for i in candidates[place]:
            if i in chosen or columns[i] in tried:
                continue
            tried.add(columns[i])
            rows = list(zip(*(columns[k] for k in [*chosen, i]), strict=True))
            if same(rows, [row[: place + 1] for row in gold]) and assign([*chosen, i]):
                return True
        return False

    return assign([])


def _alike(pred: Sequence[Hashable], gold: Sequence[Hashable]) -> bool:
    """Whether two sorted columns can hold the same values (lists with floats in them may be sorted otherwise)."""
    return all(close(a, b) or isinstance(a, tuple) for a, b in zip(pred, gold, strict=True))


def _nearest(place: int, width: int) -> Iterator[int]:
    yield place
    yield from (i for i in range(width) if i != place)


def _count(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"


def _short(row: tuple[Any, ...]) -> str:
    text = ", ".join(map(repr, row))
    return f"({text if len(text) <= 80 else text[:77] + '...'})"
