"""What the kernels put in place of LitGPT's layers is the same function, with the same gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace

import litgpt.model
import pytest
import torch
from litgpt.lora import GPT, Config, mark_only_lora_as_trainable
from litgpt.model import RMSNorm, apply_rope, build_rope_cache
from torch import Tensor
from torch.nn import functional as F

from t2q.training import pointwise
from t2q.training.kernels import load_kernels

pytestmark = pytest.mark.skipif(not load_kernels(), reason="no C++ compiler, or a processor without bf16 products")
TOKENS, WIDTH, HEADS, SIZE = 77, 96, 3, 64


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    torch.manual_seed(4)
    with torch.autocast("cpu", torch.bfloat16):
        yield


def error(got: Tensor, wanted: Tensor) -> float:
    return ((got.float() - wanted.float()).norm() / wanted.float().norm()).item()


def agree(mine: Callable[..., Tensor], theirs: Callable[..., Tensor], *inputs: Tensor) -> None:
    """Results and gradients, against the same of float32."""
    exact = [x.detach().float().requires_grad_() for x in inputs]
    got = mine(*inputs)
    with torch.autocast("cpu", enabled=False):
        wanted = theirs(*exact)
    assert got.dtype == torch.bfloat16 and error(got, wanted) < 0.004
    slope = torch.randn(wanted.shape).bfloat16()
    pairs = zip(torch.autograd.grad(got, inputs, slope), torch.autograd.grad(wanted, exact, slope.float()), strict=True)
    assert all(error(one, other) < 0.006 for one, other in pairs)


def test_norm() -> None:
    norm = RMSNorm(WIDTH, eps=1e-5).requires_grad_(False)
    norm.weight.uniform_(0.5, 2)
    plain = RMSNorm.forward
    mine = pointwise._norm(plain)
    agree(lambda x: mine(norm, x), lambda x: plain(norm, x), torch.randn(1, TOKENS, WIDTH, requires_grad=True))


def test_norm_whose_weight_learns_is_litgpts_own() -> None:
    norm = RMSNorm(WIDTH)
    assert pointwise._norm(RMSNorm.forward)(norm, torch.randn(1, 2, WIDTH)).dtype == torch.float32


def test_rotation() -> None:
    cos, sin = (x[None, :TOKENS] for x in build_rope_cache(TOKENS, SIZE))
    # as a model's are: heads beside each other in memory
    x = torch.randn(1, TOKENS, HEADS, SIZE).bfloat16().transpose(1, 2).requires_grad_()
    agree(lambda x: pointwise._rope(apply_rope)(x, cos, sin), lambda x: apply_rope(x, cos, sin), x)


def test_heads_that_the_kernel_does_not_fit_are_rotated_by_litgpt() -> None:
    cos, sin = (x[None, :TOKENS] for x in build_rope_cache(TOKENS, 48))
    x = torch.randn(1, HEADS, TOKENS, 48).bfloat16()
    assert torch.equal(pointwise._rope(apply_rope)(x, cos, sin), apply_rope(x, cos, sin))


@pytest.mark.parametrize("scale", [1, 100])
def test_gate(scale: int) -> None:
    forward = pointwise._gated(litgpt.model.LLaMAMLP.forward)
    gate, value = ((scale * torch.randn(1, TOKENS, WIDTH)).bfloat16().requires_grad_() for _ in "gv")

    def mine(gate: Tensor, value: Tensor) -> Tensor:
        layer = SimpleNamespace(fc_1=lambda _: gate, fc_2=lambda _: value, proj=lambda inner: inner)
        return forward(layer, gate)

    agree(mine, lambda gate, value: F.silu(gate) * value, gate, value)


def test_a_model_computes_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Grouped queries and heads that the kernels fit: every one of them is in use."""
    config = Config(
        n_layer=2, n_head=4, n_query_groups=2, n_embd=256, head_size=64, intermediate_size=320, vocab_size=256,
        padded_vocab_size=256, rotary_percentage=1.0, parallel_residual=False, bias=False, norm_class_name="RMSNorm",
        mlp_class_name="LLaMAMLP", block_size=128, lora_r=4, lora_query=True, lora_key=True, lora_value=True,
        lora_projection=True, lora_mlp=True,
    )  # fmt: skip
    model = GPT(config)
    mark_only_lora_as_trainable(model)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.05)
    ids = torch.randint(256, (1, 100))

    def computed() -> tuple[Tensor, Tensor]:
        model.zero_grad()
        logits = model(ids)
        F.cross_entropy(logits[0, :-1].float(), ids[0, 1:]).backward()
        return logits.detach(), torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])

    for holder, name in ((RMSNorm, "forward"), (litgpt.model.LLaMAMLP, "forward"), (litgpt.model, "apply_rope")):
        now = getattr(holder, name)
        monkeypatch.setattr(holder, name, getattr(now, "__wrapped__", now))
    plain = computed()
    pointwise.install()
    mine = computed()
    assert not torch.equal(mine[0], plain[0])  # rounded elsewhere
    assert error(mine[0], plain[0]) < 0.02 and error(mine[1], plain[1]) < 0.03


def test_norms_with_an_offset_are_litgpts_own() -> None:
    norm = RMSNorm(WIDTH, add_unit_offset=True).requires_grad_(False)
    assert pointwise._norm(RMSNorm.forward)(norm, torch.randn(1, 2, WIDTH)).dtype == torch.float32
