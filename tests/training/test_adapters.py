"""An adapted layer in one step is LitGPT's own layer: the same results and gradients, in the same cases."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from litgpt.lora import LoRALinear, LoRAQKVLinear
from torch import Tensor

from t2q.training import adapters
from t2q.training.rounding import packed, rounded

HEADS = {"head_size": 4, "n_head": 4, "n_query_groups": 4}
GROUPED = {**HEADS, "n_query_groups": 2}
LAYERS: dict[str, Any] = {
    "plain": lambda **more: LoRALinear(12, 20, r=3, lora_alpha=6, bias=False, **more),
    "with bias": lambda **more: LoRALinear(12, 20, r=3, lora_alpha=6, bias=True, **more),
    "qkv": lambda **more: LoRAQKVLinear(12, 48, **HEADS, r=3, lora_alpha=6, enable_lora=True, bias=False, **more),
    "queries and values": lambda **more: LoRAQKVLinear(
        12, 48, **HEADS, r=3, lora_alpha=6, enable_lora=(True, False, True), bias=True, **more
    ),
    "grouped": lambda **more: LoRAQKVLinear(
        12, 32, **GROUPED, r=3, lora_alpha=6, enable_lora=(True, True, True), bias=True, **more
    ),
}


@pytest.fixture(autouse=True)
def installed() -> None:
    adapters.install()


def made(name: str, **more: Any) -> LoRALinear:
    torch.manual_seed(3)
    layer: LoRALinear = LAYERS[name](**more)
    layer.linear.requires_grad_(False)
    torch.nn.init.normal_(layer.lora_B)
    return layer


def results(layer: LoRALinear, x: Tensor, *, own: bool) -> list[Tensor]:
    """What comes out, and the gradients of the input and of both matrices; with LitGPT's own forward if `own`."""
    x = x.clone().requires_grad_()
    forward = type(layer).forward.__wrapped__ if own else type(layer).forward  # type: ignore[attr-defined]
    out = forward(layer, x)
    torch.manual_seed(4)
    return [out, *torch.autograd.grad(out, [x, layer.lora_A, layer.lora_B], torch.randn(out.shape).to(out.dtype))]


@pytest.mark.parametrize("name", LAYERS)
def test_it_is_the_same_function_with_the_same_gradients(name: str) -> None:
    layer, x = made(name), torch.randn(2, 7, 12)
    for mine, theirs in zip(results(layer, x, own=False), results(layer, x, own=True), strict=True):
        assert mine.shape == theirs.shape and mine.dtype == theirs.dtype
        torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("name", LAYERS)
def test_in_mixed_precision_it_is_no_less_exact(name: str) -> None:
    layer, x = made(name), torch.randn(2, 50, 12)
    exact = results(layer, x, own=True)
    with torch.autocast("cpu", torch.bfloat16):
        mine, theirs = results(layer, x, own=False), results(layer, x, own=True)
    for a, b, wanted in zip(mine, theirs, exact, strict=True):
        assert a.dtype == b.dtype
        assert (a - wanted).norm() <= 1.1 * (b - wanted).norm()


@pytest.mark.parametrize("name", ["plain", "with bias", "grouped"])
def test_on_a_rounded_weight_it_is_the_same_function(name: str) -> None:
    """Sixteen-bit arithmetic, as quantised training has it; the rounded weight stands in for the exact one."""
    layer, x = made(name), torch.randn(2, 50, 12)
    exact = made(name)
    exact.linear.weight.data = rounded(layer.linear.weight.data, "bnb.nf4", torch.bfloat16)
    plain = layer.linear
    layer.linear = torch.nn.Module()
    layer.linear.weight, layer.linear.bias = packed(plain.weight.data.bfloat16(), "bnb.nf4"), plain.bias
    with torch.autocast("cpu", torch.bfloat16):
        mine, theirs = results(layer, x, own=False), results(exact, x, own=False)
    for a, b in zip(mine, theirs, strict=True):
        torch.testing.assert_close(a, b)


def test_dropout_and_merged_weights_keep_litgpts_own_way() -> None:
    dropping, merged, x = made("plain", lora_dropout=0.5), made("qkv"), torch.randn(2, 7, 12)
    assert not adapters._applies(dropping)
    assert adapters._applies(dropping.eval())
    before = merged(x)
    merged.merge()
    assert not adapters._applies(merged)
    torch.testing.assert_close(merged(x), before)


def test_a_layer_without_an_adapter_is_a_plain_one() -> None:
    layer = LoRALinear(12, 20, r=0)
    x = torch.randn(3, 12)
    torch.testing.assert_close(layer(x), layer.linear(x))
