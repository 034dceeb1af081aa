"""What every route of one server shares."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request

from t2q.answering.asker import Asker
from t2q.serving.answering import Answering
from t2q.serving.health import Health
from t2q.serving.keeping import Keeping
from t2q.serving.metrics import Metrics
from t2q.serving.settings import Settings


@dataclass(frozen=True)
class Served:
    asker: Asker
    settings: Settings
    metrics: Metrics
    keeping: Keeping
    answering: Answering
    health: Health
    name: str
    """What the run is called."""
    started: int
    """In seconds since 1970."""

    @property
    def models(self) -> tuple[str, str]:
        """As OpenAI's clients name them: what answers in words, and what answers with the query alone."""
        return self.name, f"{self.name}:query"


def served(request: Request) -> Served:
    found: Served = request.app.state.served
    return found
