"""How well a base reads schemas that it has never seen, asked in wordings that it has never seen."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

from t2q.data.pairs import Pair, answer_text
from t2q.evaluation.metrics import wilson
from t2q.languages import language_for
from t2q.models import open_model
from t2q.pretrain.corpus import make_document
from t2q.progress import Progress
from t2q.prompt import refusal_reason, render

PAIRS = 8
MAX_NEW_TOKENS = 160


def evaluate(model_folder: Path, seed: int, wanted: int, progress: Progress) -> dict[str, Any]:
    """Shares of exact queries (in normal form) by language, and of questions declined, rightly and wrongly."""
    rng = random.Random(seed)
    right: Counter[str] = Counter()
    total: Counter[str] = Counter()
    with open_model(model_folder) as model, progress.task("evaluating", total=wanted * PAIRS) as task:
        documents = 0
        while documents < wanted:
            document = make_document(rng, PAIRS, split="test")
            prompts = [render(document.database, pair.question) for pair in document.pairs]
            if max(len(model.encode(prompt)) for prompt in prompts) + MAX_NEW_TOKENS > model.max_length:
                continue
            documents += 1
            completions = model.generate(prompts, MAX_NEW_TOKENS)
            for pair, completion in zip(document.pairs, completions, strict=True):
                kind, correct = _verdict(document.dialect, pair, completion.text)
                total[kind] += 1
                right[kind] += correct
            task.advance(PAIRS)
    return {
        kind: {"right": right[kind], "of": n, "share": round(right[kind] / n, 4), "interval": wilson(right[kind], n)}
        for kind, n in sorted(total.items())
    }


def _verdict(dialect: str, pair: Pair, text: str) -> tuple[str, bool]:
    """What the pair counts for (a language's name, or "declined"), and whether the text is right."""
    if not pair.answerable:
        return "declined", refusal_reason(text) is not None
    language = language_for(dialect)
    same = language.normalize(language.extract(text)) == language.normalize(answer_text(pair))
    return language.name, same
