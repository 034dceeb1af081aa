"""The stages of a pretraining run: tokenizer → corpus → pretrain → export → evaluate."""

from __future__ import annotations

import json
import os
import shutil
from typing import Any

import numpy as np
import torch

from t2q.bases import base_folder
from t2q.conversion.hf import copy_tokenizer
from t2q.pretrain.corpus import make_rows, sample_texts
from t2q.pretrain.evaluate import evaluate
from t2q.pretrain.export import export
from t2q.pretrain.recipe import PretrainRecipe
from t2q.pretrain.shape import model_config
from t2q.pretrain.tokenizer import save_tokenizer, train_tokenizer
from t2q.pretrain.train import pretrain_loop
from t2q.prompt import OWN
from t2q.stages import Stage, StageContext

_ROWS_AT_ONCE = 256

PRETRAIN_STAGES = (
    Stage(
        "tokenizer",
        (),
        ("seed", "start", "tokenizer", "model"),
        ("tokenizers",),
        "t2q.pretrain.stages:make_tokenizer",
        fingerprints=("t2q.fingerprint:corpus", "t2q.fingerprint:start"),
    ),
    Stage(
        "corpus",
        ("tokenizer",),
        ("seed", "corpus"),
        ("tokenizers",),
        "t2q.pretrain.stages:make_corpus",
        fingerprints=("t2q.fingerprint:corpus",),
    ),
    Stage(
        "pretrain",
        ("tokenizer", "corpus"),
        ("seed", "start", "tokenizer", "model", "train"),
        ("litgpt", "lightning", "torch"),
        "t2q.pretrain.stages:pretrain",
        fingerprints=("t2q.fingerprint:start",),
    ),
    Stage(
        "export",
        ("tokenizer", "pretrain"),
        ("tokenizer", "model"),
        ("litgpt", "torch", "safetensors"),
        "t2q.pretrain.stages:export_model",
    ),
    Stage("evaluate", ("export",), ("seed", "evaluate"), ("litgpt", "torch"), "t2q.pretrain.stages:evaluate_model"),
)


def _recipe(ctx: StageContext) -> PretrainRecipe:
    assert isinstance(ctx.recipe, PretrainRecipe)
    return ctx.recipe


def make_tokenizer(ctx: StageContext) -> None:
    """The vocabulary, learnt from made-up documents, or that of the base to begin from."""
    recipe = _recipe(ctx)
    if recipe.start:
        copy_tokenizer(base_folder(recipe.start), ctx.out)
        return
    with ctx.progress.task("training the tokenizer") as task:
        tokenizer = train_tokenizer(
            sample_texts(recipe.seed, recipe.tokenizer.documents, recipe.corpus.sources), recipe.tokenizer.vocabulary
        )
        task.advance()
    save_tokenizer(tokenizer, ctx.out, recipe.model.context, OWN.chat_template)


def make_corpus(ctx: StageContext) -> dict[str, Any]:
    """rows.npy, shape (rows, 5, row_tokens), int32."""
    recipe = _recipe(ctx)
    part, tokenizer = recipe.corpus, ctx.inputs["tokenizer"] / "tokenizer.json"
    rows = np.lib.format.open_memmap(
        ctx.out / "rows.npy", mode="w+", dtype=np.int32, shape=(part.rows, 5, part.row_tokens)
    )
    with ctx.progress.task("writing the corpus", total=part.rows) as task:
        for first in range(0, part.rows, _ROWS_AT_ONCE):
            number = min(_ROWS_AT_ONCE, part.rows - first)
            rows[first : first + number] = make_rows(
                tokenizer, recipe.seed, first, number, part.row_tokens, os.cpu_count() or 1, part.sources
            )
            task.advance(number)
    rows.flush()
    return {"tokens": int((rows[:, 1] >= 0).sum())}


def pretrain(ctx: StageContext) -> dict[str, Any]:
    """weights.pth and losses.jsonl; interrupted, it goes on from its last checkpoint."""
    recipe = _recipe(ctx)
    rows = np.load(ctx.inputs["corpus"] / "rows.npy", mmap_mode="r")
    config = model_config(recipe.model, recipe.tokenizer.vocabulary)
    with ctx.progress.task("pretraining", total=recipe.train.steps) as task:
        done = 0

        def on_step(step: int, loss: float, speed: float) -> None:
            nonlocal done
            task.advance(step - done, note=f"loss {loss:.3f} · {speed:,.0f} tokens/s")
            done = step

        model = pretrain_loop(recipe, config, rows, ctx.scratch, on_step)
    torch.save(model.state_dict(), ctx.out / "weights.pth")
    shutil.copyfile(ctx.scratch / "losses.jsonl", ctx.out / "losses.jsonl")
    return {"parameters": sum(p.numel() for p in model.parameters())}


def export_model(ctx: StageContext) -> None:
    """The folder that ships: bf16 safetensors, config, tokenizer."""
    recipe = _recipe(ctx)
    config = model_config(recipe.model, recipe.tokenizer.vocabulary)
    state = torch.load(ctx.inputs["pretrain"] / "weights.pth", weights_only=True)
    export(state, config, ctx.inputs["tokenizer"], ctx.out)


def evaluate_model(ctx: StageContext) -> dict[str, Any]:
    """scores.json: exact queries on schemas and wordings that the training never saw."""
    found = evaluate(ctx.inputs["export"], _recipe(ctx).seed + 1, _recipe(ctx).evaluate.documents, ctx.progress)
    (ctx.out / "scores.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return found
