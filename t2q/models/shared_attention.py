"""Attention over a prefix that all rows of a batch share, and the tokens that are each row's own.

The prefix's keys and values are kept once, not once a row: for a schema of a thousand tokens that is the difference
between reading some megabytes and some gigabytes at every step. Softmax runs over the scores of both parts together, so
the result is that of plain attention over prefix and own tokens.
"""

from __future__ import annotations

import torch
from torch import Tensor


class SharedPrefix:
    """Keys and values of one prefix, then of a batch of rows that go on from it.

    Shapes: prefix (groups, prefix length, head size), own (rows, groups, capacity, head size), both one a layer.
    `groups` is the number of key-value heads. Rows are of different lengths: `visible` (rows, capacity) says which of
    a row's slots hold one of its tokens.
    """

    def __init__(self) -> None:
        self.prefix: list[tuple[Tensor, Tensor]] = []
        self.own: list[tuple[Tensor, Tensor]] = []
        self.visible: Tensor | None = None  # None while the prefix itself is computed
        self.filled = 0

    def shorten(self, length: int) -> None:
        """Leaves the first tokens of the prefix."""
        self.prefix = [(keys[:, :length], values[:, :length]) for keys, values in self.prefix] if length else []

    def open_rows(self, lengths: Tensor, width: int, capacity: int) -> None:
        """Begins a batch whose rows' own prompts have `lengths` tokens, padded on the right to `width`."""
        slots = torch.arange(capacity, device=lengths.device)
        self.visible = (slots[None] < lengths[:, None]) | (slots[None] >= width)
        self.own = []
        self.filled = 0

    def close_rows(self) -> None:
        """Lets the rows' keys and values go."""
        self.own = []

    def keep_rows(self, rows: Tensor) -> None:
        """Goes on with some of the rows only (indices)."""
        assert self.visible is not None
        self.visible = self.visible[rows]
        self.own = [
            tuple(_kept(cache, rows, self.filled) for cache in layer)  # type: ignore[misc]
            for layer in self.own
        ]

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        """Attention of the new tokens, whose keys and values are stored.

        Shapes: query and result (rows, heads, new, head size), key and value (rows, groups, new, head size). The slots
        advance only when `advance` is called, since every layer attends at the same place.
        """
        if self.visible is None:
            self.prefix.append((key[0], value[0]))
            return torch.nn.functional.scaled_dot_product_attention(
                query, key, value, is_causal=True, scale=scale, enable_gqa=query.shape[1] != key.shape[1]
            )
        if layer == len(self.own):
            self.own.append((self._empty(key), self._empty(value)))
        keys, values = self.own[layer]
        rows, heads, new, size = query.shape
        groups = key.shape[1]
        start, end = self.filled, self.filled + new
        keys[:, :, start:end] = key
        values[:, :, start:end] = value

        # the query heads of one group side by side: (rows, groups, heads of a group * new, head size)
        query = (query * scale).reshape(rows, groups, -1, size)
        scores = (query @ keys[:, :, :end].mT).view(rows, groups, heads // groups, new, end)
        scores = scores.masked_fill(~self._seen(new, end), float("-inf")).view(rows, groups, -1, end)
        if not self.prefix:
            result = _softmax(scores) @ values[:, :, :end]
            return result.reshape(rows, heads, new, size)
        shared_keys, shared_values = self.prefix[layer]
        length = shared_keys.shape[1]
        by_group = query.transpose(0, 1).reshape(groups, -1, size)
        shared_scores = (by_group @ shared_keys.mT).view(groups, rows, -1, length).transpose(0, 1)
        weights = _softmax(torch.cat([shared_scores, scores], dim=-1))
        shared_weights = weights[..., :length].transpose(0, 1).reshape(groups, -1, length)
        result = (shared_weights @ shared_values).view(groups, rows, -1, size).transpose(0, 1)
        return (result + weights[..., length:] @ values[:, :, :end]).reshape(rows, heads, new, size)

    def advance(self, new: int) -> None:
        self.filled += new

    def _empty(self, new: Tensor) -> Tensor:
        assert self.visible is not None
        return new.new_empty(new.shape[0], new.shape[1], self.visible.shape[1], new.shape[3])

    def _seen(self, new: int, end: int) -> Tensor:
        """Which own slots each new token sees: earlier ones of its row and itself; (rows, 1, 1, new, end)."""
        assert self.visible is not None
        slots = torch.arange(end, device=self.visible.device)
        causal = slots[None] <= slots[end - new :, None]
        return (self.visible[:, None, :end] & causal)[:, None, None]


def _softmax(scores: Tensor) -> Tensor:
    return scores.softmax(dim=-1, dtype=torch.float32).to(scores.dtype)


def _kept(cache: Tensor, rows: Tensor, filled: int) -> Tensor:
    kept = cache.new_empty(len(rows), *cache.shape[1:])
    kept[:, :, :filled] = cache[rows, :, :filled]
    return kept
