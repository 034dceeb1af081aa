"""The wrong answers of every step, packed for the page's script: each text once, however many steps wrote it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from t2q.evaluation.predictions import Prediction
from t2q.evaluation.report.reading import Evaluation
from t2q.evaluation.report.scores import label

LONGEST = 1500  # characters of a text that are shown

# What a reason is counted under: the first pattern that it matches. The reasons are written by
# evaluation.comparison and, with their `kind` first, by the errors of t2q.errors.
KINDS = (
    ("no query", r"no query"),
    ("cut", r"cut"),
    ("does not parse", r"syntax"),
    ("not read-only", r"not read-only"),
    ("too costly", r"too costly"),
    ("unknown name", r"unknown name"),
    ("timeout", r"timeout"),
    ("execution error", r"execution|failed"),
    ("wrong number of columns", r"(?:\d+|no) columns? where"),
    ("wrong number of rows", r"(?:\d+|no) rows? where|(?:more|fewer) rows"),
    ("wrong order", r".*wrong order"),
    ("wrong values", r"other values"),
)


def kind(answer: Prediction) -> str:
    """The kind of a wrong answer's reason."""
    if not answer.answerable:
        return "answered the unanswerable" if answer.executable else "no answer, but did not decline"
    if answer.declined:
        return "declined"
    told = answer.reason.removeprefix("other rows: ")
    found = (name for name, pattern in KINDS if re.match(pattern, told, re.IGNORECASE))
    return next(found, "other" if answer.executable else "does not run")


@dataclass(frozen=True)
class Reasons:
    """`rows`: a kind, and for each of the steps how many of its answers are wrong in that way."""

    steps: Sequence[str]
    rows: Sequence[tuple[str, Sequence[tuple[str, int]]]]


def reasons(evaluation: Evaluation) -> Reasons | None:
    """Base, tuned and the last GGUF; what tuned does wrong most often first. None where nothing was wrong."""
    steps = [step for step in ("base", "tuned", evaluation.last_gguf) if step in evaluation.answers]
    counts = {step: Counter(kind(a) for a in evaluation.answers[step] if not a.correct) for step in steps}
    found = sum(counts.values(), Counter())
    order = sorted(found, key=lambda name: (-counts.get("tuned", found)[name], -found[name], name))
    rows = [(name, [(step, counts[step][name]) for step in steps]) for name in order]
    return Reasons(steps, rows) if rows else None


def failures(evaluation: Evaluation) -> dict[str, Any]:
    """For the script: steps, questions, texts, and failures that point into all three.

    A failure's `prediction` is what was run, its `text` what the model wrote.
    A question's `outcomes` has a sign for each step: "+" right, "-" wrong, " " not asked.
    """
    steps = [step for step in evaluation.steps if step in evaluation.answers]
    texts: dict[str, int] = {}
    questions: dict[int, dict[str, Any]] = {}
    outcomes: dict[int, dict[str, str]] = {}
    wrong: list[tuple[int, dict[str, Any]]] = []

    def intern(text: str) -> int:
        return texts.setdefault(_cut(text), len(texts))

    for s, step in enumerate(steps):
        for answer in evaluation.answers[step]:
            questions.setdefault(
                answer.id,
                {
                    "question": _cut(answer.question),
                    "intent": answer.intent,
                    "gold": _cut(answer.gold),
                    "answerable": answer.answerable,
                },
            )
            outcomes.setdefault(answer.id, {})[step] = "+" if answer.correct else "-"
            if not answer.correct:
                found = {"prediction": intern(answer.mended or answer.prediction), "text": intern(answer.text)}
                wrong.append((answer.id, {"step": s, "kind": kind(answer), "reason": intern(answer.reason), **found}))
    places = {name: i for i, name in enumerate(questions)}
    for name, question in questions.items():
        question["id"] = name
        question["outcomes"] = "".join(outcomes[name].get(step, " ") for step in steps)
    return {
        "language": evaluation.text("language"),
        "steps": [{"key": step, "label": label(step)} for step in steps],
        "questions": list(questions.values()),
        "texts": list(texts),
        "failures": [{"question": places[name], **failure} for name, failure in wrong],
    }


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} … ({len(text) - LONGEST} more characters)"
