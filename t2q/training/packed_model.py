"""LitGPT's model on packed rows: the forward that understands them, and the loss of their answers."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from litgpt.lora import GPT as LoraGPT
from litgpt.model import CausalSelfAttention, do_softcapping
from torch import Tensor

from t2q.training import adapters, pointwise
from t2q.training.kernels import by_kernel
from t2q.training.output_loss import losses_and_slopes, output_loss
from t2q.training.packed_row import FILLING, IGNORE, PAIR_SHIFT, PREDICTS, unpack
from t2q.training.pair_attention import PairRows
from t2q.training.shared_prefix import attention_mask, hidden_states, prefix_attention


def _by_pairs(config: Any, device: torch.device) -> bool:
    """Whether attention goes by pairs rather than by a mask: on a CPU, where the model's is the usual one."""
    special = config.attention_logit_softcapping or config.latent_attention
    return device.type == "cpu" and not special


def _seen(config: Any, idx: Tensor, pairs: Tensor) -> Tensor | PairRows:
    """Who sees whom in a packed row, in the form that is fastest here."""
    if not _by_pairs(config, idx.device):
        return attention_mask(torch.zeros_like(pairs), pairs)[:, :, int((pairs == 0).sum()) :]
    filling = idx & FILLING != 0
    if by_kernel(idx.device):
        return torch.cat([-filling.long(), pairs])
    return PairRows.of(pairs[0], int((~filling).sum()))


def answer_states(model: Any, idx: Tensor, recompute: bool = False) -> Tensor:
    """The states before the output head where a token is to be predicted, (1, n + 1, n_embd); the last says nothing.

    `idx`: a packed row, (1, T). `recompute`: as for `hidden_states`.
    """
    ids, pairs, positions = unpack(idx)
    # no pair is longer than attention's window, and LitGPT would put the window's mask in the place of the row's
    for block in model.transformer.h:
        block.attn.apply_sliding_window_attention = False
    states = hidden_states(model, ids, positions, _seen(model.config, idx, pairs), recompute)
    predicts = (idx[0] & PREDICTS).bool()
    predicts[-1] = True  # the logits that LitGPT's loop leaves out
    return states[:, predicts]


def answer_loss(model: Any, row: dict[str, Tensor], recompute: bool = False) -> Tensor:
    """The sum of the cross-entropies of a packed row's answer tokens, whose logits never stand in memory together."""
    targets = row["labels"][0, 1:]
    states = answer_states(model, row["input_ids"], recompute)[0, :-1]
    by_rows = partial(losses_and_slopes, cap=model.config.final_logit_softcapping)
    counted = (targets != IGNORE).float()
    loss: Tensor = output_loss(states, model.lm_head.linear.weight, targets.clamp(min=0), counted, by_rows)[0]
    return loss


def install() -> None:
    """Teaches LitGPT's LoRA model to read packed rows, and bitsandbytes' embedding to be a plain one, once.

    Under nf4, LitGPT swaps the embedding for bitsandbytes' StableEmbedding, whose LayerNorm no deployed model has.
    """
    if getattr(LoraGPT.forward, "reads_packed_rows", False):
        return
    plain = LoraGPT.forward

    def forward(self: LoraGPT, idx: Tensor, *args: Any, lm_head_chunk_size: int = 0, **kwargs: Any) -> Any:
        if int(idx.max()) < 1 << PAIR_SHIFT:
            return plain(self, idx, *args, lm_head_chunk_size=lm_head_chunk_size, **kwargs)
        states = answer_states(self, idx)
        threshold = self.config.final_logit_softcapping
        cap = partial(do_softcapping, thresh=threshold) if threshold is not None else torch.nn.Identity()
        if lm_head_chunk_size:
            return [cap(self.lm_head(part)) for part in states.split(lm_head_chunk_size, dim=1)]
        return cap(self.lm_head(states))

    forward.reads_packed_rows = True  # type: ignore[attr-defined]
    LoraGPT.forward = forward  # type: ignore[method-assign]
    adapters.install()
    pointwise.install()
    CausalSelfAttention.scaled_dot_product_attention = prefix_attention(  # type: ignore[method-assign]
        CausalSelfAttention.scaled_dot_product_attention
    )
    if torch.cuda.is_available():  # nf4 is for CUDA; importing bitsandbytes elsewhere only costs time
        plain_embedding()


def plain_embedding() -> None:
    """Gives bitsandbytes a StableEmbedding without its LayerNorm; before LitGPT imports it."""
    import bitsandbytes as bnb

    class PlainEmbedding(bnb.nn.StableEmbedding):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.norm = torch.nn.Identity()  # type: ignore[assignment]

    setattr(bnb.nn, "StableEmbedding", PlainEmbedding)  # noqa: B010  a plain assignment to a class is no type
