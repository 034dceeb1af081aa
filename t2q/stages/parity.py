"""The parity gate that every conversion passes: its logits against those of the step before, on fixed prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from t2q.models import open_model
from t2q.models.parity import ParityLimits, Reading, check_parity, read
from t2q.models.torch_model import device_and_dtype
from t2q.prepared import Prepared
from t2q.stages import StageContext

# A lossless step shows rounding only; what a quantisation may cost is seen in execution accuracy, so these bounds only
# catch a broken one. Seen on a Llama shape: f16 1e-6, q8_0 8e-5, q4_k_m 9e-3 nats.
LIMITS = {
    "merge": ParityLimits(max_difference=0.01, agreement=0.999),
    "hf": ParityLimits(max_difference=0.01, agreement=0.999),
    "f16": ParityLimits(mean_kl=1e-3, agreement=0.98),
    "q8_0": ParityLimits(mean_kl=1e-2),
    "q4_k_m": ParityLimits(mean_kl=0.5),
}
# Where one of the two has weights in bf16, or is computed in it (a GPU), rounding alone moves a logit of 8 by 0.06: no
# single logit tells.
ROUNDED = ParityLimits(mean_kl=2e-2, agreement=0.9)
IN_TORCH = ("merge", "hf", "f16")  # steps of which one side at least is computed by torch


def gate(
    ctx: StageContext, before: Path | Sequence[Reading], after: Path, step: str, rounded: bool = False
) -> dict[str, Any]:
    """The figures of `after` against `before`. Raises ParityError, naming step and figure, beyond the step's bounds.

    `rounded`: the step itself rounds weights to fewer than 32 bits. One model is open at a time: two of 7 B parameters
    need not fit the device together.
    """
    prompts = Prepared.load(ctx.inputs["prepare"]).parity_prompts()
    first = _readings(before, prompts) if isinstance(before, Path) else before
    return asdict(check_parity(first, _readings(after, prompts), limits(step, rounded), step))


def limits(step: str, rounded: bool = False) -> ParityLimits:
    """What a step may lose on this machine."""
    in_bf16 = step in IN_TORCH and device_and_dtype("auto")[1] != torch.float32
    return ROUNDED if rounded or in_bf16 else LIMITS[step]


def _readings(path: Path, prompts: Sequence[str]) -> list[Reading]:
    with open_model(path) as model:
        return read(model, prompts)
