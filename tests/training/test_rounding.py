"""nf4 trains the function that is deployed: on a CPU, by bitsandbytes' own kernels for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from litgpt.lora import Config

from t2q.bases import litgpt_checkpoint
from t2q.stages.merge import validation_loss
from t2q.training.finetune import write_final
from t2q.training.loop import Training
from t2q.training.lora_model import adapter_weights, trainable_model
from t2q.training.packed import PackedPairs
from t2q.training.rounding import KINDS
from tests.models.builders import DATABASE, PAIRS
from tests.training.small import small_config, training

ON_PICO = {"precision": "bf16-true", "lora_dropout": 0.0}


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a base of ours, which is trained, answers well as it is."""
    folder = tmp_path_factory.mktemp("rows")
    content = [{"instruction": question, "input": DATABASE, "output": answer} for question, answer in PAIRS[:9]]
    for name in ("train", "val"):
        (folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def on_pico(rows: Path, **changes: Any) -> Training:
    config = small_config(rows, **ON_PICO, **changes)
    return training(
        config
        | {
            "checkpoint_dir": str(litgpt_checkpoint("t2q/pico-small")),
            "data": {"init_args": {"json_path": rows, "seed": 1}},
        }
    )


def first_loss(made: Training) -> float:
    made._validate()
    loss: float = made.history[0]["validation"]
    return loss


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_loss_is_that_of_the_unrounded_base(rows: Path, kind: str) -> None:
    assert first_loss(on_pico(rows, quantize=kind)) == pytest.approx(first_loss(on_pico(rows)), abs=0.05)


def test_litgpts_way_would_not_pass(rows: Path) -> None:
    """It swaps the embedding for bitsandbytes' StableEmbedding, which has a LayerNorm."""
    from bitsandbytes.nn import StableEmbedding

    whole, stock = first_loss(on_pico(rows)), on_pico(rows, quantize="bnb.nf4")
    embedding = stock.model.transformer.wte
    stable = StableEmbedding(*embedding.weight.shape)
    stable.weight = embedding.weight
    stock.model.transformer.wte = stable
    assert first_loss(stock) > whole + 0.5


def test_adapters_begin_alike_however_the_base_is_held() -> None:
    checkpoint = litgpt_checkpoint("t2q/pico-small")
    config = Config.from_file(checkpoint / "model_config.yaml", lora_r=4, lora_query=True, lora_mlp=True)
    models = [
        trainable_model(config, checkpoint / "lit_model.pth", torch.device("cpu"), dtype, kind, seed=3)
        for dtype, kind in ((torch.float32, None), (torch.bfloat16, "bnb.nf4"))
    ]
    first, second = map(adapter_weights, models)
    assert all(torch.equal(first[name], second[name]) and first[name].dtype == torch.float32 for name in first)
    assert any(weight.any() for weight in first.values())


def test_a_merge_onto_the_rounded_base_is_what_was_trained(tmp_path: Path) -> None:
    """Coarser weights than a trained model's, of which the adapter learns to make the best."""
    config = small_config(tmp_path / "made", quantize="bnb.nf4", **ON_PICO)
    config["train"] |= {"max_steps": 12}
    trained = training(config)
    assert trained.run()
    write_final(config, trained, tmp_path / "final")
    losses = {
        onto: validation_loss(
            PackedPairs(tmp_path / "made" / "rows"), tmp_path / "final", tmp_path / "made" / "base", onto
        )
        for onto in ("original", "rounded")
    }
    last = trained.history[-1]["validation"]
    assert losses["rounded"] == pytest.approx(last, abs=0.01)
    assert abs(losses["original"] - last) > abs(losses["rounded"] - last)


def test_rounding_leaves_head_and_embedding_whole_and_saves_the_rest() -> None:
    checkpoint = litgpt_checkpoint("t2q/pico-small")
    config = Config.from_file(
        checkpoint / "model_config.yaml", lora_r=4, lora_query=True, lora_projection=True, lora_mlp=True
    )
    model = trainable_model(config, checkpoint / "lit_model.pth", torch.device("cpu"), torch.bfloat16, "bnb.nf4", 1)
    block = model.transformer.h[0]
    for layer in (block.attn.qkv, block.attn.proj, block.mlp.fc_1, block.mlp.proj):
        weight = layer.linear.weight
        assert (
            weight.dtype == torch.uint8 and 2 * weight.numel() == layer.linear.in_features * layer.linear.out_features
        )
    assert model.lm_head.linear.weight.dtype == model.transformer.wte.weight.dtype == torch.bfloat16
