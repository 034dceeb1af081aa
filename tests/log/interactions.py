"""Interactions to try a log with."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from t2q.answering.answer import Answer
from t2q.log import store
from t2q.log.interaction import Log, Wanted

START = datetime(2026, 11, 1, 12, tzinfo=timezone.utc)
SHOWN = Answer("SELECT name FROM customers", ("name",), [("Ada",), ("Bo",)], seconds={"write": 0.5, "run": 0.25})
DECLINED = Answer(abstained=True, reason="there are no boats", kind="refused", seconds={"write": 0.5})


class Clock:
    """What a log takes for now: a second later each time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = START
        monkeypatch.setattr(store, "_now", self)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def ask(log: Log, question: str, answer: Answer = SHOWN, **settings: Any) -> str:
    return log.record(question, answer, **{"source": "ask", "schema": "5c", "model": "3d"} | settings)


def questions(log: Log, limit: int | None = None, **wanted: Any) -> list[str]:
    return [found.question for found in log.find(Wanted(**wanted), limit)]
