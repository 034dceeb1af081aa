"""What the guide is worth and what it costs: the same questions to the same model without it and with it, greedily, and
as a run asks them, where other ways that the answer could have gone are tried on the database."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from t2q.evaluation.examination import Examination
from t2q.evaluation.judge import Judge
from t2q.evaluation.predictions import Prediction
from t2q.guiding import Guide, Guided
from t2q.models import Model

COMPARED = 96  # at most, so that a large model need not answer a long test three times
TOGETHER = 16
WAYS = ("free", "guided", "searched")

Begin = Callable[[], Guided]


def with_and_without(
    examination: Examination, model: Model, step: str, searched: Sequence[Prediction]
) -> dict[str, dict[str, Any]]:
    """Figures by the names of WAYS. `searched` are the verdicts on the answers as a run gives them, to all questions.

    questions: how many were asked. execution_accuracy: of the answerable ones, in 0..1. invalid: of all, those whose
    query does not parse, names what is not there, or fails. tokens_per_second: of greedy writing, both ways by turns.
    """
    seconds = {"free": 0.0, "guided": 0.0}
    tokens = dict.fromkeys(seconds, 0)
    told: dict[str, list[Prediction]] = {way: [] for way in WAYS}
    room = examination.room(model)
    for judge, first, numbers, begin in _batches(examination, model, room):
        prompts = [examination.prompt(judge.pairs[n]) for n in numbers]
        told["searched"] += [searched[first + n] for n in numbers]
        model.generate(prompts, 1)  # what they begin with is read now, on nobody's time
        for way, guide in {"free": None, "guided": begin}.items():
            start = time.perf_counter()
            completions = model.generate(prompts, room, lambda n: examination.advance(n, note=step), guide)
            seconds[way] += time.perf_counter() - start
            tokens[way] += sum(completion.tokens for completion in completions)
            told[way] += [judge.judge(n, completion) for n, completion in zip(numbers, completions, strict=True)]
    rates = {way: {"tokens_per_second": round(tokens[way] / taken, 1)} for way, taken in seconds.items() if taken}
    return {way: _figures(told[way]) | rates.get(way, {}) for way in WAYS if told[way]}


def _batches(examination: Examination, model: Model, room: int) -> Iterator[tuple[Judge, int, list[int], Begin]]:
    """Questions that fit, a judge's together: the judge, the number of its first question among all, theirs among the
    judge's, and its guide."""
    first, left = 0, COMPARED
    for judge in examination.judges:
        begin = Guide(judge.schema).begin
        most = model.max_length - room
        fitting = [n for n, pair in enumerate(judge.pairs) if len(model.encode(examination.prompt(pair))) <= most][
            :left
        ]
        for start in range(0, len(fitting), TOGETHER):
            yield judge, first, fitting[start : start + TOGETHER], begin
        first, left = first + len(judge.pairs), left - len(fitting)


def _figures(predictions: Sequence[Prediction]) -> dict[str, Any]:
    answerable = [p for p in predictions if p.answerable]
    return {
        "questions": len(predictions),
        "execution_accuracy": round(sum(p.correct for p in answerable) / len(answerable), 4) if answerable else None,
        "invalid": round(sum(not p.executable and not p.declined for p in predictions) / len(predictions), 4),
    }
