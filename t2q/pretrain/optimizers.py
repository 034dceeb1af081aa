"""The optimizers of a pretraining, as its recipe names them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from litgpt.model import GPT
from torch.nn import Parameter
from torch.optim import Optimizer

from t2q.pretrain.recipe import TrainPart


def optimizers(model: GPT, part: TrainPart) -> list[Optimizer]:
    """AdamW for all weights; or, of `muon`, for all but the layers' matrices, which Muon then moves.

    Muon (Jordan et al., 2024) turns a matrix's momentum into the nearest orthogonal one, so that no few directions
    take all of a step; scaled as by Liu et al. (2025), with which AdamW's learning rate serves both.
    """
    matrices = [p for p in model.transformer.h.parameters() if p.dim() == 2] if part.optimizer == "muon" else []
    of_muon = {id(p) for p in matrices}
    rest = [p for p in model.parameters() if id(p) not in of_muon]
    adamw = torch.optim.AdamW(_groups(rest, part), lr=part.learning_rate, betas=(0.9, 0.95), fused=True)
    if not matrices:
        return [adamw]
    muon = torch.optim.Muon(
        matrices, lr=part.learning_rate, weight_decay=part.weight_decay, adjust_lr_fn="match_rms_adamw"
    )
    return [adamw, muon]


def _groups(parameters: Iterable[Parameter], part: TrainPart) -> list[dict[str, Any]]:
    """Matrices, and what is none and does not decay."""
    kinds: tuple[list[Parameter], list[Parameter]] = ([], [])
    for parameter in parameters:
        kinds[parameter.dim() < 2].append(parameter)
    return [{"params": kinds[0], "weight_decay": part.weight_decay}, {"params": kinds[1], "weight_decay": 0.0}]
