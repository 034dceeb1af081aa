"""LitGPT's losses, read from what it prints."""

from __future__ import annotations

import json
import math
import re
from typing import Any, TextIO

from t2q.errors import StageError
from t2q.progress import Task

_STEP = re.compile(r"Epoch (\d+) \| iter (\d+) step (\d+) \| loss train: ([\d.naninf]+), val: (\S+) \|")
_FINAL = re.compile(r"Final evaluation \| val loss: ([\d.naninf]+)")


class LossReader:
    """Call it with each line: it moves the bar, keeps the losses, and stops a training that has gone wrong.

    `steps` counts those that it was told of. `losses`: an open file that takes one JSON object a step: step, loss and,
    where it was taken, validation.
    """

    def __init__(self, task: Task, losses: TextIO) -> None:
        self.task, self.losses = task, losses
        self.validation: float | None = None
        self.steps = 0

    def __call__(self, line: str) -> None:
        if final := _FINAL.search(line):
            self.validation = self._finite("validation", final[1])
            self._write({"validation": self.validation})
        if match := _STEP.search(line):
            step, loss = int(match[3]), self._finite("training", match[4])
            entry: dict[str, Any] = {"step": step, "loss": loss}
            if match[5] != "n/a":
                entry["validation"] = self._finite("validation", match[5])
            self._write(entry)
            self.steps += 1
            self.task.advance(1, note=f"loss {loss:.3f}")

    def _finite(self, which: str, text: str) -> float:
        value = float(text)
        if not math.isfinite(value):
            raise StageError(f"the {which} loss is {text}: lower train.learning_rate in the recipe")
        return value

    def _write(self, entry: dict[str, Any]) -> None:
        self.losses.write(json.dumps(entry) + "\n")
