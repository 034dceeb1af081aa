"""A fresh base copies before its first step, and what it copies by learns slowly."""

from __future__ import annotations

import pytest
import torch

from t2q.pretrain.induction import circuit_of
from t2q.pretrain.recipe import ModelPart
from t2q.pretrain.shape import build, model_config
from t2q.pretrain.train import CIRCUIT_SHARE, parameter_groups


@pytest.mark.parametrize(("width", "foreseen"), [(256, 0.3), (512, 0.7)])
def test_an_untrained_model_copies_what_it_has_read(width: int, foreseen: float) -> None:
    """Forty of 300 random tokens are said again."""
    model = build(model_config(ModelPart(layers=2, width=width), 4096), seed=3).eval()
    tokens = torch.randint(3, 4096, (16, 300), generator=torch.Generator().manual_seed(0))
    said = tokens[:, 40:80]
    with torch.no_grad():
        logits = model(torch.cat([tokens, said], 1))[:, -40:-1]
    logits.scatter_(-1, said[:, :-1, None], -torch.inf)  # tied embeddings: at first every token expects itself
    assert (logits.argmax(-1) == said[:, 1:]).float().mean() > foreseen


def test_every_parameter_is_trained_once_and_the_circuit_slowly() -> None:
    model = build(model_config(ModelPart(layers=3, heads=2, width=64, hidden=64), 500), seed=3)
    groups = parameter_groups(model, 0.1)
    given = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(given) == sorted({id(parameter) for parameter in model.parameters()})
    slow = {id(p) for group in groups if group["share"] == CIRCUIT_SHARE for p in group["params"]}
    assert slow == {id(parameter) for parameter in circuit_of(model)}
    assert id(model.transformer.wte.weight) in slow and id(model.transformer.h[2].attn.qkv.weight) not in slow
    assert all(p.dim() > 1 for group in groups for p in group["params"] if group["weight_decay"])
