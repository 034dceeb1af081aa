"""What a batch of prompts begins with in common: in this project the database's schema, most of every prompt."""

from __future__ import annotations

from collections.abc import Sequence

from t2q.models.base import Model


def common_prefix(sequences: Sequence[list[int]]) -> int:
    """The number of tokens that all sequences begin with, leaving each sequence at least one token of its own."""
    if not sequences:
        return 0
    low, high = min(sequences), max(sequences)
    longest = min(map(len, sequences)) - 1
    return next((i for i in range(longest) if low[i] != high[i]), max(longest, 0))


def encode_prompts(model: Model, prompts: Sequence[str]) -> tuple[list[list[int]], int]:
    """The token ids of the prompts and the length of their common prefix.

    Raises ValueError on a prompt that leaves no room for an answer.
    """
    encoded = [model.encode(prompt) for prompt in prompts]
    for prompt, ids in zip(prompts, encoded, strict=True):
        if not ids:
            raise ValueError("a prompt is empty: there is nothing to answer")
        if len(ids) >= model.max_length:
            raise ValueError(
                f"a prompt has {len(ids)} tokens and the model takes {model.max_length}, answer included: "
                f"show fewer tables or sample values (the prompt begins {prompt[:40]!r})"
            )
    return encoded, common_prefix(encoded)
