"""Attention over a packed row on a CPU, by plain products: only scores that count are computed.

A pair sees the prefix and itself. With a mask, a kernel computes every pair's scores with every other's as well and
throws them away, which is more than half of a packed row; and PyTorch's fused kernel for CPUs is slow backwards. Here
all tokens' scores with the prefix are one product, each pair's with itself a small one beside it, and both halves of a
row go through one softmax. Scores and weights are held until the backward pass, (heads, T, prefix + longest pair).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

_MULTIPLE = 32  # a pair's room is rounded up to it: for each new shape, a CPU's kernels are made anew, and kept


@dataclass(frozen=True)
class PairRows:
    """A packed row as one row per pair: R pairs, each in a room of L tokens.

    `places` says which token stands in each place of the rooms (any where none does), shape (R * L,); `rooms` which
    place each token of a pair has, shape (own,). Before those tokens stand the `shared` ones of the prefix, behind them
    filling, which sees the prefix and gets no gradient.
    """

    shared: int
    width: int
    places: Tensor
    rooms: Tensor

    @classmethod
    def of(cls, pairs: Tensor, tokens: int) -> PairRows:
        """From each token's pair, shape (T,): 0 for the prefix, then 1, 1, …, 2, 2, …; from `tokens` on, filling."""
        own = pairs[:tokens]
        shared = int((own == 0).sum())
        own = own[shared:] - 1
        lengths = torch.bincount(own)
        width = -(-int(lengths.max()) // _MULTIPLE) * _MULTIPLE
        order = torch.arange(len(own), device=own.device)
        rooms = own * width + order - (lengths.cumsum(0) - lengths)[own]
        places = torch.zeros(len(lengths) * width, dtype=torch.long, device=own.device)
        places[rooms] = order + shared
        return cls(shared, width, places, rooms)

    @property
    def own(self) -> slice:
        """The tokens of pairs in the row."""
        return slice(self.shared, self.shared + len(self.rooms))

    def gather(self, x: Tensor) -> Tensor:
        """Each pair's own room: (heads, T, D) to (heads * R, L, D)."""
        return x.index_select(1, self.places).view(-1, self.width, x.shape[-1])

    def scatter(self, x: Tensor) -> Tensor:
        """Back to the tokens of pairs: (heads * R, L, D) to (heads, own, D)."""
        return x.view(-1, len(self.places), x.shape[-1]).index_select(1, self.rooms)

    def spread(self, x: Tensor) -> Tensor:
        """The opposite of `scatter`, zero where no token stands: (heads, own, D) to (heads * R, L, D)."""
        empty = x.new_zeros(x.shape[0], len(self.places), x.shape[-1])
        return empty.index_copy_(1, self.rooms, x).view(-1, self.width, x.shape[-1])


class PairAttention(torch.autograd.Function):
    """`apply(q, k, v, rows, scale)`: q, k, v of shape (1, heads, T, D), the result (1, T, heads, D)."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, rows: PairRows, scale: float) -> Tensor:
        shared, own = rows.shared, rows.own
        queries, keys, values = q[0] * scale, k[0], v[0]
        far_keys, far_values = _far(keys, rows), _far(values, rows)
        near = tuple(rows.gather(x) for x in (queries, keys, values))
        scores = queries @ far_keys.mT  # behind the prefix's columns 0 so far, which is what filling keeps
        scores[:, :shared, :shared].masked_fill_(_future(shared, q.device), -torch.inf)
        scores[:, :shared, shared:] = -torch.inf
        scores[:, own, shared:] = rows.scatter(
            (near[0] @ near[1].mT).masked_fill_(_future(rows.width, q.device), -torch.inf)
        )
        weights = torch.softmax(scores, -1)
        near_weights = rows.spread(weights[:, own, shared:])
        result = weights @ far_values
        result[:, own] += rows.scatter(near_weights @ near[2])
        ctx.save_for_backward(weights, near_weights, queries, far_keys, far_values, *near)
        ctx.rows, ctx.scale = rows, scale
        return result.transpose(0, 1)[None]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        weights, near_weights, queries, far_keys, far_values, near_queries, near_keys, near_values = ctx.saved_tensors
        rows, shared, own = ctx.rows, ctx.rows.shared, ctx.rows.own
        given = gradient[0].transpose(0, 1).contiguous()
        near_given = rows.spread(given[:, own])
        of_weights = given @ far_values.mT
        of_weights[:, own, shared:] = rows.scatter(near_given @ near_values.mT)
        of_scores = torch._softmax_backward_data(of_weights, weights, -1, weights.dtype)
        near_scores = rows.spread(of_scores[:, own, shared:])
        of_queries = of_scores @ far_keys
        of_queries[:, own] += rows.scatter(near_scores @ near_keys)
        of_keys = _of_columns(of_scores, queries, near_scores, near_queries, rows)
        of_values = _of_columns(weights, given, near_weights, near_given, rows)
        return (of_queries * ctx.scale)[None], of_keys[None], of_values[None], None, None


def attend_pairs(q: Tensor, k: Tensor, v: Tensor, rows: PairRows, scale: float) -> Tensor:
    """Attention of a packed row, differentiable. Shapes: q, k, v (1, heads, T, D), result (1, T, heads, D)."""
    result: Tensor = PairAttention.apply(q, k, v, rows, scale)
    return result


def _far(x: Tensor, rows: PairRows) -> Tensor:
    """The prefix's part, with zeros in the places where a pair's own scores go: (heads, shared + width, D)."""
    empty = x.new_zeros(x.shape[0], rows.shared + rows.width, x.shape[-1])
    empty[:, : rows.shared] = x[:, : rows.shared]
    return empty


def _of_columns(far: Tensor, x: Tensor, near: Tensor, near_x: Tensor, rows: PairRows) -> Tensor:
    """The sums over each column of scores or weights: what comes to a key or a value, (heads, T, D).

    The small factor is turned round rather than the large one, which would be copied for it.
    """
    result = torch.zeros_like(x)
    result[:, : rows.shared] = (x.mT.contiguous() @ far).mT[:, : rows.shared]
    result[:, rows.own] = rows.scatter(near.mT @ near_x)
    return result


def _future(size: int, device: torch.device) -> Tensor:
    return torch.ones(size, size, dtype=torch.bool, device=device).triu(1)
