"""What the evaluate stage left in its folder, read and checked once, so that the rest need not ask what is missing."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from t2q.errors import StageError
from t2q.evaluation.predictions import Prediction
from t2q.json_lines import json_lines

Interval = tuple[float, float]


@dataclass(frozen=True)
class Evaluation:
    """report.json, the predictions of each step by the name of the step, and the lines of losses.jsonl in order.

    Shares are in 0..1. A figure that is missing, null or not finite is None.
    """

    report: Mapping[str, Any]
    answers: Mapping[str, Sequence[Prediction]]
    losses: Sequence[Mapping[str, Any]]

    @property
    def steps(self) -> tuple[str, ...]:
        return tuple(_mapping(self.report.get("steps")))

    @property
    def last_gguf(self) -> str:
        """The step that is deployed, the last of the GGUF files; "" where there is none."""
        return next((step for step in reversed(self.steps) if step.startswith("gguf-")), "")

    def text(self, key: str) -> str:
        value = self.report.get(key)
        return "" if value is None else str(value)

    def count(self, key: str) -> int | None:
        value = number(self.report.get(key))
        return None if value is None else int(value)

    def score(self, step: str, key: str) -> float | None:
        return number(self._of("steps", step).get(key))

    def interval(self, step: str, key: str) -> Interval | None:
        """The 95 % interval of a score."""
        bounds = self._of("steps", step).get(f"{key}_interval")
        low, high = (number(b) for b in bounds) if isinstance(bounds, list) and len(bounds) == 2 else (None, None)
        return None if low is None or high is None else (low, high)

    def by_intent(self, step: str) -> dict[str, tuple[int, int]]:
        """Right answers and questions of each intent that has any."""
        counts = self._of("by_intent", step)
        known = {intent: (number(right), number(total)) for intent, (right, total) in counts.items()}
        return {
            intent: (int(right), int(total)) for intent, (right, total) in known.items() if right is not None and total
        }

    def parity(self, step: str, key: str) -> float | None:
        return number(self._of("parity", step).get(key))

    @property
    def merged_onto(self) -> str:
        """After a quantised training, "original" or "rounded": the base that the adapter was merged into; else ""."""
        return str(_mapping(self.report.get("merge")).get("onto") or "")

    def merge_loss(self, onto: str) -> float | None:
        """The validation loss of a merge into that base, where it was tried."""
        return number(_mapping(_mapping(self.report.get("merge")).get("losses")).get(onto))

    @property
    def abstention(self) -> Mapping[str, Any]:
        """What `evaluation.abstention.figures` found; empty where the run did not look."""
        return _mapping(self.report.get("abstention"))

    def guidance(self, way: str, key: str) -> float | None:
        """A figure of `evaluation.guidance.with_and_without`."""
        return number(self._of("guidance", way).get(key))

    def _of(self, key: str, step: str) -> Mapping[str, Any]:
        return _mapping(_mapping(self.report.get(key)).get(step))

    def limit(self, step: str) -> float | None:
        """The share of execution accuracy that a step may lose; a recipe names GGUF steps without the "gguf-"."""
        limits = _mapping(self.report.get("limits"))
        return number(limits.get(step, limits.get(step.removeprefix("gguf-"))))


def number(value: Any) -> float | None:
    """A finite number, else None."""
    known = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if known else None


def read_evaluation(folder: Path) -> Evaluation:
    """Raises StageError where report.json is missing or a file is not what it should be."""
    path = folder / "report.json"
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StageError(f"{path} is missing: run the evaluate stage first") from None
    except ValueError as error:
        raise StageError(f"{path} is not JSON ({error}): run the evaluate stage again") from None
    if not isinstance(report, dict):
        raise StageError(f"{path} holds no JSON object: run the evaluate stage again")
    files = {step: folder / "predictions" / f"{step}.jsonl" for step in _mapping(report.get("steps"))}
    answers = {
        step: [Prediction.from_line(line) for line in _lines(file)] for step, file in files.items() if file.is_file()
    }
    losses = folder / "losses.jsonl"
    return Evaluation(report, answers, _lines(losses) if losses.is_file() else [])


def _lines(path: Path) -> list[Mapping[str, Any]]:
    try:
        return [row for _, row in json_lines(path.read_text(encoding="utf-8"))]
    except ValueError as error:
        raise StageError(f"{path}: {error}: run the stage again") from None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
