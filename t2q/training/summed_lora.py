"""LoRA on a CPU: the frozen weight and its adapter are summed once a step, and each token is multiplied once.

LitGPT multiplies every token by the weight, by A and by B, then scales and adds: for a small rank little arithmetic but
five passes over what a layer writes, which is what a CPU is slow at. The sum is the same function, with the same
gradients; in mixed precision it is also rounded as the merged weight will be.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from litgpt.lora import LoRALinear, LoRAQKVLinear
from torch import Tensor
from torch.nn import functional as F


def install() -> None:
    """Teaches it LitGPT's LoRA layers, once."""
    for layer, product in ((LoRALinear, _product), (LoRAQKVLinear, _qkv_product)):
        if not getattr(layer.forward, "sums", False):
            layer.forward = _summing(layer.forward, product)


def _summing(plain: Callable[..., Tensor], product: Callable[[Any], Tensor]) -> Callable[..., Tensor]:
    @functools.wraps(plain)
    def forward(self: Any, x: Tensor) -> Tensor:
        weight = self.linear.weight
        dropout = isinstance(self.lora_dropout, torch.nn.Dropout)
        # A weight in 16 bits would swallow what an adapter adds to it; a quantised one cannot be added to.
        if self.merged or not hasattr(self, "lora_A") or dropout or weight.dtype != torch.float32 or x.is_cuda:
            return plain(self, x)
        with torch.autocast(x.device.type, enabled=False):
            total = weight + product(self) * self.scaling
        return F.linear(x, total, self.linear.bias)

    forward.sums = True  # type: ignore[attr-defined]
    return forward


def _product(layer: Any) -> Tensor:
    return layer.lora_B @ layer.lora_A


def _qkv_product(layer: Any) -> Tensor:
    """Query, key and value have an adapter each, where they have one."""
    parts = zip(layer.lora_B.split(layer.qkv_shapes), layer.lora_A.chunk(len(layer.qkv_shapes)), strict=True)
    return layer.zero_pad(torch.cat([b @ a for b, a in parts]).T).T
