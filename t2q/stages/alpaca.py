"""Pairs in the Alpaca form that LitGPT's fine-tuning reads."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from t2q.data.pairs import Pair, answer_text

LOSS_PAIRS = 100  # of validation: enough to see the loss fall; taking it on all would lengthen the training by a sixth


def write_alpaca(folder: Path, splits: Mapping[str, Sequence[Pair]], database: Callable[[Pair], str]) -> Path:
    """Writes train.json and val.json into `folder`/litgpt, and returns that. `database`: what a pair's prompt shows.

    Of validation, which only measures the training here, about LOSS_PAIRS evenly taken ones.
    """
    step = max(1, len(splits["validation"]) // LOSS_PAIRS)
    splits = {**splits, "validation": splits["validation"][::step]}
    out = folder / "litgpt"
    out.mkdir(exist_ok=True)
    for split, name in (("train", "train"), ("validation", "val")):
        rows = [
            {"instruction": pair.question, "input": database(pair), "output": answer_text(pair)}
            for pair in splits[split]
        ]
        (out / f"{name}.json").write_text(json.dumps(rows, ensure_ascii=False, indent=0), "utf-8")
    return out
