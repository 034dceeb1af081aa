"""A training's progress, read from the lines of JSON that its process prints."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TextIO

from t2q.progress import Task


class LossReader:
    """Call it with each line: it moves the bar, keeps the losses, and hands on what is to be told.

    `steps` counts those that it was told of. `losses`: an open file that takes one JSON object a line: a step with its
    loss, or with its validation loss. `log` gets notes. Lines that are no JSON (warnings of libraries) are passed over.
    """

    def __init__(self, task: Task, losses: TextIO, log: Callable[[str], None]) -> None:
        self.task, self.losses, self.log = task, losses, log
        self.validation: float | None = None
        self.first_validation: float | None = None
        self.steps = 0

    def __call__(self, line: str) -> None:
        entry = _entry(line)
        if note := entry.get("note"):
            self.log(note)
        if "loss" in entry or "validation" in entry:
            self.losses.write(json.dumps(entry) + "\n")
        if "loss" in entry:
            self.steps += 1
            self.task.advance(1, note=f"loss {entry['loss']:.3f}")
        if "validation" in entry:
            self.validation = entry["validation"]
            self.first_validation = self.first_validation or self.validation


def _entry(line: str) -> dict[str, Any]:
    if not line.startswith("{"):
        return {}
    try:
        entry: dict[str, Any] = json.loads(line)
    except json.JSONDecodeError:
        return {}
    return entry
