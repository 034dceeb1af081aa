"""Pairs in the Alpaca form that LitGPT's fine-tuning reads."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from t2q.data.pairs import Pair, answer_text


def write_alpaca(folder: Path, splits: Mapping[str, Sequence[Pair]], database: Callable[[Pair], str]) -> Path:
    """Writes train.json and val.json into `folder`/litgpt, and returns that. `database`: what a pair's prompt shows."""
    out = folder / "litgpt"
    out.mkdir(exist_ok=True)
    for split, name in (("train", "train"), ("validation", "val")):
        rows = [
            {"instruction": pair.question, "input": database(pair), "output": answer_text(pair)}
            for pair in splits[split]
        ]
        (out / f"{name}.json").write_text(json.dumps(rows, ensure_ascii=False, indent=0), "utf-8")
    return out
