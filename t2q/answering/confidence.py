"""How sure one may be of an answer, and from where on it is given.

A logistic regression on what can be seen of an answer, fitted on the validation questions of a run
(`evaluation/calibration.py`).
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

from t2q.answering.answer import Answer
from t2q.answering.unsaid import Carried
from t2q.models.base import Completion

CONFIDENCE = "confidence.json"  # its name in the artifact of `evaluate`
SIGNS = ("doubt", "unsaid", "empty")


@dataclass(frozen=True)
class Confidence:
    """`weights` and `centre` are of SIGNS, in their order; an answer is given from the probability `threshold` on.

    `threshold` is above 1 where no answer can be given at the precision that was asked for.
    """

    step: str
    precision: float
    threshold: float
    bias: float
    weights: tuple[float, ...]
    centre: tuple[float, ...]
    carried: Carried

    def of(self, question: str, completion: Completion, answer: Answer) -> float:
        """The probability that the rows of an answer are right, in 0..1."""
        signs = signs_of(question, completion, answer, self.carried)
        terms = (w * (x - c) for w, x, c in zip(self.weights, signs, self.centre, strict=True))
        return 1 / (1 + math.exp(-min(50.0, max(-50.0, self.bias + sum(terms)))))

    def write(self, path: Path) -> None:
        data = asdict(self) | {"carried": sorted(self.carried.words)}
        path.write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Confidence:
        """Raises OSError, or ValueError where the file is damaged."""
        data = json.loads(path.read_text(encoding="utf-8"))
        try:
            carried = Carried(frozenset(data.pop("carried")))
            weights, centre = tuple(data.pop("weights")), tuple(data.pop("centre"))
            return cls(**data, weights=weights, centre=centre, carried=carried)
        except (KeyError, TypeError) as error:
            raise ValueError(f"{path} is damaged: {error}") from None


def signs_of(question: str, completion: Completion, answer: Answer, carried: Carried) -> tuple[float, ...]:
    """What speaks against an answer, each 0 or more: see SIGNS.

    doubt: the root of the mean negative log probability of its tokens; unsaid: words of the question that the query
    lacks; empty: whether nothing was found.
    """
    doubt = math.sqrt(min(2.0, -completion.logprob / max(1, completion.tokens)))
    return doubt, float(carried.unsaid(question, answer.query)), float(not answer.rows)
