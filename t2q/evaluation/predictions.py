"""What a step answered and how it was judged: predictions/STEP.jsonl, one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Prediction:
    """One line. `text` is what the model wrote, `prediction` the query in it; `reason` says why it is not correct.
    `mended` is the query that was run where the schema put the model's right, `refuted` the refusal that the schema
    refuted, so that the model was asked again; else "".

    `declined`: the model itself said that it does not know; a query that fails is `executable` false instead.
    `logprob` is the natural logarithm of the text's probability, `finished` whether the text came to its end.
    `verdicts` are those of `field_verdicts`, where there are rows to judge. `confidence`: the probability that the rows
    are right as the run tells it, None where there are none or the step was not asked for it.
    """

    id: int
    question: str
    intent: str
    answerable: bool
    gold: str
    text: str
    prediction: str
    correct: bool
    reason: str
    executable: bool
    declined: bool
    exact: bool = False
    token_match: float = 0.0
    finished: bool = True
    logprob: float = 0.0
    verdicts: dict[str, float] = field(default_factory=dict)
    mended: str = ""
    refuted: str = ""
    confidence: float | None = None

    @classmethod
    def from_line(cls, line: Mapping[str, Any]) -> Prediction:
        """What a page shows of a line, read with whatever it lacks empty."""
        text = {
            key: str(line.get(key) or "")
            for key in ("question", "intent", "gold", "text", "prediction", "reason", "mended")
        }
        truth = {key: line.get(key) is True for key in ("answerable", "correct", "executable", "declined")}
        return cls(id=line.get("id", 0), **text, **truth)  # type: ignore[arg-type]


def write_predictions(path: Path, predictions: Iterable[Prediction]) -> None:
    lines = (json.dumps(asdict(p), ensure_ascii=False) for p in predictions)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
