"""Fits how sure one may be of an answer.

A logistic regression whose weights are bounded by sense: no sign speaks for an answer. The threshold is the lowest one
at which, of the answers that are given, no more are wrong than the recipe allows, with one more wrong answer counted
than there were: so the share is kept in expectation on new questions too (conformal risk control, Angelopoulos et al.
2022, arXiv:2208.02814). It is chosen by confidences of fits that had not seen the question.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from t2q.answering.confidence import SIGNS, Confidence
from t2q.answering.unsaid import Carried

FOLDS = 10
PENALTY = 0.3  # on half the squares of the weights, whose inputs have a deviation of about one
LEAST_DEVIATION = 0.1


def fit(
    signs: Sequence[Sequence[float]], right: Sequence[bool], carried: Carried, precision: float, step: str
) -> Confidence:
    """From the signs of answers that were given and whether each was right; `step` is who answered."""
    x, y = np.array(signs, float).reshape(-1, len(SIGNS)), np.array(right, bool)
    centre, deviation = (x.mean(0), x.std(0) + LEAST_DEVIATION) if len(x) else (np.zeros(len(SIGNS)),) * 2
    scaled = (x - centre) / np.where(deviation, deviation, 1)
    fold = np.arange(len(y)) % FOLDS
    unseen = np.zeros(len(y))
    for number in range(min(FOLDS, len(y))):
        bias, weights = _regression(scaled[fold != number], y[fold != number])
        unseen[fold == number] = bias + scaled[fold == number] @ weights
    bias, weights = _regression(scaled, y)
    return Confidence(
        step=step,
        precision=precision,
        threshold=lowest_threshold(expit(unseen), y, precision),
        bias=bias,
        weights=tuple((weights / np.where(deviation, deviation, 1)).tolist()),
        centre=tuple(centre.tolist()),
        carried=carried,
    )


def _regression(x: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """Bias and weights, shape (signs,), none above 0: no sign speaks for an answer."""

    def loss(w: np.ndarray) -> float:
        return float(np.logaddexp(0, (1 - 2 * y) * (w[0] + x @ w[1:])).sum() + PENALTY / 2 * (w**2).sum())

    bounds = [(None, None)] + [(None, 0.0)] * x.shape[1]
    found = minimize(loss, np.zeros(x.shape[1] + 1), method="L-BFGS-B", bounds=bounds).x
    return float(found[0]), found[1:]


def lowest_threshold(confidence: np.ndarray, right: np.ndarray, precision: float) -> float:
    """The lowest confidence from which on (wrong + 1) / (given + 1) is at most 1 - `precision`; 2 where none is."""
    order = np.argsort(-confidence, kind="stable")
    wrong, given = np.cumsum(~right[order]), np.arange(1, len(order) + 1)
    last = np.append(confidence[order][1:] < confidence[order][:-1], True)  # equal ones are given together
    kept = np.flatnonzero(((wrong + 1) <= (1 - precision) * (given + 1) + 1e-9) & last[: len(order)])
    return float(confidence[order][kept[-1]]) if len(kept) else 2.0
