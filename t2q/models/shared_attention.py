"""Attention over a prefix that all rows share, and the tokens that are each row's own.

The prefix's keys and values are kept once, not once a row: for a schema of a thousand tokens that is the difference
between reading some megabytes and some gigabytes at every step. Softmax runs over the scores of both parts together, so
the result is that of plain attention over prefix and own tokens.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

Saved = list[tuple[Tensor, Tensor]]  # keys and values of one row, (groups, tokens, head size), one pair a layer


class SharedPrefix:
    """Keys and values of one prefix, and of rows that go on from it, each with as many tokens as it has come to.

    Shapes: prefix (groups, prefix length, head size), own (rows, groups, slots, head size), both one a layer. `groups`
    is the number of key-value heads. A row's own tokens fill its slots from the first; what lies behind them is unseen.
    """

    def __init__(self) -> None:
        self.prefix: Saved = []
        self.own: list[tuple[Tensor, Tensor]] = []
        self._most = self._capacity = 0
        self._first = self._end = 0
        self._slots: Tensor | None = None  # None while the prefix itself is computed

    def shorten(self, length: int) -> None:
        """Leaves the first tokens of the prefix."""
        self.prefix = [(keys[:, :length], values[:, :length]) for keys, values in self.prefix] if length else []

    def open_rows(self, most: int, capacity: int) -> None:
        """From now on tokens are those of rows, at most so many, each of at most `capacity` own ones; none yet."""
        self.own, self._most, self._capacity = [], most, capacity

    def close_rows(self) -> None:
        """Lets the rows go; tokens are those of a prefix again."""
        self.own, self._slots = [], None

    def place(self, first: int, starts: Sequence[int], new: int, device: torch.device) -> None:
        """The next `new` tokens are those of the rows from `first` on, which have `starts` own tokens so far."""
        self._first, self._end = first, max(starts) + new
        begin = torch.tensor(starts, device=device)[:, None]
        self._slots = begin + torch.arange(new, device=device)
        self._rows = torch.arange(first, first + len(starts), device=device)[:, None]
        self._unseen = (torch.arange(self._end, device=device) > self._slots[:, :, None])[:, None, None]
        if self.own and first + len(starts) > len(self.own[0][0]):
            for layer, (keys, values) in enumerate(self.own):  # one by one: the old ones are let go
                self.own[layer] = self._more(keys), self._more(values)

    def move(self, sources: Sequence[int], targets: Sequence[int], tokens: int) -> None:
        """Rows take the place of others, with so many tokens."""
        for cache in (tensor for layer in self.own for tensor in layer):
            cache[list(targets), :, :tokens] = cache[list(sources), :, :tokens]

    def saved(self, first: int, lengths: Sequence[int]) -> list[Saved]:
        """The first tokens of the rows from `first` on, to be put into other rows."""
        rows, width = slice(first, first + len(lengths)), max(lengths)
        layers = [(keys[rows, :, :width].clone(), values[rows, :, :width].clone()) for keys, values in self.own]
        return [
            [(keys[row, :, :length], values[row, :, :length]) for keys, values in layers]
            for row, length in enumerate(lengths)
        ]

    def put(self, row: int, saved: Saved) -> None:
        """Makes a row begin with the tokens that were saved of another."""
        for (keys, values), (its_keys, its_values) in zip(self.own, saved, strict=True):
            keys[row, :, : its_keys.shape[1]] = its_keys
            values[row, :, : its_values.shape[1]] = its_values

    def attend(
        self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float, cap: float | None = None
    ) -> Tensor:
        """Attention of the new tokens, whose keys and values are stored where they were placed.

        Shapes: query and result (rows, heads, new, head size), key and value (rows, groups, new, head size).
        `cap`: that of the scores, as Gemma 2 has one.
        """
        if self._slots is None:
            self.prefix.append((key[0], value[0]))
            return causal(query, key, value, scale, cap)
        rows, heads, new, size = query.shape
        groups = key.shape[1]
        if layer == len(self.own):
            self.own.append((self._empty(key), self._empty(value)))
        keys, values = (self._stored(cache, part) for cache, part in zip(self.own[layer], (key, value), strict=True))

        # the query heads of one group side by side: (rows, groups, heads of a group * new, head size)
        query = (query * scale).reshape(rows, groups, -1, size)
        scores = capped(query @ keys.mT, cap).view(rows, groups, heads // groups, new, self._end)
        scores = scores.masked_fill(self._unseen, float("-inf")).view(rows, groups, -1, self._end)
        if not self.prefix:
            return (_softmax(scores) @ values).reshape(rows, heads, new, size)
        shared_keys, shared_values = self.prefix[layer]
        length = shared_keys.shape[1]
        by_group = query.transpose(0, 1).reshape(groups, -1, size)
        shared_scores = capped(by_group @ shared_keys.mT, cap).view(groups, rows, -1, length).transpose(0, 1)
        weights = _softmax(torch.cat([shared_scores, scores], dim=-1))
        shared_weights = weights[..., :length].transpose(0, 1).reshape(groups, -1, length)
        result = (shared_weights @ shared_values).view(groups, rows, -1, size).transpose(0, 1)
        return (result + weights[..., length:] @ values).reshape(rows, heads, new, size)

    def _stored(self, cache: Tensor, new: Tensor) -> Tensor:
        """What the rows that were placed have in a cache, with the new tokens in it."""
        cache[self._rows, :, self._slots] = new.transpose(1, 2)
        return cache[self._first : self._first + len(new), :, : self._end]

    def _empty(self, new: Tensor) -> Tensor:
        return new.new_zeros(self._first + new.shape[0], new.shape[1], self._capacity, new.shape[3])

    def _more(self, cache: Tensor) -> Tensor:
        """Room for the rows that were placed, and half as many again where there may be so many."""
        wanted = min(self._most, (self._first + len(self._rows)) * 3 // 2)
        return torch.cat([cache, cache.new_zeros(wanted - len(cache), *cache.shape[1:])])


def causal(query: Tensor, key: Tensor, value: Tensor, scale: float, cap: float | None = None) -> Tensor:
    """Attention of tokens that see themselves and those before. Shapes and `cap` as `SharedPrefix.attend` has them."""
    if cap is None:
        return torch.nn.functional.scaled_dot_product_attention(
            query, key, value, is_causal=True, scale=scale, enable_gqa=query.shape[1] != key.shape[1]
        )
    key, value = (part.repeat_interleave(query.shape[1] // key.shape[1], dim=1) for part in (key, value))
    future = torch.ones(query.shape[2], query.shape[2], dtype=torch.bool, device=query.device).triu(1)
    return _softmax(capped(query @ key.mT * scale, cap).masked_fill(future, float("-inf"))) @ value


def capped(scores: Tensor, cap: float | None) -> Tensor:
    """Scores or logits, bent so that none is beyond the cap."""
    return scores if cap is None else cap * torch.tanh(scores / cap)


def _softmax(scores: Tensor) -> Tensor:
    return scores.softmax(dim=-1, dtype=torch.float32).to(scores.dtype)
