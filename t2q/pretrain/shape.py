"""The base's shape: a Llama of a few million parameters, as LitGPT's GPT."""

from __future__ import annotations

import math

import torch
from litgpt.config import Config
from litgpt.model import GPT

from t2q.pretrain.induction import write_induction_heads
from t2q.pretrain.recipe import ModelPart


def model_config(part: ModelPart, vocabulary: int) -> Config:
    """LitGPT's configuration of the shape. The name must not begin like one of LitGPT's other families."""
    return Config(
        name="t2q-pico",
        hf_config={"org": "t2q", "name": "pico"},
        block_size=part.context,
        vocab_size=vocabulary,
        padded_vocab_size=vocabulary,
        n_layer=part.layers,
        n_head=part.heads,
        n_query_groups=part.heads,
        n_embd=part.width,
        intermediate_size=part.hidden,
        rotary_percentage=1.0,
        parallel_residual=False,
        bias=False,
        norm_class_name="RMSNorm",
        norm_eps=1e-5,
        mlp_class_name="LLaMAMLP",
        rope_base=500_000,  # half of each head turns so slowly that it can compare what is far apart
    )


def build(config: Config, seed: int) -> GPT:
    """A fresh model that can copy: tied embeddings, projections into the residual stream scaled down by depth."""
    torch.manual_seed(seed)
    model = GPT(config)
    model.apply(model._init_weights)
    for name, parameter in model.named_parameters():
        if name.endswith("proj.weight"):
            torch.nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * config.n_layer))
    if config.n_layer > 1:
        write_induction_heads(model, config, seed)
    model.lm_head.weight = model.transformer.wte.weight
    return model
