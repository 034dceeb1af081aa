"""quantize: the GGUF with fewer bits a weight, one file for each type that the recipe names.

Rounded with regard to what the model is given when it reads questions of the training set and answers them.
"""

from __future__ import annotations

from typing import Any

from t2q.conversion.importance import importance
from t2q.conversion.modelfile import modelfile
from t2q.conversion.quantize import quantize
from t2q.data.pairs import answer_text
from t2q.prepared import Prepared
from t2q.stages import StageContext
from t2q.stages.parity import gate

READ = 32  # questions


def run(ctx: StageContext) -> dict[str, Any]:
    """Quantises and holds each file's logits against f16. Raises StageError, ParityError."""
    if not ctx.recipe.gguf:
        return {"parity": {}}
    source = ctx.inputs["gguf"] / "model-f16.gguf"
    prepared = Prepared.load(ctx.inputs["prepare"])
    texts = [prepared.prompt(pair) + answer_text(pair) for pair in prepared.pairs("train")[:READ]]
    parity = {}
    with ctx.progress.task("quantising", total=len(ctx.recipe.gguf)) as task:
        matters = importance(ctx.inputs["hf"], texts)
        for kind in ctx.recipe.gguf:
            target = ctx.out / f"model-{kind}.gguf"
            quantize(source, target, kind, matters)
            parity[kind] = gate(ctx, source, target, kind)
            task.advance(1, note=kind)
    (ctx.out / "Modelfile").write_text(modelfile(target, prepared.system_text, prepared.style), encoding="utf-8")
    return {"parity": parity}
