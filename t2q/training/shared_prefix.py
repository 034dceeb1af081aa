"""One schema, many questions: the schema's tokens are computed once for all pairs that stand behind it.

A row of tokens holds documents one after the other; a document is a prefix (the schema) and pairs (question and
answer). Every pair sees its document's prefix and itself only, and its positions go on from the end of the prefix, so
that each pair is computed as if it stood alone behind the schema: same loss, same gradients.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from t2q.training.document_attention import attend_documents
from t2q.training.pair_attention import PairRows, attend_pairs


def attention_mask(documents: Tensor, pairs: Tensor) -> Tensor:
    """Who sees whom: bool, shape (B, 1, T, T).

    `documents` and `pairs` number each token's document and pair, shape (B, T); pair 0 is a document's prefix.
    """
    tokens = documents.shape[1]
    causal = torch.ones(tokens, tokens, dtype=torch.bool, device=documents.device).tril()
    same_document = documents[:, :, None] == documents[:, None, :]
    same_pair = (pairs[:, None, :] == 0) | (pairs[:, :, None] == pairs[:, None, :])
    return (causal & same_document & same_pair)[:, None]


def hidden_states(
    model: Any, ids: Tensor, positions: Tensor, mask: Tensor | PairRows | None, recompute: bool = False
) -> Tensor:
    """The states before the output head of a LitGPT GPT (plain or with LoRA), shape (B, T, n_embd).

    Follows `litgpt.model.GPT.forward`, with positions and mask given instead of derived; without a mask, attention is
    causal. `recompute`: of each block, only the input is kept for the gradients, and the block is computed again, which
    takes a third more time.
    """
    config = model.config
    cos, sin = model.cos[positions], model.sin[positions]
    x = model.transformer.wte(ids)
    if config.scale_embeddings:
        x = x * torch.tensor(config.n_embd**0.5, dtype=x.dtype)
    for index, block in enumerate(model.transformer.h):
        run = partial(checkpoint, block, use_reentrant=False) if recompute else block
        if config.rope_indices is None:
            x = run(x, cos, sin, mask)
        else:
            rope = config.rope_indices[index]
            x = run(x, cos[..., rope], sin[..., rope], mask)
    states: Tensor = model.transformer.ln_f(x)
    return states


def prefix_attention(plain: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """LitGPT's `scaled_dot_product_attention` for a packed row, which is told of by a mask, by its pairs, or by planes.

    Planes are `attend_documents`'s, (2, T), of integers.
    A mask has rows for the last tokens only. Those before them are the prefix, which is causal in itself and sees
    nothing of what follows: those scores are never computed. Shapes: q, k, v (B, heads, T, head size), mask (B, 1, own
    tokens, T), result (B, T, heads, head size).
    """

    def attend(self: Any, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | PairRows | None = None) -> Tensor:
        scale = self.mscale**2 / math.sqrt(self.config.attention_scores_scalar or self.config.head_size)
        if isinstance(mask, PairRows):
            return attend_pairs(q, k, v, mask, scale)
        if mask is not None and mask.dtype == torch.long:
            return attend_documents(q, k, v, mask, scale)
        capped = self.config.attention_logit_softcapping is not None  # then LitGPT itself adds the mask to the scores
        if mask is not None and mask.dtype == torch.bool and (capped or not torch.compiler.is_compiling()):
            mask = _added(mask, q.dtype)
        shared = 0 if mask is None else q.shape[-2] - mask.shape[-2]
        if shared == 0:
            return plain(self, q, k, v, mask)
        prefix = plain(self, q[:, :, :shared], k[:, :, :shared], v[:, :, :shared])
        return torch.cat([prefix, plain(self, q[:, :, shared:], k, v, mask)], dim=1)

    return attend


def _added(mask: Any, dtype: torch.dtype) -> Tensor:
    """What a mask adds to scores, of that type, kept with it for the other layers.

    PyTorch would make it anew in each of them, and keep them all for the gradients.
    """
    made: Tensor | None = getattr(mask, "added", None)
    if made is None or made.dtype != dtype:
        made = torch.zeros_like(mask, dtype=dtype).masked_fill(~mask, torch.finfo(dtype).min)
        if not torch.compiler.is_compiling():
            mask.added = made
    return made
