"""How far two models' outputs are apart on the same tokens: what a conversion may have lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from t2q.errors import ParityError
from t2q.models.base import Model


@dataclass(frozen=True)
class ParityReport:
    """Figures over every token of the prompts.

    `max_difference`: largest absolute difference of two logits. `mean_kl`: mean Kullback-Leibler divergence of the
    second model's next-token distribution from the first's, in nats. `agreement`: share of tokens after which both
    models' first choice is the same.
    """

    tokens: int
    max_difference: float
    mean_kl: float
    agreement: float


@dataclass(frozen=True)
class ParityLimits:
    """What a step may lose; None: any amount."""

    max_difference: float | None = None
    mean_kl: float | None = None
    agreement: float | None = None


@dataclass(frozen=True)
class Reading:
    """What a model makes of one prompt: its token ids, and the logits after each, float32, (len(ids), n_vocab)."""

    prompt: str
    ids: list[int]
    logits: np.ndarray


def read(model: Model, prompts: Sequence[str]) -> list[Reading]:
    """The readings of each prompt, so that the model can be closed before the next is opened."""
    encoded = [(prompt, model.encode(prompt)) for prompt in prompts]
    return [Reading(prompt, ids, model.logits(ids)) for prompt, ids in encoded]


def compare(first: Sequence[Reading], second: Sequence[Reading]) -> ParityReport:
    """Both of the same prompts. Raises ParityError where the models read a prompt as different tokens."""
    differences, divergences, agreements = [], [], []
    for one, other in zip(first, second, strict=True):
        if one.ids != other.ids:
            raise ParityError(f"the two models read the prompt {one.prompt[:60]!r} as different tokens")
        a, b = one.logits, other.logits
        differences.append(float(np.abs(a - b).max()))
        divergences.append(kl_divergence(a, b))
        agreements.append(a.argmax(axis=1) == b.argmax(axis=1))
    divergence = np.concatenate(divergences)
    return ParityReport(
        len(divergence), max(differences), float(divergence.mean()), float(np.concatenate(agreements).mean())
    )


def check_parity(
    first: Sequence[Reading], second: Sequence[Reading], limits: ParityLimits, step: str = ""
) -> ParityReport:
    """Compares; raises ParityError, naming the step, the figure and the limit, where `second` lost too much."""
    report = compare(first, second)
    step = step or "the conversion"
    if limits.max_difference is not None and not report.max_difference <= limits.max_difference:
        raise ParityError(
            f"{step}: logits differ by {report.max_difference:.3g}, allowed are {limits.max_difference:g}"
        )
    if limits.mean_kl is not None and not report.mean_kl <= limits.mean_kl:
        raise ParityError(f"{step}: mean KL divergence is {report.mean_kl:.3g}, allowed are {limits.mean_kl:g}")
    if limits.agreement is not None and not report.agreement >= limits.agreement:
        raise ParityError(
            f"{step}: {report.agreement:.1%} of next tokens agree, at least {limits.agreement:.1%} are asked for"
        )
    return report


def kl_divergence(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """KL(first || second) of each row's softmax, in nats; both (rows, n_vocab) logits, result (rows,)."""
    return np.array(
        [_row_divergence(a.astype(np.float64), b.astype(np.float64)) for a, b in zip(first, second, strict=True)]
    )


def _row_divergence(first: np.ndarray, second: np.ndarray) -> float:
    log_p = first - first.max()
    log_q = second - second.max()
    log_p -= np.log(np.exp(log_p).sum())
    log_q -= np.log(np.exp(log_q).sum())
    return float((np.exp(log_p) * (log_p - log_q)).sum())
