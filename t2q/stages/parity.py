"""The parity gate that every conversion passes: its logits against those of the step before, on fixed prompts."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from t2q.models import open_model
from t2q.models.parity import ParityLimits, check_parity
from t2q.prepared import Prepared
from t2q.stages import StageContext

# A lossless step shows rounding only; what a quantisation may cost is seen in execution accuracy, so these bounds only
# catch a broken one. Seen on a Llama shape: f16 1e-6, q8_0 8e-5, q4_k_m 9e-3 nats.
LIMITS = {
    "hf": ParityLimits(max_difference=0.01, agreement=0.999),
    "f16": ParityLimits(mean_kl=1e-3, agreement=0.98),
    "q8_0": ParityLimits(mean_kl=1e-2),
    "q4_k_m": ParityLimits(mean_kl=0.5),
}


def gate(ctx: StageContext, before: Path, after: Path, step: str) -> dict[str, Any]:
    """The figures of `after` against `before`. Raises ParityError, naming step and figure, beyond the step's bounds."""
    prompts = Prepared.load(ctx.inputs["prepare"]).parity_prompts()
    with open_model(before) as first, open_model(after) as second:
        return asdict(check_parity(first, second, prompts, LIMITS[step], step))
