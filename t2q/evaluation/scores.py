"""The scores of one step, from its predictions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from t2q.evaluation.field_verdicts import VERDICTS
from t2q.evaluation.metrics import google_bleu, trustsql_rs, wilson
from t2q.evaluation.predictions import Prediction


def scores(predictions: Sequence[Prediction]) -> dict[str, Any]:
    """Shares in 0..1, each None where no question counts for it; intervals are Wilson's at 95 %.

    execution_accuracy, executable, mended, exact_match, token_match, google_bleu, declined_answerable and the field's
    verdicts are over answerable questions, declined_unanswerable over the others, trustsql_rs_C (penalty C, n: the
    number of questions) over all. mended: the share whose query was put right by the schema before it ran.
    """
    answerable = [p for p in predictions if p.answerable]
    others = [p for p in predictions if not p.answerable]

    def share(values: Sequence[float]) -> float | None:
        return round(sum(values) / len(values), 4) if values else None

    def interval(values: Sequence[bool]) -> list[float] | None:
        return [round(x, 4) for x in wilson(sum(values), len(values))] if values else None

    right = [p.correct for p in answerable]
    declined = [p.declined for p in others]
    abstained = sum(not p.executable for p in answerable)
    safe = sum(not p.executable for p in others)
    counts = (sum(right) + safe, abstained, len(predictions) - sum(right) - safe - abstained)
    penalties = {"0": 0, "10": 10, "n": len(predictions)}
    bleu = google_bleu([p.prediction for p in answerable], [p.gold for p in answerable]) if answerable else None
    return {
        "execution_accuracy": share(right),
        "execution_accuracy_interval": interval(right),
        "executable": share([p.executable for p in answerable]),
        "mended": share([bool(p.mended) for p in answerable]),
        "exact_match": share([p.exact for p in answerable]),
        "token_match": share([p.token_match for p in answerable]),
        "google_bleu": None if bleu is None else round(bleu, 4),
        "declined_unanswerable": share(declined),
        "declined_unanswerable_interval": interval(declined),
        "declined_answerable": share([p.declined for p in answerable]),
        **{name: share([p.verdicts.get(name, 0.0) for p in answerable]) for name in VERDICTS},
        **{f"trustsql_rs_{c}": round(trustsql_rs(*counts, penalty), 1) for c, penalty in penalties.items()},
    }


def by_intent(predictions: Sequence[Prediction]) -> dict[str, list[int]]:
    """Right answers and questions of each intent of the answerable questions."""
    table: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for p in predictions:
        if p.answerable:
            table[p.intent][0] += p.correct
            table[p.intent][1] += 1
    return dict(sorted(table.items()))
