"""The loss of packed documents is the same by planes and by a mask, compiled and not; what is not finite stops it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from t2q.pretrain import loss, train
from t2q.pretrain.corpus import ANSWER
from t2q.pretrain.loss import PLAIN, Computing, attend_rows, compiled, loss_of
from t2q.pretrain.recipe import ModelPart, PretrainRecipe, TrainPart
from t2q.pretrain.shape import build, model_config
from t2q.pretrain.train import pretrain_loop
from t2q.training.kernels import load_kernels

SHAPE = ModelPart(layers=1, heads=2, width=64, hidden=96, context=256)
TOKENS = 160


def batch() -> Tensor:
    """Three rows of planes: two documents and filling; one document; nothing but filling."""
    rows = torch.zeros(3, 5, TOKENS, dtype=torch.long)
    rows[:, 0] = torch.randint(300, (3, TOKENS), generator=torch.Generator().manual_seed(5))
    rows[:, 1] = -1
    for row, document, first, prefix, pairs in ((0, 0, 0, 30, 2), (0, 1, 70, 25, 3), (1, 0, 0, 60, 4)):
        rows[row, 1, first : first + prefix + 20 * pairs] = document
        rows[row, 3, first : first + prefix] = torch.arange(prefix)
        for pair in range(pairs):
            own = slice(first + prefix + 20 * pair, first + prefix + 20 * (pair + 1))
            rows[row, 2, own] = pair + 1
            rows[row, 3, own] = torch.arange(prefix, prefix + 20)
            rows[row, 4, own] = torch.tensor([1] * 9 + [ANSWER] * 11)
    return rows


def computed(by: Computing = PLAIN) -> tuple[float, float, Tensor]:
    model = build(model_config(SHAPE, 300), 1)
    attend_rows(model)
    with torch.autocast("cpu", torch.bfloat16):
        weighted, answers = loss_of(model, batch(), TrainPart(), by)
    weighted.backward()
    return (
        weighted.item(),
        answers.item(),
        torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]),
    )


def agree(one: tuple[float, float, Tensor], other: tuple[float, float, Tensor]) -> None:
    assert one[:2] == pytest.approx(other[:2], rel=0.005)
    assert (one[2] - other[2]).norm() / other[2].norm() < 0.03


@pytest.mark.skipif(not load_kernels(), reason="no C++ compiler, or a processor without bf16 products")
def test_by_planes_and_by_a_mask(monkeypatch: pytest.MonkeyPatch) -> None:
    by_planes = computed()
    monkeypatch.setattr(loss, "by_kernel", lambda _: False)
    agree(by_planes, computed())


@pytest.mark.slow
def test_compiled_and_not() -> None:
    agree(computed(compiled()), computed())


def test_what_is_not_finite_stops_the_training_and_leaves_the_last_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "compiled", lambda: PLAIN)
    recipe = PretrainRecipe(model=SHAPE, train=TrainPart(steps=3, rows=1, checkpoint_every=1, precision="32-true"))
    rows, config, state = batch()[:2].numpy().astype(np.int32), model_config(SHAPE, 300), tmp_path / "state.pth"
    pretrain_loop(recipe, config, rows, tmp_path, stop_after=2)
    reached = torch.load(state, weights_only=True)
    reached["model"]["transformer.ln_f.weight"][0] = torch.nan
    torch.save(reached, state)
    before = state.read_bytes()
    with pytest.raises(RuntimeError, match="non-finite"):
        pretrain_loop(recipe, config, rows, tmp_path)
    assert state.read_bytes() == before
