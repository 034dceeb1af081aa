"""gguf: the model as model-f16.gguf for llama.cpp, and a Modelfile for Ollama beside it."""

from __future__ import annotations

from typing import Any

from t2q.conversion.gguf import convert_to_gguf
from t2q.conversion.modelfile import modelfile
from t2q.prepared import Prepared
from t2q.stages import StageContext
from t2q.stages.parity import gate


def run(ctx: StageContext) -> dict[str, Any]:
    """Converts and holds the logits against the Hugging Face folder's. Raises StageError, ParityError."""
    target = ctx.out / "model-f16.gguf"
    prepared = Prepared.load(ctx.inputs["prepare"])
    description = f"t2q on {ctx.recipe.base}"
    with ctx.progress.task("converting to GGUF") as task:
        convert_to_gguf(
            ctx.inputs["hf"], target, "f16", name=ctx.recipe.name, description=description, style=prepared.style
        )
        task.advance()
        parity = gate(ctx, ctx.inputs["hf"], target, "f16")
    (ctx.out / "Modelfile").write_text(modelfile(target, prepared.system_text, prepared.style), encoding="utf-8")
    return {"parity": parity}
