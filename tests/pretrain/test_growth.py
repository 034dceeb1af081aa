"""A grown model computes what the smaller one did, and all of it learns."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from litgpt.model import GPT
from safetensors.torch import load_file

from t2q.errors import RecipeError
from t2q.fingerprint import place_of_base
from t2q.pretrain.growth import grow, grown_base
from t2q.pretrain.recipe import ModelPart, PretrainRecipe
from t2q.pretrain.run import pretrain
from t2q.pretrain.shape import model_config

# the norms' epsilon apart, which is all that makes a difference, nothing may
OLD, NEW = (
    dataclasses.replace(model_config(part, 300), norm_eps=1e-12)
    for part in (
        ModelPart(layers=2, heads=2, width=64, hidden=96, context=128),
        ModelPart(layers=4, heads=5, width=160, hidden=224, context=128),
    )
)


def test_the_logits_are_the_smaller_models_and_every_weight_learns() -> None:
    small, large = GPT(OLD), GPT(NEW)
    small.lm_head.weight = small.transformer.wte.weight
    large.lm_head.weight = large.transformer.wte.weight
    large.load_state_dict(grow(small.state_dict(), OLD, NEW, 2))
    ids = torch.randint(3, 300, (2, 50), generator=torch.Generator().manual_seed(1))
    before = small(ids)
    torch.testing.assert_close(large(ids), before, rtol=0, atol=1e-4)
    first = {name: weight.detach().clone() for name, weight in large.named_parameters()}
    optimizer = torch.optim.AdamW(large.parameters(), lr=1e-3)
    for _ in range(6):  # what writes learns first, what reads it next
        torch.nn.functional.cross_entropy(large(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten()).backward()
        optimizer.step()
        optimizer.zero_grad()
    for name, weight in large.named_parameters():
        learnt = (weight != first[name]).float().mean()
        assert learnt > (0.5 if "wte" in name else 0.99), (name, learnt)


def test_a_base_grows_only_into_what_holds_it() -> None:
    smaller = ModelPart(layers=3, heads=8, width=256, hidden=768)
    with pytest.raises(RecipeError) as error:
        grown_base("t2q/pico-small", model_config(smaller, 300), 1)
    for said in ("for layers, more than 3", "its heads are", "its vocabulary has"):
        assert said in str(error.value)
    with pytest.raises(RecipeError, match="t2q/none is not in"):
        grown_base("t2q/none", NEW, 1)


def test_a_recipe_names_where_to_start(tmp_path: Path) -> None:
    path = tmp_path / "grown.yaml"
    path.write_text(yaml.safe_dump({"name": "grown", "start": "t2q/pico-small", "tokenizer": {"vocabulary": 300}}))
    with pytest.raises(RecipeError, match=r"its vocabulary has \d+ entries, not 300"):
        pretrain(path)
    path.write_text("name: grown\nstart: meta-llama/Llama-3\n")
    with pytest.raises(RecipeError, match="start"):
        PretrainRecipe.load(path)


@pytest.mark.slow
def test_a_base_that_was_started_from_is_trained_on(tmp_path: Path) -> None:
    """The whole command, in a shape that is wider; its tokenizer is the base's."""
    recipe = {
        "name": "grown",
        "start": "t2q/pico-small",
        "model": {"heads": 5, "width": 320},
        "corpus": {"rows": 2, "row_tokens": 768},
        "train": {"steps": 1, "rows": 1, "warmup": 1, "precision": "32-true"},
        "evaluate": {"documents": 1},
    }
    (tmp_path / "grown.yaml").write_text(yaml.safe_dump(recipe))
    plain = {**os.environ, "TORCHDYNAMO_DISABLE": "1"}
    command = [sys.executable, "-m", "t2q", "pretrain", "grown.yaml"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, env=plain)
    run, base = tmp_path / "runs" / "grown", place_of_base("t2q/pico-small")
    assert (run / "tokenizer" / "tokenizer.json").read_bytes() == (base / "tokenizer.json").read_bytes()
    grown = load_file(run / "export" / "model.safetensors")["model.embed_tokens.weight"].float()
    started = load_file(base / "model.safetensors")["model.embed_tokens.weight"].float()
    assert grown.shape == (4096, 320)
    assert (grown[:, :256] - started).abs().max() < 0.01  # one step, at most 5e-4 and bf16's rounding
