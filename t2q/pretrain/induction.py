"""An initialisation in which copying already works: two layers that find where a token stood and what followed it.

A model of this size learns copying late or never from schemas alone (hundreds of names, each seen seldom), and one that
cannot copy cannot write a name that it reads. The circuit is the induction head of Olsson et al., "In-context Learning
and Induction Heads" (2022), written into the weights instead of waited for; everything else starts at random, and all
of it is trained.

Its two layers, for some heads each:

1. The *previous-token* head attends one place back, and writes what it sees there, rotated by R, beside the token's own
   embedding. Position comes from the rotary embedding alone: a constant in every embedding's dimension 0 is read into
   the fast rotary pairs, the query's turned back by one step.
2. The *induction* head's query is the token itself, its key the previous token's note. They meet where this token stood
   before: at the place after it. The slow rotary pairs carry the comparison, which must not turn with the distance.
   Its value is the token found there, written into the residual stream, where the tied output head reads it.
"""

from __future__ import annotations

import torch
from litgpt.config import Config
from litgpt.model import GPT
from torch import Tensor

HEADS = 2  # in each of the two layers
STD = 0.04  # of embeddings
CONSTANT = 4.0  # dimension 0 of each embedding, in units of STD
POSITION = 6.0  # length of query and key in each fast rotary pair
FAST_PAIRS = 12
MATCH = 1.6  # scale of the compared parts: a match is worth MATCH^2 * head_size / 2 / sqrt(head_size) in logits
STRENGTH = 2.0  # of what is copied, against an embedding


def _rotation(size: int, generator: torch.Generator) -> Tensor:
    """A random orthogonal matrix that leaves dimension 0 empty, shape (size, size)."""
    matrix = torch.zeros(size, size)
    matrix[1:, 1:] = torch.linalg.qr(torch.randn(size - 1, size - 1, generator=generator))[0]
    return matrix


@torch.no_grad()
def write_induction_heads(model: GPT, config: Config, seed: int) -> None:
    """Writes the circuit into layers 0 and 1 and fills the embeddings. Needs two layers, and heads of their own keys.

    LitGPT keeps queries, keys and values in one matrix, one below the other, heads in order.
    """
    width, size, half = config.n_embd, config.head_size, config.head_size // 2
    generator = torch.Generator().manual_seed(seed)
    own, noted, copied = (_rotation(width, generator) for _ in range(3))
    embedding: Tensor = model.transformer.wte.weight
    embedding.normal_(0, STD, generator=generator)
    embedding[:, 0] = CONSTANT * STD
    turn = config.rope_base ** (-torch.arange(half) / half)
    fast = torch.arange(min(half // 2, FAST_PAIRS))
    slow = torch.cat([torch.arange(half // 2, half), torch.arange(half + half // 2, size)])
    first, second = (model.transformer.h[layer].attn for layer in (0, 1))
    kept = min(size, (width - 1) // HEADS)  # dimensions that a head carries
    for head in range(min(HEADS, config.n_head)):
        query, key, value = (slice(part * width + head * size, part * width + (head + 1) * size) for part in range(3))
        part = slice(1 + head * kept, 1 + (head + 1) * kept)
        for attention in (first, second):
            attention.qkv.weight[head * size : (head + 1) * size] = 0
            attention.qkv.weight[key] = 0
            attention.qkv.weight[value] = 0
            attention.proj.weight[:, query] = 0

        amplitude = POSITION / CONSTANT
        first.qkv.weight[key][fast, 0] = amplitude
        first.qkv.weight[query][fast, 0] = amplitude * turn[fast].cos()
        first.qkv.weight[query][fast + half, 0] = -amplitude * turn[fast].sin()
        first.qkv.weight[value][:kept] = own[part]
        first.proj.weight[:, query][:, :kept] = STD * noted[part].T

        compared = slow[:kept]
        second.qkv.weight[query][compared] = MATCH * own[part][: len(compared)]
        second.qkv.weight[key][compared] = MATCH * noted[part][: len(compared)]
        second.qkv.weight[value][:kept] = copied[part]
        second.proj.weight[:, query][:, :kept] = STRENGTH * STD * copied[part].T

        for attention in (first, second):
            # where query and key were both zero, neither would ever learn
            silent = attention.qkv.weight[query].norm(dim=1) == 0
            attention.qkv.weight[key][silent] = torch.randn(int(silent.sum()), width, generator=generator) * 0.02
