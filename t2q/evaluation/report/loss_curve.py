"""The loss curve as the geometry of one SVG: train and validation loss over the steps of the training, log scale."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from t2q.evaluation.report.reading import number

WIDTH, HEIGHT = 560, 300
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 12, 34  # room for the axes
MOST_POINTS = 300  # more would only make the file larger
SMALLEST = 1e-4  # a loss of 0 has no logarithm

Point = tuple[float, float]


@dataclass(frozen=True)
class LossCurve:
    """Texts for SVG attributes, and the figures that the caption tells."""

    train: str
    trend: str
    validation: Sequence[tuple[float, float, float, float]]
    """x, y, step, loss of each validation."""
    x_ticks: Sequence[tuple[float, str]]
    y_ticks: Sequence[tuple[float, str]]
    first: float | None
    last: float | None
    last_validation: float | None
    steps: int

    width, height = WIDTH, HEIGHT
    left, right, top, bottom = LEFT, WIDTH - RIGHT, TOP, HEIGHT - BOTTOM

    @property
    def validation_path(self) -> str:
        return svg_path([(x, y) for x, y, _, _ in self.validation])


def loss_curve(lines: Sequence[Mapping[str, Any]]) -> LossCurve | None:
    """None without a finite loss."""
    train, validation = _train(lines), _validation(lines)
    if not train and not validation:
        return None
    values = [max(loss, SMALLEST) for _, loss in train + validation]
    last_step = max(max(step for step, _ in train + validation), 1.0)
    low, high = math.log10(min(values)), math.log10(max(values))
    low, high = (low - 0.05, high + 0.05) if high - low > 0.05 else (low - 0.1, high + 0.1)

    def x(step: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * step / last_step

    def y(loss: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (high - math.log10(max(loss, SMALLEST))) / (high - low)

    def path(points: Sequence[Point]) -> str:
        return svg_path([(x(step), y(loss)) for step, loss in points])

    thin = _thin(train)
    return LossCurve(
        train=path(thin),
        trend=path(_trend(thin)),
        validation=[(x(step), y(loss), step, loss) for step, loss in validation],
        x_ticks=[(x(tick), f"{tick:,.0f}") for tick in _round_steps(last_step)],
        y_ticks=[(y(tick), f"{tick:g}") for tick in _round_losses(10**low, 10**high)],
        first=train[0][1] if train else None,
        last=_trend(thin)[-1][1] if train else None,
        last_validation=validation[-1][1] if validation else None,
        steps=int(last_step),
    )


def _train(lines: Sequence[Mapping[str, Any]]) -> list[Point]:
    found = ((number(line.get("step")), number(line.get("loss"))) for line in lines)
    return [(step, loss) for step, loss in found if step is not None and loss is not None]


def _validation(lines: Sequence[Mapping[str, Any]]) -> list[Point]:
    found = ((number(line.get("step")), number(line.get("validation"))) for line in lines)
    return [(step, loss) for step, loss in found if step is not None and loss is not None]


def _thin(points: Sequence[Point]) -> list[Point]:
    """At most MOST_POINTS, each the mean of the points that it stands for."""
    size = math.ceil(len(points) / MOST_POINTS) or 1
    groups = [points[i : i + size] for i in range(0, len(points), size)]
    return [(sum(s for s, _ in g) / len(g), sum(v for _, v in g) / len(g)) for g in groups]


def _trend(points: Sequence[Point]) -> list[Point]:
    """The mean over a window of a twelfth of the points, centred, cut off at both ends."""
    half = len(points) // 24
    found = []
    for i, (step, _) in enumerate(points):
        window = points[max(0, i - half) : i + half + 1]
        found.append((step, sum(loss for _, loss in window) / len(window)))
    return found


def svg_path(points: Sequence[Point]) -> str:
    return " ".join(f"{'L' if i else 'M'}{x:.1f} {y:.1f}" for i, (x, y) in enumerate(points))


def _round_steps(last: float) -> list[float]:
    """Steps of 1, 2 or 5 times a power of ten, four to eight of them."""
    scale = 10 ** math.floor(math.log10(last / 4)) if last >= 4 else 1
    every = max(n * scale for n in (1, 2, 5) if n * scale <= max(last / 4, 1))
    return [every * i for i in range(int(last / every) + 1)]


def _round_losses(low: float, high: float) -> list[float]:
    """Round losses between the two, the closest grid that has no more than eight."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks: list[float] = []
    for digits in (range(1, 10), (1, 2, 5), (1,)):
        ticks = [n * 10.0**power for power in powers for n in digits if low <= n * 10.0**power <= high]
        if len(ticks) <= 8:
            break
    return ticks
