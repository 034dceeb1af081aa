"""quantize: the GGUF with fewer bits a weight, one file for each type that the recipe names."""

from __future__ import annotations

from typing import Any

from t2q.conversion.modelfile import modelfile
from t2q.conversion.quantize import quantize
from t2q.prepared import Prepared
from t2q.stages import StageContext
from t2q.stages.parity import gate


def run(ctx: StageContext) -> dict[str, Any]:
    """Quantises and holds each file's logits against f16. Raises StageError, ParityError."""
    source = ctx.inputs["gguf"] / "model-f16.gguf"
    parity = {}
    with ctx.progress.task("quantising", total=len(ctx.recipe.gguf)) as task:
        for kind in ctx.recipe.gguf:
            target = ctx.out / f"model-{kind}.gguf"
            quantize(source, target, kind)
            parity[kind] = gate(ctx, source, target, kind)
            task.advance(1, note=kind)
    if ctx.recipe.gguf:
        text = Prepared.load(ctx.inputs["prepare"]).database_text
        (ctx.out / "Modelfile").write_text(modelfile(target, text), encoding="utf-8")
    return {"parity": parity}
