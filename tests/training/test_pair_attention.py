"""Attention by plain products is attention: what comes out, and the gradients, against PyTorch's own with a mask."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from t2q.training.pair_attention import PairRows, attend_pairs
from t2q.training.shared_prefix import attention_mask

HEADS, SIZE, SCALE = 3, 8, 0.3
ROWS = [(9, [4, 1, 7], 3), (40, [17, 16, 30, 2], 0), (0, [5, 6], 2), (5, [3], 1)]


def row_of(shared: int, lengths: list[int], filling: int) -> tuple[Tensor, int]:
    """Each token's pair, and the number of tokens that are no filling; each of those is a pair of its own."""
    numbers = [0] * shared
    for number, length in enumerate([*lengths, *[1] * filling], 1):
        numbers += [number] * length
    return torch.tensor(numbers), shared + sum(lengths)


@pytest.mark.parametrize(("dtype", "close"), [(torch.float32, 1e-5), (torch.bfloat16, 0.02)])
@pytest.mark.parametrize(("shared", "lengths", "filling"), ROWS)
def test_results_and_gradients_are_those_of_a_mask(
    shared: int, lengths: list[int], filling: int, dtype: torch.dtype, close: float
) -> None:
    torch.manual_seed(1)
    pairs, tokens = row_of(shared, lengths, filling)
    inputs = [torch.randn(1, HEADS, len(pairs), SIZE, dtype=dtype, requires_grad=True) for _ in "qkv"]
    gradient = torch.randn(1, len(pairs), HEADS, SIZE, dtype=dtype)
    gradient[:, tokens:] = 0  # nothing is learned from filling
    got = attend_pairs(*inputs, PairRows.of(pairs, tokens), SCALE)
    exact = [x.detach().float().requires_grad_() for x in inputs]
    mask = attention_mask(torch.zeros_like(pairs)[None], pairs[None])
    wanted = F.scaled_dot_product_attention(*exact, attn_mask=mask, scale=SCALE).transpose(1, 2)
    assert (got[:, :tokens] - wanted[:, :tokens]).norm() / wanted.norm() < close
    assert got[:, tokens:].isfinite().all()
    for mine, theirs in zip(
        torch.autograd.grad(got, inputs, gradient), torch.autograd.grad(wanted, exact, gradient.float()), strict=True
    ):
        assert mine.dtype == dtype
        assert (mine - theirs).norm() / theirs.norm() < close


def test_gradients_by_differences() -> None:
    pairs, tokens = row_of(3, [2, 4], 0)
    rows = PairRows.of(pairs, tokens)
    inputs = [torch.randn(1, 2, len(pairs), 3, dtype=torch.float64, requires_grad=True) for _ in "qkv"]
    assert torch.autograd.gradcheck(lambda q, k, v: attend_pairs(q, k, v, rows, SCALE), inputs)
