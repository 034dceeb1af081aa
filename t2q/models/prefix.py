"""What a batch of prompts begins with in common: in this project the database's schema, most of every prompt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from t2q.models.base import Model


def common_length(one: Sequence[int], other: Sequence[int]) -> int:
    """The number of tokens that both begin with."""
    shorter = min(len(one), len(other))
    if one[:shorter] == other[:shorter]:
        return shorter
    return next((i for i in range(shorter) if one[i] != other[i]), shorter)


def common_prefix(sequences: Sequence[list[int]]) -> int:
    """The number of tokens that all sequences begin with, leaving each sequence at least one token of its own."""
    if not sequences:
        return 0
    longest = min(map(len, sequences)) - 1
    return max(0, min(longest, common_length(min(sequences), max(sequences))))


@dataclass(frozen=True)
class EncodedPrompts:
    """Token ids: what all prompts begin with, and each one's own rest; and how many tokens each answer may have."""

    prefix: list[int]
    own: list[list[int]]
    limits: list[int]


def encode_prompts(model: Model, prompts: Sequence[str], max_new_tokens: int) -> EncodedPrompts:
    """Splits prompts for a model that computes their common beginning once.

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
    shared = common_prefix(encoded)
    prefix = encoded[0][:shared] if encoded else []
    limits = [min(max_new_tokens, model.max_length - len(ids)) for ids in encoded]
    return EncodedPrompts(prefix, [ids[shared:] for ids in encoded], limits)
