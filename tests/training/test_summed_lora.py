"""A weight summed with its adapter is the same layer, with the same gradients."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from litgpt.lora import LoRALinear, LoRAQKVLinear
from torch import Tensor

from t2q.training import summed_lora

LAYERS = {
    "plain": lambda **_: LoRALinear(32, 48, r=4, lora_alpha=8, bias=True),
    "query, key and value": lambda dropout=0.0: qkv(4, (True, True, True), dropout),
    "query and value only": lambda **_: qkv(4, (True, False, True)),
    "grouped queries": lambda **_: qkv(2, (True, False, True)),
}


def qkv(groups: int, enabled: tuple[bool, bool, bool], dropout: float = 0.0) -> LoRAQKVLinear:
    return LoRAQKVLinear(
        32,
        8 * (4 + 2 * groups),
        head_size=8,
        n_head=4,
        n_query_groups=groups,
        r=4,
        lora_alpha=8,
        lora_dropout=dropout,
        enable_lora=enabled,
        bias=False,
    )


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> dict[type, Any]:
    """LitGPT's own forward functions; those that sum stand in the classes for as long as the test runs."""
    own = {cls: cls.forward for cls in (LoRALinear, LoRAQKVLinear)}
    for cls, forward in own.items():
        own[cls] = getattr(forward, "__wrapped__", forward)
        monkeypatch.setattr(cls, "forward", own[cls])
    summed_lora.install()
    return own


def output_and_gradients(layer: Any, forward: Any, x: Tensor) -> list[Tensor]:
    x = x.clone().requires_grad_()
    out = forward(layer, x)
    return [out, *torch.autograd.grad(out.square().sum(), [x, layer.lora_A, layer.lora_B])]


@pytest.mark.parametrize("kind", LAYERS)
def test_it_is_the_same_function_with_the_same_gradients(kind: str, plain: dict[type, Any]) -> None:
    torch.manual_seed(0)
    layer = LAYERS[kind]()
    torch.nn.init.normal_(layer.lora_B, std=0.3)
    layer.linear.weight.requires_grad_(False)
    x = torch.randn(2, 7, 32)
    expected = output_and_gradients(layer, plain[type(layer)], x)
    for mine, theirs in zip(output_and_gradients(layer, type(layer).forward, x), expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("case", ["16 bits", "dropout", "merged"])
def test_what_cannot_be_summed_is_left_to_litgpt(case: str, plain: dict[type, Any]) -> None:
    """Dropout is in the adapter's input only; 16 bits would lose the adapter; a merged layer has no adapter left."""
    layer = LAYERS["query, key and value"](dropout=0.5 if case == "dropout" else 0.0)
    torch.nn.init.normal_(layer.lora_B, std=0.3)
    layer.merged = case == "merged"
    x = torch.randn(2, 7, 32)
    if case == "16 bits":
        layer, x = layer.bfloat16(), x.bfloat16()
    torch.manual_seed(0)
    mine = layer(x)
    torch.manual_seed(0)
    assert torch.equal(mine, plain[type(layer)](layer, x))
