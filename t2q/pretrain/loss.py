"""What a pretraining step minimises, over packed rows, and what of it is compiled."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from types import MethodType
from typing import Any

import torch
from litgpt.model import GPT
from torch.nn import functional as F

from t2q.pretrain.corpus import ANSWER
from t2q.pretrain.recipe import TrainPart
from t2q.training.kernels import by_kernel
from t2q.training.output_loss import ROWS, losses_and_slopes, output_loss
from t2q.training.shared_prefix import attention_mask, hidden_states, prefix_attention


def attend_rows(model: GPT) -> None:
    """Teaches a model's attention to read packed rows."""
    for block in model.transformer.h:
        plain = type(block.attn).scaled_dot_product_attention
        block.attn.scaled_dot_product_attention = MethodType(prefix_attention(plain), block.attn)


def one_row(batch: torch.Tensor) -> torch.Tensor:
    """The batch's rows as one, documents numbered on: (B, 5, T) to (1, 5, B * T)."""
    row = batch.transpose(0, 1).reshape(1, 5, -1).clone()
    after = (torch.arange(len(batch), device=batch.device) * batch.shape[2])[:, None]
    row[0, 1] = torch.where(batch[:, 1] < 0, -1, batch[:, 1] + after).flatten()
    return row


@dataclass(frozen=True)
class Computing:
    """What of a step may be compiled."""

    states: Callable[..., torch.Tensor] = hidden_states
    rows: Callable[..., Any] = losses_and_slopes


PLAIN = Computing()


def compiled() -> Computing:
    """torch.compile writes C++ for a CPU and needs a compiler for it; on a GPU it brings its own."""
    if not torch.cuda.is_available() and shutil.which("g++") is None:
        return PLAIN
    return Computing(torch.compile(hidden_states, dynamic=False), torch.compile(losses_and_slopes, dynamic=False))


def loss_of(
    model: Any, batch: torch.Tensor, part: TrainPart, by: Computing = PLAIN
) -> tuple[torch.Tensor, torch.Tensor]:
    """Weighted cross-entropy to minimise, and the plain mean over answer tokens. `batch`: planes, (B, 5, T).

    Schema and question count a little, too: a model that must continue names it has seen learns to copy them sooner.
    """
    by_planes = by_kernel(batch.device)
    batch = one_row(batch) if by_planes else batch
    ids, documents, pairs, positions, roles = batch.unbind(1)
    seen = torch.cat([documents, pairs]) if by_planes else attention_mask(documents, pairs)
    states = by.states(model, ids, positions, seen)
    weights = torch.tensor([part.schema_weight, part.question_weight, 1.0], device=ids.device)[roles[:, 1:]]
    # the first token of a pair follows the prefix, not the pair that stands before it in the row; it is not predicted
    follows = (documents[:, 1:] == documents[:, :-1]) & (documents[:, 1:] >= 0) & (pairs[:, 1:] == pairs[:, :-1])
    weights = (weights * follows).flatten()
    counted = weights.nonzero()[:, 0]
    filling = -len(counted) % ROWS
    weights = F.pad(weights[counted], (0, filling))
    counted = F.pad(counted, (0, filling))
    loss, losses = output_loss(
        states[:, :-1].flatten(0, 1)[counted], model.lm_head.weight, ids[:, 1:].flatten()[counted], weights, by.rows
    )
    answers = losses[(roles[:, 1:].flatten()[counted] == ANSWER) & (weights > 0)].mean()
    return loss / weights.sum(), answers
