"""A packed row: the tokens that all prompts of a batch begin with, once, then what is each pair's own.

What a model must know of them travels in the upper bits of the token ids: the number of a token's pair, and whether
what follows it is an answer's.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

IGNORE = -100
PAIR_SHIFT = 32  # a token's id is below 2**32; its pair's number stands above it
PREDICTS = 1 << 62  # the token after it is one to predict
FILLING = 1 << 61  # it stands there for the row's length only
_MULTIPLE = 128  # lengths are rounded up to it: for each new one, a CPU's bf16 kernels are made anew, and kept


def pack(samples: list[dict[str, Any]]) -> dict[str, Any]:
    """One row of samples that each hold `input_ids` and `labels` (the prompt masked).

    `input_ids` has shape (1, T). `labels` has the n labels that are not masked, after one that stands for nothing:
    shape (1, n + 1), as the loop compares all labels but the first with all logits but the last.
    """
    prompt = min(int((s["labels"] != IGNORE).int().argmax()) for s in samples)
    shared = _common_prefix([s["input_ids"][: prompt - 1] for s in samples])
    ids, labels = [samples[0]["input_ids"][:shared]], [torch.tensor([IGNORE])]
    for number, sample in enumerate(samples, 1):
        predicted = sample["labels"] != IGNORE
        before = F.pad(predicted[1:], (0, 1)).long() * PREDICTS
        ids.append((sample["input_ids"] + (number << PAIR_SHIFT) + before)[shared:])
        labels.append(sample["labels"][predicted])
    missing = -sum(map(len, labels)) % _MULTIPLE
    rest = _MULTIPLE - (sum(map(len, ids)) + missing) % _MULTIPLE  # at least one: the last token predicts nothing
    # each filling token is a pair of its own, so that its position, behind the prefix, is surely within the context
    filler = (torch.arange(len(samples) + 1, len(samples) + 1 + missing + rest) << PAIR_SHIFT) + FILLING
    filler[:missing] += PREDICTS
    ids.append(filler)
    labels.append(torch.full((missing,), IGNORE))
    counts = {
        key: torch.tensor([s["token_counts"][key] for s in samples]) for key in ("raw", "raw_plus_prompt_template")
    }
    return {"input_ids": torch.cat(ids)[None], "labels": torch.cat(labels)[None], "token_counts": counts}


def _common_prefix(rows: list[Tensor]) -> int:
    length = min(len(row) for row in rows)
    same = torch.stack([row[:length] for row in rows]).eq(rows[0][:length]).all(0)
    return length if bool(same.all()) else int((~same).int().argmax())


def unpack(ids: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Token ids, pairs and positions of a packed row, each of shape (1, T)."""
    pairs = (ids & ~(PREDICTS | FILLING)) >> PAIR_SHIFT
    place = torch.arange(ids.shape[1], device=ids.device)[None]
    shared = (pairs == 0).sum()
    starts = torch.zeros_like(place)
    first = torch.ones_like(pairs, dtype=torch.bool)
    first[:, 1:] = pairs[:, 1:] != pairs[:, :-1]
    starts[first] = place[first]
    starts = starts.cummax(1).values
    positions = torch.where(pairs == 0, place, place - starts + shared)
    return ids & ((1 << PAIR_SHIFT) - 1), pairs, positions
