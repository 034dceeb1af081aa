"""merge: the adapter added to the base's weights; a LitGPT checkpoint of the whole tuned model."""

from __future__ import annotations

from typing import Any

from t2q.bases import litgpt_checkpoint
from t2q.conversion.merge import merge
from t2q.stages import StageContext


def run(ctx: StageContext) -> dict[str, Any] | None:
    """Merges train/final into the base."""
    merge(ctx.inputs["train"] / "final", litgpt_checkpoint(ctx.recipe.base), ctx.out)
    return None
