"""Attention over rows of documents on a CPU, by a kernel of our own (attention.cpp).

PyTorch's kernel for CPUs computes all of a row's scores, most of which a mask then throws away, and is slow backwards:
it took more than half of a training step. The kernel computes the scores that count, in a core's cache.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def attend_documents(q: Tensor, k: Tensor, v: Tensor, planes: Tensor, scale: float) -> Tensor:
    """Attention in which a token sees its document's prefix and its own pair, as far as they stand before it.

    Shapes: q, k, v (1, heads, T, head size) in bf16, result (1, T, heads, head size). `planes`, (2, T): each token's
    document (-1: filling, whose result is zero) and pair (0: the prefix). Differentiable. Needs
    `kernels.load_kernels()`.
    """
    result: Tensor = torch.ops.t2q.attend(q, k, v, planes, scale)[0]
    return result


def try_kernel() -> None:
    """Raises RuntimeError where the processor has no products in bf16."""
    q = torch.ones(1, 1, 1, 32, dtype=torch.bfloat16)
    torch.ops.t2q.attend(q, q, q, torch.zeros(2, 1, dtype=torch.long), 1.0)


def register() -> None:
    """Tells autograd and torch.compile of the operation, once it is loaded."""
    torch.library.register_fake("t2q::attend", _shapes)
    torch.library.register_fake("t2q::attend_backward", _shapes_backward)
    torch.library.register_autograd("t2q::attend", _backward, setup_context=_keep)


def _shapes(q: Tensor, k: Tensor, v: Tensor, planes: Tensor, scale: float) -> tuple[Tensor, Tensor]:  # noqa: ARG001
    heads, tokens, size = q.shape[1:]
    return q.new_empty((1, tokens, heads, size)), q.new_empty((heads, tokens), dtype=torch.float32)


def _shapes_backward(gradient: Tensor, q: Tensor, k: Tensor, v: Tensor, *_: Any) -> tuple[Tensor, ...]:  # noqa: ARG001
    return q.new_empty(q.shape), k.new_empty(k.shape), v.new_empty(v.shape)


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    *tensors, ctx.scale = inputs
    ctx.save_for_backward(*tensors, *output)


def _backward(ctx: Any, gradient: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
    q, k, v, planes, result, sums = ctx.saved_tensors
    given = torch.ops.t2q.attend_backward(gradient.contiguous(), q, k, v, result, sums, planes, ctx.scale)
    return (*given, None, None)
