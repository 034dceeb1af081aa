"""promoted.jsonl of a run: pairs that were made of judged answers, for the next training.

Lines as `data/importers/plain.py` reads them, each with the id of its interaction and when that was judged.
"""

from __future__ import annotations

import json
from collections.abc import Container, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from t2q.durable import whole_file
from t2q.errors import LogError
from t2q.json_lines import json_lines

PROMOTED = "promoted.jsonl"


@dataclass(frozen=True)
class PromotedPair:
    """`query` is "" where the question cannot be answered; `reason` then says why. `judged`: ISO 8601, in UTC."""

    question: str
    query: str
    reason: str
    id: str
    judged: str


def read_promoted(run: Path) -> list[PromotedPair]:
    """None of them where nothing was promoted. Raises LogError where the file was made by something else."""
    path = run / PROMOTED
    if not path.is_file():
        return []
    try:
        return [_pair(row, line) for line, row in json_lines(path.read_text(encoding="utf-8"))]
    except ValueError as error:
        raise LogError(f"{path} is not as `t2q log promote` writes it: {error}; move it away") from None


def _pair(row: dict[str, Any], line: int) -> PromotedPair:
    names = {field.name for field in fields(PromotedPair)}
    if row.keys() != names or not all(isinstance(value, str) for value in row.values()):
        raise ValueError(f"line {line} has not {', '.join(sorted(names))}, each of them text")
    return PromotedPair(**row)


def write_promoted(run: Path, pairs: Sequence[PromotedPair]) -> None:
    """No file where there are no pairs."""
    path = run / PROMOTED
    if not pairs:
        path.unlink(missing_ok=True)
        return
    with whole_file(path) as file:
        file.writelines(json.dumps(asdict(pair), ensure_ascii=False) + "\n" for pair in pairs)


def without(run: Path, ids: Container[str]) -> int:
    """Takes out the pairs that were made of some interactions; their number."""
    pairs = read_promoted(run)
    kept = [pair for pair in pairs if pair.id not in ids]
    if len(kept) < len(pairs):
        write_promoted(run, kept)
    return len(pairs) - len(kept)
