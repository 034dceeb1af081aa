"""The scores of one step, from its predictions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from t2q.evaluation.field_verdicts import VERDICTS
from t2q.evaluation.metrics import bootstrap, ngram_matches, trustsql_rs, wilson
from t2q.evaluation.predictions import Prediction


def scores(predictions: Sequence[Prediction]) -> dict[str, Any]:
    """Shares in 0..1, each None where no question counts for it, and KEY_interval, its 95 % interval.

    Intervals are Wilson's where a question counts as a whole, else resampled. execution_accuracy, executable, mended,
    exact_match, token_match, google_bleu, declined_answerable and the field's verdicts are over answerable questions,
    declined_unanswerable over the others, refuted and trustsql_rs_C (penalty C, n: the number of questions) over all.
    mended: the share whose query was put right by the schema before it ran; refuted: that was asked again, since the
    schema has what the model said was not there.
    """
    answerable = [p for p in predictions if p.answerable]
    others = [p for p in predictions if not p.answerable]
    ngrams = [ngram_matches(p.prediction, p.gold) for p in answerable]
    right = sum(p.correct for p in answerable)
    abstained = sum(not p.executable for p in answerable)
    safe = sum(not p.executable for p in others)
    counts = (right + safe, abstained, len(predictions) - right - safe - abstained)
    penalties = {"0": 0, "10": 10, "n": len(predictions)}
    return {
        **_share("execution_accuracy", [p.correct for p in answerable]),
        **_share("executable", [p.executable for p in answerable]),
        **_share("mended", [bool(p.mended) for p in answerable]),
        **_share("refuted", [bool(p.refuted) for p in predictions]),
        **_share("exact_match", [p.exact for p in answerable]),
        **_ratio("token_match", [p.token_match for p in answerable], [1] * len(answerable)),
        **_ratio("google_bleu", [matched for matched, _ in ngrams], [total for _, total in ngrams]),
        **_share("declined_unanswerable", [p.declined for p in others]),
        **_share("declined_answerable", [p.declined for p in answerable]),
        **{name: _mean([p.verdicts.get(name, 0.0) for p in answerable]) for name in VERDICTS},
        **{f"trustsql_rs_{c}": round(trustsql_rs(*counts, penalty), 1) for c, penalty in penalties.items()},
    }


def _share(name: str, values: Sequence[bool]) -> dict[str, Any]:
    interval = [round(x, 4) for x in wilson(sum(values), len(values))] if values else None
    return {name: _mean(values), f"{name}_interval": interval}


def _ratio(name: str, parts: Sequence[float], wholes: Sequence[float]) -> dict[str, Any]:
    whole = sum(wholes)
    interval = [round(x, 4) for x in bootstrap(parts, wholes)] if whole else None
    return {name: round(sum(parts) / whole, 4) if whole else None, f"{name}_interval": interval}


def _mean(values: Sequence[float]) -> float | None:
    return round(sum(values) / len(values), 4) if values else None


def by_intent(predictions: Sequence[Prediction]) -> dict[str, list[int]]:
    """Right answers and questions of each intent of the answerable questions."""
    table: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for p in predictions:
        if p.answerable:
            table[p.intent][0] += p.correct
            table[p.intent][1] += 1
    return dict(sorted(table.items()))
