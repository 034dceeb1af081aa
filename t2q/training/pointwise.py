"""LitGPT's layers between the products, in one pass each, on a CPU in bf16 (pointwise.cpp): the same functions.

A norm gives bf16 where LitGPT's gives float32, for products that would round it to bf16 themselves; a router of experts
is rounded with it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import litgpt.model
import torch
from torch import Tensor

from t2q.training.kernels import by_kernel

_STEP = 32  # numbers that the kernels take at a time


class Norm(torch.autograd.Function):
    """`apply(x, weight, epsilon)`: RMSNorm, the weight frozen. x (N, E), weight (E,) float32, result (N, E) bf16."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
        result, factors = torch.ops.t2q.rms_norm(x, weight, epsilon)
        ctx.save_for_backward(x, weight, factors)
        normed: Tensor = result
        return normed

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        return torch.ops.t2q.rms_norm_backward(gradient.contiguous(), *ctx.saved_tensors), None, None


class Rotation(torch.autograd.Function):
    """`apply(x, cosines, sines)`: rotary positions. x (1, heads, T, D) bf16; (T, D) float32, both halves alike."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
        ctx.save_for_backward(cosines, sines)
        result: Tensor = torch.ops.t2q.rotate(x, cosines, sines, 1.0)
        return result

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        given = gradient if gradient.stride(-1) == 1 else gradient.contiguous()
        return torch.ops.t2q.rotate(given, *ctx.saved_tensors, -1.0), None, None


class Gated(torch.autograd.Function):
    """`apply(gate, value)`: silu(gate) * value, in bf16."""

    @staticmethod
    def forward(ctx: Any, gate: Tensor, value: Tensor) -> Tensor:
        ctx.save_for_backward(gate, value)
        result: Tensor = torch.ops.t2q.gated(gate, value)
        return result

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        of_gate, of_value = torch.ops.t2q.gated_backward(gradient.contiguous(), *ctx.saved_tensors)
        return of_gate, of_value


def install() -> None:
    """Gives LitGPT's norms, rotations and gated layers these forwards, once."""
    if hasattr(litgpt.model.RMSNorm.forward, "__wrapped__"):
        return
    litgpt.model.RMSNorm.forward = _norm(litgpt.model.RMSNorm.forward)  # type: ignore[method-assign]
    litgpt.model.apply_rope = _rope(litgpt.model.apply_rope)
    litgpt.model.LLaMAMLP.forward = _gated(litgpt.model.LLaMAMLP.forward)  # type: ignore[method-assign]


def _norm(plain: Callable[..., Tensor]) -> Callable[..., Tensor]:
    @functools.wraps(plain)
    def forward(self: Any, x: Tensor) -> Tensor:
        weight = self.weight
        usual = self.dim in (-1, x.dim() - 1) and not self.add_unit_offset and not weight.requires_grad
        fits = x.dtype == weight.dtype == torch.float32 and x.shape[-1] % _STEP == 0
        if not (usual and fits and by_kernel(x.device)):
            return plain(self, x)
        normed: Tensor = Norm.apply(x.reshape(-1, x.shape[-1]).contiguous(), weight, self.eps)
        return normed.view(x.shape)

    return forward


def _rope(plain: Callable[..., Tensor]) -> Callable[..., Tensor]:
    @functools.wraps(plain)
    def apply_rope(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        fits = x.dim() == 4 and len(x) == len(cos) == 1 and x.shape[-1] % (2 * _STEP) == 0 and x.stride(-1) == 1
        if not (fits and x.dtype == torch.bfloat16 and cos.dtype == torch.float32 and by_kernel(x.device)):
            return plain(x, cos, sin)
        rotated: Tensor = Rotation.apply(x, cos[0].contiguous(), sin[0].contiguous())
        return rotated

    return apply_rope


def _gated(plain: Callable[..., Tensor]) -> Callable[..., Tensor]:
    @functools.wraps(plain)
    def forward(self: Any, x: Tensor) -> Tensor:
        gate, value = self.fc_1(x), self.fc_2(x)
        usual = gate.dtype == value.dtype == torch.bfloat16 and gate.is_contiguous() and value.is_contiguous()
        fits = usual and gate.shape[-1] % _STEP == 0 and by_kernel(x.device)
        inner = Gated.apply(gate, value) if fits else torch.nn.functional.silu(gate) * value
        result: Tensor = self.proj(inner)
        return result

    return forward
