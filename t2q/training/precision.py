"""In which precision a model is trained: what LitGPT's names mean, and which is fastest for a small one."""

from __future__ import annotations

import time

import torch
from litgpt.config import Config

# How each precision of LitGPT is held and computed: the base's type, and Fabric's name. Adapters are always float32:
# sixteen bits would round away what a step adds to them.
PRECISIONS = {
    "32-true": (torch.float32, "32-true"),
    "bf16-mixed": (torch.float32, "bf16-mixed"),
    "bf16-true": (torch.bfloat16, "bf16-mixed"),
    "16-true": (torch.float16, "16-mixed"),
}
MEASURED_SECONDS = 0.25  # for each of the two


def fastest_precision(config: Config) -> str:
    """ "bf16-mixed" where it is clearly faster than "32-true" for the model's matrices, measured.

    CPUs differ by more than an order of magnitude, both ways.
    """
    if torch.cuda.is_available():
        return "bf16-mixed"
    a, b = torch.randn(2048, config.n_embd), torch.randn(config.n_embd, config.intermediate_size)

    def rate(dtype: torch.dtype) -> float:
        x, y = a.to(dtype), b.to(dtype)
        x @ y
        start, rounds = time.perf_counter(), 0
        while time.perf_counter() - start < MEASURED_SECONDS:
            x @ y
            rounds += 1
        return rounds / (time.perf_counter() - start)

    return "bf16-mixed" if rate(torch.bfloat16) > 1.5 * rate(torch.float32) else "32-true"
