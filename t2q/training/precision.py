"""The precision to train a small model in, on whatever is there."""

from __future__ import annotations

import time

import torch
from litgpt.config import Config

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
