"""Cross-entropy behind the output head, some rows at a time: the logits of all tokens never stand in memory.

A vocabulary's logits are a batch's largest tensor. Loss and gradient of a few hundred rows are computed together, as
long as their logits are in a cache, in the way of Liger Kernel's fused linear cross-entropy (Hsu et al., 2024).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

ROWS = 512  # a multiple that batches are filled up to: for each new shape, a CPU's kernels are made anew, and kept


def losses_and_slopes(
    logits: Tensor, targets: Tensor, weights: Tensor, cap: float | None = None
) -> tuple[Tensor, Tensor]:
    """Each row's cross-entropy, and its gradient by the logits times the row's weight, in the logits' type.

    Shapes: logits (N, V), targets and weights (N,), results (N,) in float32 and (N, V). `cap`: the model's logits are
    cap * tanh(logits / cap), as Gemma 2's are.
    """
    x = logits.float()
    if cap is not None:
        x = torch.tanh(x / cap) * cap
    highest = x.amax(dim=-1, keepdim=True)
    powers = (x - highest).exp()
    sums = powers.sum(dim=-1, keepdim=True)
    meant = torch.arange(x.shape[-1], device=x.device) == targets[:, None]
    losses = (sums.log() + highest)[:, 0] - torch.where(meant, x, 0.0).sum(dim=-1)
    slopes = (powers / sums - meant.float()) * weights[:, None]
    if cap is not None:
        slopes *= 1 - (x / cap) ** 2
    return losses, slopes.to(logits.dtype)


class _OutputLoss(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, states: Tensor, head: Tensor, targets: Tensor, weights: Tensor, of_rows: Callable[..., Any]
    ) -> tuple[Tensor, Tensor]:
        kind = torch.get_autocast_dtype(states.device.type)
        own = states.to(kind) if torch.is_autocast_enabled(states.device.type) else states
        with torch.autocast(states.device.type, enabled=False):
            turned = head.to(own.dtype)
            of_states = torch.empty_like(own)
            of_head = torch.zeros_like(head, dtype=torch.float32) if ctx.needs_input_grad[1] else None
            losses = torch.empty(len(own), device=own.device)
            for start in range(0, len(own), ROWS):
                part = slice(start, start + ROWS)
                losses[part], slopes = of_rows(F.linear(own[part], turned), targets[part], weights[part])
                torch.mm(slopes, turned, out=of_states[part])
                if of_head is not None:
                    of_head += slopes.T @ own[part]
        ctx.save_for_backward(of_states.to(states.dtype), None if of_head is None else of_head.to(head.dtype))
        ctx.mark_non_differentiable(losses)
        return (losses * weights).sum(), losses

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        of_states, of_head = ctx.saved_tensors
        return of_states * gradients[0], None if of_head is None else of_head * gradients[0], None, None, None


def output_loss(
    states: Tensor, head: Tensor, targets: Tensor, weights: Tensor, of_rows: Callable[..., Any] = losses_and_slopes
) -> tuple[Tensor, Tensor]:
    """The sum of the rows' cross-entropies times their weights, and the rows' own, which give no gradient.

    Shapes: states (N, E), N best a multiple of ROWS; head (V, E), which may be frozen; targets and weights (N,);
    results () and (N,), float32. `of_rows`: `losses_and_slopes`, compiled or not.
    """
    result: tuple[Tensor, Tensor] = _OutputLoss.apply(states, head, targets, weights, of_rows)
    return result
