"""LitGPT's adapted linear layers in fewer operations: the same function, as one step of autograd.

A layer is x W^T + s (x A^T) B^T. LitGPT computes both terms, scales, pads and adds them, each a pass over all tokens;
here the second is accumulated into the first by the product itself, forwards and backwards. A rounded W is made whole
for each of the two. Dropout keeps LitGPT's own way.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from litgpt.lora import LoRALinear, LoRAQKVLinear
from torch import Tensor
from torch.nn import functional as F

from t2q.training.rounding import whole


class AdaptedLinear(torch.autograd.Function):
    """`apply(x, weight, bias, a, b, dtype)`: x W^T + bias + (x A^T) B^T, in `dtype`.

    Shapes: x (…, in), weight (out, in), or rounded from `dtype`, bias (out,) or None, a (r, in), b (out, r); the result
    (…, out). Weight and bias are frozen and get no gradient.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, a: Tensor, b: Tensor, dtype: torch.dtype
    ) -> Tensor:
        rows = x.reshape(-1, x.shape[-1]).to(dtype)
        a, b = a.to(dtype), b.to(dtype)
        low = rows @ a.T
        weight = weight.to(dtype) if weight.is_floating_point() else weight
        result = F.linear(rows, _matrix(weight), None if bias is None else bias.to(dtype)).addmm_(low, b.T)
        ctx.save_for_backward(rows, a, b, low)
        ctx.weight, ctx.shape, ctx.dtype = weight, x.shape, x.dtype  # frozen: nothing can change it meanwhile
        return result.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        rows, a, b, low = ctx.saved_tensors
        given = gradient.reshape(-1, gradient.shape[-1])
        of_low = given @ b
        of_rows = None
        if ctx.needs_input_grad[0]:
            of_rows = (given @ _matrix(ctx.weight)).addmm_(of_low, a).view(ctx.shape).to(ctx.dtype)
        return of_rows, None, None, of_low.T @ rows, given.T @ low, None


def _matrix(weight: Tensor) -> Tensor:
    return weight if weight.is_floating_point() else whole(weight)


def install() -> None:
    """Gives LitGPT's adapted layers this forward, once."""
    for layer, spread in ((LoRALinear, _plain), (LoRAQKVLinear, _by_part)):
        if not hasattr(layer.forward, "__wrapped__"):
            layer.forward = _forward(layer.forward, spread)  # type: ignore[method-assign]


def _forward(plain: Callable[..., Tensor], spread: Callable[[Any], Tensor]) -> Callable[..., Tensor]:
    @functools.wraps(plain)
    def forward(self: Any, x: Tensor) -> Tensor:
        if not _applies(self):
            return plain(self, x)
        device = x.device.type
        dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else x.dtype
        weight, bias, scaled = self.linear.weight, self.linear.bias, spread(self) * self.scaling
        result: Tensor = AdaptedLinear.apply(x, weight, bias, self.lora_A, scaled, dtype)
        return result

    return forward


def _applies(layer: Any) -> bool:
    return bool(
        layer.r > 0
        and hasattr(layer, "lora_A")
        and not layer.merged
        and not (layer.training and isinstance(layer.lora_dropout, torch.nn.Dropout) and layer.lora_dropout.p)
    )


def _plain(layer: LoRALinear) -> Tensor:
    return layer.lora_B


def _by_part(layer: LoRAQKVLinear) -> Tensor:
    """B of queries, keys and values, each for its own rows of A, as one matrix: (out, r * parts)."""
    parts = torch.block_diag(*layer.lora_B.split(layer.qkv_shapes))
    if all(layer.enable_lora):
        return parts
    return parts.new_zeros(layer.linear.out_features, parts.shape[1]).index_copy(0, layer.lora_ind, parts)
