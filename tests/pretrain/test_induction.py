"""A fresh base copies before its first step."""

from __future__ import annotations

import torch

from t2q.pretrain.recipe import ModelPart
from t2q.pretrain.shape import build, model_config


def test_an_untrained_model_copies_what_it_has_read() -> None:
    """Forty of 300 random tokens are said again: the next is foreseen two hundred times as often as by chance."""
    model = build(model_config(ModelPart(layers=2), 4096), seed=3).eval()
    tokens = torch.randint(3, 4096, (16, 300), generator=torch.Generator().manual_seed(0))
    said = tokens[:, 40:80]
    with torch.no_grad():
        logits = model(torch.cat([tokens, said], 1))[:, -40:-1]
    logits.scatter_(-1, said[:, :-1, None], -torch.inf)  # tied embeddings: at first every token expects itself
    assert (logits.argmax(-1) == said[:, 1:]).float().mean() > 200 / 4096


def test_no_part_of_a_head_is_dead() -> None:
    """A query and a key that are both zero have no gradient."""
    config = model_config(ModelPart(layers=2), 4096)
    model = build(config, seed=3)
    for block in model.transformer.h:
        query, key, _ = block.attn.qkv.weight.detach().chunk(3)
        assert (query.norm(dim=1) + key.norm(dim=1) > 0).all()
