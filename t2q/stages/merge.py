"""merge: the adapter added to the base's weights; a LitGPT checkpoint of the whole tuned model.

After a quantised training, either to the base as it was rounded or to the unrounded one: what answers the validation
questions better.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

import torch
from litgpt.tokenizer import Tokenizer

from t2q.bases import litgpt_checkpoint
from t2q.conversion.merge import Onto, adapted, merge, read_adapted, rounding
from t2q.families import litgpt_context
from t2q.models.torch_model import device_and_dtype
from t2q.prepared import Prepared
from t2q.stages import StageContext
from t2q.stages.parity import gate
from t2q.training.packed import PackedPairs
from t2q.training.validation import validation_sums

ROW = 16  # validation pairs in a row: a matter of memory only


def run(ctx: StageContext) -> dict[str, Any]:
    """Merges train/final into the base and holds the logits against those of base and adapter.

    Raises StageError, ParityError.
    """
    adapter, base = ctx.inputs["train"] / "final", litgpt_checkpoint(ctx.recipe.base)
    facts: dict[str, Any] = {}
    with ctx.progress.task("merging") as task:
        onto: Onto = "original"
        if rounding(adapter)[0]:
            if ctx.recipe.merge == "better":
                data = PackedPairs(ctx.inputs["prepare"] / "litgpt", prompt=ctx.recipe.prompt)
                losses = {choice: validation_loss(data, adapter, base, choice) for choice in get_args(Onto)}
                onto = min(losses, key=lambda choice: losses[choice])
                facts["validation loss"] = losses
                ctx.log(f"merged into the {onto} base: validation loss {_told(losses)}")
            else:
                onto = ctx.recipe.merge
            facts["onto"] = onto
        precision = merge(adapter, base, ctx.out, onto)
        task.advance()
        prompts = Prepared.load(ctx.inputs["prepare"]).parity_prompts()
        before = read_adapted(adapter, base, prompts, onto=onto)
        return {**facts, "parity": gate(ctx, before, ctx.out, "merge", rounded=precision != torch.float32)}


def validation_loss(data: PackedPairs, adapter: Path, base: Path, onto: Onto) -> float:
    """The mean loss over the answer tokens of the validation questions that fit the base's context."""
    device, dtype = device_and_dtype("auto")
    model = adapted(adapter, base, onto).to(device, dtype)
    model.cos, model.sin = model.rope_cache(device=device)
    data.connect(Tokenizer(base), ROW)
    data.setup()
    samples = data.test_dataset
    assert samples is not None
    context = litgpt_context(asdict(model.config))
    fitting = [
        [number for number in group if len(samples[number]["input_ids"]) <= context]
        for group in data.validation_groups()
    ]
    groups = [group for group in fitting if group]
    loss, answers = validation_sums(model, samples, groups, device, torch.autocast(device.type, enabled=False)).tolist()
    return float(loss / answers)


def _told(losses: dict[Onto, float]) -> str:
    return ", ".join(f"{loss:.4f} {onto}" for onto, loss in losses.items())
