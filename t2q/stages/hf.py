"""hf: the merged model as a folder that transformers loads, with our chat template and the same logits."""

from __future__ import annotations

from typing import Any

from t2q.conversion.hf import convert_to_hf
from t2q.prepared import Prepared
from t2q.stages import StageContext
from t2q.stages.parity import gate


def run(ctx: StageContext) -> dict[str, Any]:
    """Converts and holds the logits against the merged checkpoint's. Raises StageError, ParityError."""
    with ctx.progress.task("converting to Hugging Face") as task:
        convert_to_hf(ctx.inputs["merge"], ctx.out, style=Prepared.load(ctx.inputs["prepare"]).style)
        task.advance()
        return {"parity": gate(ctx, ctx.inputs["merge"], ctx.out, "hf")}
