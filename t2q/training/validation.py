"""The loss over answers that a model was not trained on."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from t2q.training.packed import IGNORE, answer_loss, pack


@torch.no_grad()
def validation_sums(
    model: Any,
    samples: Dataset[dict[str, Any]],
    groups: Iterable[list[int]],
    device: torch.device,
    autocast: AbstractContextManager[Any],
) -> Tensor:
    """The sum of the cross-entropies of all answer tokens, and their number: shape (2,), float64, on the device.

    Each of `groups` numbers samples that share their schema, and is computed as one row.
    """
    sums = torch.zeros(2, dtype=torch.float64, device=device)
    for group in groups:
        row = to_device(pack([samples[number] for number in group]), device)
        with autocast:
            loss = answer_loss(model, row)
        sums += torch.stack([loss.double(), (row["labels"] != IGNORE).sum().double()])
    return sums


def to_device(row: dict[str, Any], device: torch.device) -> dict[str, Tensor]:
    """What a model is to be given of a packed row."""
    return {name: row[name].to(device, non_blocking=True) for name in ("input_ids", "labels")}
