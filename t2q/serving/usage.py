"""How many tokens a question and its answer were."""

from __future__ import annotations

from dataclasses import dataclass

from t2q.answering.answer import REFUSED, Answer
from t2q.answering.asker import Asker
from t2q.prompt import refusal, render


@dataclass(frozen=True)
class Usage:
    """In the model's own tokens: of the whole prompt, schema included, and of what the model wrote in the end."""

    prompt: int
    completion: int


def count(asker: Asker, question: str, found: Answer) -> Usage | None:
    """None where the model is not here. What a search for a likelier answer wrote besides is not counted."""
    if asker.model is None:
        return None
    prompt = render(asker.shown.text, question, asker.style)
    written = refusal(found.reason) if found.kind == REFUSED else found.written or found.query
    before = len(asker.model.encode(prompt))
    return Usage(before, len(asker.model.encode(prompt + written)) - before)
