"""The base's weights in four bits (nf4 of QLoRA, Dettmers et al., 2023), as training holds them and as a merge must.

One place, so that what is deployed is what was trained: LitGPT's own way swaps the embedding for one with a LayerNorm
that no deployed model has, rounds the output head too, and forgets the rounding when it merges.
"""

from __future__ import annotations

import logging
from typing import Any

import torch
from litgpt.lora import GPT, LoRALinear
from torch import Tensor

KINDS = ("bnb.nf4", "bnb.nf4-dq")  # -dq: the scales of each 64 weights are rounded as well


def quantize(model: GPT, kind: str, device: torch.device, dtype: torch.dtype) -> None:
    """Replaces the weights of all adapted layers by their rounded form on the device, one layer at a time.

    `dtype`: what is rounded from, and computed in. The head and the embedding stay whole, as Hugging Face keeps them.
    """
    bnb = _bitsandbytes()
    for layer in adapted_layers(model):
        plain = layer.linear
        layer.linear = bnb.nn.Linear4bit(
            plain.in_features, plain.out_features, bias=False, compute_dtype=dtype, device="meta"
        )
        layer.linear.weight = packed(plain.weight.data.to(device, dtype), kind)
        layer.linear.bias = plain.bias


def adapted_layers(model: GPT) -> list[LoRALinear]:
    """The layers that have an adapter."""
    return [module for module in model.modules() if isinstance(module, LoRALinear) and module.r > 0]


def rounded(weight: Tensor, kind: str, dtype: torch.dtype) -> Tensor:
    """A weight as a quantised training sees it, in the weight's own type. `dtype`: the type that it is rounded from."""
    return whole(packed(weight.to(dtype), kind)).to(weight.dtype)


def whole(weight: Any) -> Tensor:
    """The matrix that a `Params4bit` stands for, (out, in), in the type that it was rounded from."""
    matrix: Tensor = _bitsandbytes().functional.dequantize_4bit(weight.data, weight.quant_state)
    return matrix


def packed(weight: Tensor, kind: str) -> Any:
    """The weight as a `Params4bit`, in four bits, where it stands."""
    parameter = _bitsandbytes().nn.Params4bit(
        weight, requires_grad=False, quant_type="nf4", compress_statistics=kind.endswith("-dq")
    )
    return parameter.to(weight.device)  # rounds it


def _bitsandbytes() -> Any:
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # it tells of kernels for CPUs that it looked for in vain
    import bitsandbytes

    return bitsandbytes
