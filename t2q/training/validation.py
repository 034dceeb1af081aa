"""The loss over answers that a model was not trained on."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from t2q.training.memory import give_back, is_out_of_memory, too_little
from t2q.training.packed_model import answer_loss
from t2q.training.packed_row import IGNORE, pack


@torch.no_grad()
def validation_sums(
    model: Any,
    samples: Dataset[dict[str, Any]],
    groups: Iterable[list[int]],
    device: torch.device,
    autocast: AbstractContextManager[Any],
) -> Tensor:
    """The sum of the cross-entropies of all answer tokens, and their number: shape (2,), float64, on the device.

    Each of `groups` numbers samples that share their schema, and is computed as one row; as two, where the memory is
    too small. Raises StageError where it is for a single sample.
    """
    sums = torch.zeros(2, dtype=torch.float64, device=device)
    waiting = list(groups)[::-1]
    while waiting:
        group = waiting.pop()
        loss: Tensor | None = None
        try:
            row = to_device(pack([samples[number] for number in group]), device)
            with autocast:
                loss = answer_loss(model, row)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if len(group) == 1:
                raise too_little(error) from None
        if loss is None:
            waiting += [group[len(group) // 2 :], group[: len(group) // 2]]
            give_back(device)
        else:
            sums += torch.stack([loss.double(), (row["labels"] != IGNORE).sum().double()])
    return sums


def to_device(row: dict[str, Any], device: torch.device) -> dict[str, Tensor]:
    """What a model is to be given of a packed row."""
    return {name: row[name].to(device, non_blocking=True) for name in ("input_ids", "labels")}
