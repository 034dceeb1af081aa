"""merge: the adapter added to the base's weights; a LitGPT checkpoint of the whole tuned model."""

from __future__ import annotations

from typing import Any

import torch

from t2q.bases import litgpt_checkpoint
from t2q.conversion.merge import merge, read_adapted
from t2q.prepared import Prepared
from t2q.stages import StageContext
from t2q.stages.parity import gate


def run(ctx: StageContext) -> dict[str, Any]:
    """Merges train/final into the base and holds the logits against those of base and adapter.

    Raises StageError, ParityError.
    """
    adapter, base = ctx.inputs["train"] / "final", litgpt_checkpoint(ctx.recipe.base)
    with ctx.progress.task("merging") as task:
        precision = merge(adapter, base, ctx.out)
        task.advance()
        before = read_adapted(adapter, base, Prepared.load(ctx.inputs["prepare"]).parity_prompts())
        return {"parity": gate(ctx, before, ctx.out, "merge", rounded=precision != torch.float32)}
