"""What a training does when the device's memory is too small: the same step with less of it at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from t2q.errors import StageError


@dataclass(frozen=True)
class Thrift:
    """How a step is computed. `recompute`: activations are not kept but computed again. `parts`: pairs are packed into
    so many rows, one after the other. Neither changes what the step computes.
    """

    recompute: bool = False
    parts: int = 1

    def more(self, pairs: int) -> Thrift | None:
        """The next that needs less memory for a step of `pairs` pairs on a device, or None.

        Recomputing comes first: it takes a third more time, where each further row repeats the schema's tokens.
        """
        if not self.recompute:
            return replace(self, recompute=True)
        if self.parts < pairs:
            return replace(self, parts=min(pairs, 2 * self.parts))
        return None

    def __str__(self) -> str:
        rows = f"{self.parts} rows a step" if self.parts > 1 else "one row a step"
        return f"{rows}, activations computed again" if self.recompute else rows


# What a CPU's allocator says, then what CUDA and its libraries say of memory that they take themselves.
_SAID = ("can't allocate memory", "CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED")


def is_out_of_memory(error: BaseException) -> bool:
    """PyTorch has a class of its own for its memory on GPUs, and otherwise a message only."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(words in str(error) for words in _SAID)


def give_back(device: torch.device) -> None:
    """What a try that ran out of memory has left unused."""
    if device.type == "cuda":
        torch.cuda.empty_cache()


def too_little(error: BaseException | None) -> StageError:
    return StageError(f"out of memory even with one pair at a time: {error}; take a smaller base")
