"""What each conversion after the fine-tuning cost, against what the recipe allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from t2q.evaluation.report.reading import Evaluation, Interval
from t2q.evaluation.report.scores import ACCURACY, label, points

_ROUNDING = 1e-9  # a loss equal to the limit is within it, however the two were rounded
_TICK = 0.05


@dataclass(frozen=True)
class Conversion:
    """One step, held against the tuned weights on the same questions.

    `lost` and `allowed` are shares of execution accuracy; `now_wrong` and `now_right` count the answerable questions
    that changed sides. `divergence` is in nats, `difference` in logits. None: not known; the tuned weights themselves
    have lost nothing and are allowed nothing.
    """

    step: str
    accuracy: float
    interval: Interval | None
    lost: float | None
    allowed: float | None
    now_wrong: int | None
    now_right: int | None
    agreement: float | None
    divergence: float | None
    difference: float | None

    @property
    def within(self) -> bool | None:
        """Whether the loss is within the limit; None where either is not known."""
        return None if self.lost is None or self.allowed is None else self.lost <= self.allowed + _ROUNDING

    @property
    def told(self) -> str:
        if self.lost is None or self.allowed is None:
            return label(self.step)
        return f"{label(self.step)} lost {points(self.lost)} points, {points(self.allowed)} are allowed"


@dataclass(frozen=True)
class Conversions:
    """The steps from tuned on, and the part of the accuracy axis, `low` to `high`, that shows them apart.

    `checked`: there are conversions, and every one could be held against its limit.
    """

    steps: Sequence[Conversion]
    low: float
    high: float
    tuned: float | None
    checked: bool

    def place(self, share: float) -> str:
        """Where an accuracy stands on the axis, as a CSS percentage."""
        return f"{100 * min(1.0, max(0.0, (share - self.low) / (self.high - self.low))):.2f}%"

    @property
    def ticks(self) -> list[float]:
        """Three to six round accuracies, both ends among them where they fit."""
        spread = round((self.high - self.low) / _TICK)
        every = next(n for n in (1, 2, 4, 5, 10) if spread / n <= 5)
        return [self.low + i * every * _TICK for i in range(spread // every + 1)]

    @property
    def exceeded(self) -> list[Conversion]:
        return [step for step in self.steps if step.within is False]


def conversions(evaluation: Evaluation) -> Conversions:
    tuned = evaluation.score("tuned", ACCURACY)
    steps = [_conversion(evaluation, step, tuned) for step in evaluation.steps if step != "base"]
    known = [step for step in steps if step is not None]
    reached = [bound for step in known for bound in (step.interval or (step.accuracy, step.accuracy))]
    floors = [tuned - step.allowed for step in known if tuned is not None and step.allowed is not None]
    low = max(0.0, _TICK * int(min([*reached, *floors, 0.95]) / _TICK - _ROUNDING))
    high = min(1.0, _TICK * (int(max([*reached, low + 2 * _TICK]) / _TICK - _ROUNDING) + 1))
    held = [step.step for step in known if step.within is not None]
    checked = bool(held) and held == [step for step in evaluation.steps if step not in ("base", "tuned")]
    return Conversions(known, low, high, tuned, checked)


def _conversion(evaluation: Evaluation, step: str, tuned: float | None) -> Conversion | None:
    accuracy = evaluation.score(step, ACCURACY)
    if accuracy is None:
        return None
    converted = step != "tuned"
    now_wrong, now_right = _changed(evaluation, step) if converted else (None, None)
    return Conversion(
        step,
        accuracy,
        evaluation.interval(step, ACCURACY),
        lost=tuned - accuracy if converted and tuned is not None else None,
        allowed=evaluation.limit(step) if converted else None,
        now_wrong=now_wrong,
        now_right=now_right,
        agreement=evaluation.parity(step, "argmax_agreement"),
        divergence=evaluation.parity(step, "mean_kl"),
        difference=evaluation.parity(step, "max_abs_logit_difference"),
    )


def _changed(evaluation: Evaluation, step: str) -> tuple[int | None, int | None]:
    """Answerable questions that tuned had right and the step has wrong, and the other way round."""
    if "tuned" not in evaluation.answers or step not in evaluation.answers:
        return None, None
    before = {answer.id: answer.correct for answer in evaluation.answers["tuned"]}
    pairs = [(before[a.id], a.correct) for a in evaluation.answers[step] if a.answerable and a.id in before]
    return pairs.count((True, False)), pairs.count((False, True))
