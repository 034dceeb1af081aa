"""How often an answer should rather not be given: fitted on the validation questions, measured on the test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from t2q.answering.confidence import Confidence, signs_of
from t2q.answering.unsaid import Carried
from t2q.evaluation.calibration import fit
from t2q.evaluation.examination import Answered
from t2q.evaluation.judge import Judge
from t2q.evaluation.metrics import trustsql_rs
from t2q.evaluation.predictions import Prediction
from t2q.models.base import Completion

PRECISION = 0.95  # at which the field quotes coverage


def calibrate(answered: Sequence[Answered], carried: Carried, precision: float, step: str) -> Confidence:
    """From the answers to the validation questions, database by database."""
    signs, right = [], []
    for judge, completions in answered:
        for number, completion in enumerate(completions):
            answer = judge.read(completion)
            if not answer.abstained:
                signs.append(signs_of(judge.pairs[number].question, completion, answer, carried))
                right.append(judge.judge(number, completion).correct)
    return fit(signs, right, carried, precision, step)


def confidences(judge: Judge, completions: Sequence[Completion], confidence: Confidence) -> list[float | None]:
    """Of each answer to the judge's questions, None where there are no rows."""
    answers = [judge.read(completion) for completion in completions]
    return [
        None if answer.abstained else round(confidence.of(pair.question, completion, answer), 4)
        for pair, completion, answer in zip(judge.pairs, completions, answers, strict=True)
    ]


def figures(predictions: Sequence[Prediction], confidence: Confidence) -> dict[str, Any]:
    """What a user gets who asks the test's questions: shares in 0..1, None where no question counts for one.

    given: answers that are given. wrong: of all questions, those answered wrongly; an answer to a question that has
    none is wrong. coverage: of the answerable ones, those answered. declined: of the others, those not answered.
    precision: of the given answers, the right ones. trustsql_rs_C as in the scores. curve: [share of all questions
    answered, share of those answers that are wrong] as the threshold falls (Geifman and El-Yaniv 2017,
    arXiv:1705.08500), aurc the mean of its risks, coverage_at_95 the largest share answered with at most 5 % of them
    wrong.
    """
    scored = sorted((p for p in predictions if p.confidence is not None), key=lambda p: -(p.confidence or 0))
    given = [p for p in scored if (p.confidence or 0) >= confidence.threshold]
    answerable = sum(p.answerable for p in predictions)
    others = len(predictions) - answerable
    wrong, answered = sum(not p.correct for p in given), sum(p.answerable for p in given)
    right = len(given) - wrong + others - (len(given) - answered)
    curve = _curve([p.correct for p in scored], len(predictions))
    penalties = {"0": 0, "10": 10, "n": len(predictions)}
    return {
        "step": confidence.step,
        "asked_for": confidence.precision,
        "threshold": round(confidence.threshold, 4),
        "given": len(given),
        "wrong": _share(wrong, len(predictions)),
        "coverage": _share(answered, answerable),
        "declined": _share(others - (len(given) - answered), others),
        "precision": _share(len(given) - wrong, len(given)),
        **{
            f"trustsql_rs_{c}": round(trustsql_rs(right, len(predictions) - right - wrong, wrong, penalty), 1)
            for c, penalty in penalties.items()
        },
        "curve": curve,
        "aurc": round(sum(risk for _, risk in curve) / len(curve), 4) if curve else None,
        "coverage_at_95": max((share for share, risk in curve if risk <= 1 - PRECISION + 1e-9), default=0.0),
    }


def _curve(right: Sequence[bool], questions: int) -> list[tuple[float, float]]:
    wrong, curve = 0, []
    for given, correct in enumerate(right, 1):
        wrong += not correct
        curve.append((round(given / questions, 4), round(wrong / given, 4)))
    return curve


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
