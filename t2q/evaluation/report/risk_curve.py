"""Risk against coverage as the geometry of one SVG: what share is wrong of the answers given, as more are given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from t2q.evaluation.report.loss_curve import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Point, svg_path
from t2q.evaluation.report.reading import number

LEAST_TOP = 0.1  # risk at the upper edge, so that a few wrong answers do not look like many


@dataclass(frozen=True)
class RiskCurve:
    """Texts for SVG attributes, and the shares that the caption tells, in 0..1."""

    path: str
    x_ticks: Sequence[tuple[float, str]]
    y_ticks: Sequence[tuple[float, str]]
    shipped: Point | None
    """Where the threshold is, None where it lets nothing through."""
    step: str
    asked_for: float | None
    wrong: float | None
    coverage: float | None
    declined: float | None
    precision: float | None
    coverage_at_95: float | None

    width, height = WIDTH, HEIGHT
    left, right, top, bottom = LEFT, WIDTH - RIGHT, TOP, HEIGHT - BOTTOM


def risk_curve(abstention: Mapping[str, Any]) -> RiskCurve | None:
    """None without an answer."""
    points = [(float(share), float(risk)) for share, risk in abstention.get("curve") or []]
    if not points:
        return None
    highest = max(LEAST_TOP, max(risk for _, risk in points))

    def x(share: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * share

    def y(risk: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * risk / highest

    given = round(number(abstention.get("given")) or 0)
    shipped = points[min(given, len(points)) - 1] if given else None
    every = next(step for step in (0.02, 0.05, 0.1, 0.2) if highest / step <= 6)
    return RiskCurve(
        path=svg_path([(x(share), y(risk)) for share, risk in points]),
        x_ticks=[(x(tick / 4), f"{25 * tick} %") for tick in range(5)],
        y_ticks=[(y(i * every), f"{100 * i * every:.0f} %") for i in range(int(highest / every + 1e-9) + 1)],
        shipped=(x(shipped[0]), y(shipped[1])) if shipped else None,
        step=str(abstention.get("step") or ""),
        **{
            key: number(abstention.get(key))
            for key in ("asked_for", "wrong", "coverage", "declined", "precision", "coverage_at_95")
        },
    )
