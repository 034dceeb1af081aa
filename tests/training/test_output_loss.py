"""Loss and gradients behind the output head, computed some rows at a time, are cross-entropy's."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch.nn import functional as F

from t2q.training.output_loss import ROWS, losses_and_slopes, output_loss

WIDTH, VOCABULARY = 24, 50


def drawn(dtype: torch.dtype) -> tuple[torch.Tensor, ...]:
    torch.manual_seed(2)
    rows = 2 * ROWS
    states = torch.randn(rows, WIDTH).to(dtype).requires_grad_()
    head = torch.randn(VOCABULARY, WIDTH, requires_grad=True)
    weights = torch.rand(rows)
    weights[-40:] = 0
    return states, head, torch.randint(VOCABULARY, (rows,)), weights


@pytest.mark.parametrize("autocast", [False, True])
def test_loss_and_gradients_are_cross_entropys(autocast: bool) -> None:
    states, head, targets, weights = drawn(torch.bfloat16 if autocast else torch.float32)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        loss, losses = output_loss(states, head, targets, weights)
    (3 * loss).backward()
    got = states.grad, head.grad
    exact_states = states.detach().float().requires_grad_()
    exact_head = head.detach().clone().requires_grad_()
    exact = F.cross_entropy(exact_states @ exact_head.T, targets, reduction="none")
    (3 * (exact * weights).sum()).backward()
    near = 0.01 if autocast else 1e-5
    assert loss.item() == pytest.approx((exact * weights).sum().item(), rel=near)
    assert (losses - exact).norm() < near * exact.norm()
    for mine, theirs in zip(got, (exact_states.grad, exact_head.grad), strict=True):
        assert mine is not None and theirs is not None
        assert (mine - theirs).norm() < near * theirs.norm()
    assert not states.grad[-40:].any()  # what fills the rows up


def test_scores_of_any_height_give_finite_losses() -> None:
    losses, slopes = losses_and_slopes(torch.tensor([[1e4, -1e4, 0.0]]), torch.tensor([1]), torch.tensor([2.0]))
    assert losses.tolist() == [2e4]
    assert slopes.tolist() == [[2.0, -2.0, 0.0]]


def test_a_frozen_head_gets_no_gradient_and_capped_logits_are_gemmas() -> None:
    states, head, targets, weights = drawn(torch.float32)
    head.requires_grad_(False)
    loss, _ = output_loss(states, head, targets, weights, partial(losses_and_slopes, cap=2.0))
    loss.backward()
    got = states.grad
    states.grad = None
    capped = torch.tanh(states @ head.T / 2.0) * 2.0
    exact = (F.cross_entropy(capped, targets, reduction="none") * weights).sum()
    exact.backward()
    assert got is not None and states.grad is not None and head.grad is None
    assert loss.item() == pytest.approx(exact.item(), rel=1e-5)
    assert (got - states.grad).norm() < 1e-5 * states.grad.norm()
