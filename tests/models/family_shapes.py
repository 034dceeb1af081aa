"""A small model of each family as it is published: LitGPT's own configuration of one, made small, and random weights.

config.json is what transformers' class writes, in the published files' form; tokenizers are of the published kinds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from litgpt import Config
from tokenizers import Regex, Tokenizer, pre_tokenizers, processors
from transformers import (
    Gemma2Config,
    LlamaConfig,
    MistralConfig,
    Phi3Config,
    PreTrainedConfig,
    Qwen2Config,
    Qwen3Config,
)

from tests.models.builders import (
    LLAMA_SPECIALS,
    QWEN2_WORDS,
    QWEN_TOKENIZER,
    byte_level,
    checkpoint,
    qwen_tokenizer,
    sentencepiece,
)

CONTEXT = 2048
WINDOW = 1024  # longer than the prompts of the tests
SMALL = {"block_size": CONTEXT, "n_layer": 2, "n_head": 4, "n_embd": 128, "intermediate_size": 160}
GROUPED = {**SMALL, "n_query_groups": 2}
CAPS = {"attn_logit_softcapping": 5.0, "final_logit_softcapping": 8.0}  # low enough to be felt
STRETCHED = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}


def llama2_tokenizer() -> Tokenizer:
    return sentencepiece(600)


def mistral_tokenizer() -> Tokenizer:
    """Since v0.3 the space in front is the pre-tokenizer's work."""
    tokenizer = sentencepiece(600, [*LLAMA_SPECIALS, "[INST]", "[/INST]"])
    tokenizer.normalizer = None
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    return tokenizer


def code_llama_tokenizer() -> Tokenizer:
    tokenizer = sentencepiece(600)
    tokenizer.add_special_tokens(["▁<PRE>", "▁<SUF>", "▁<MID>", "▁<EOT>"])
    return tokenizer


def phi3_tokenizer() -> Tokenizer:
    tokenizer = sentencepiece(600)
    tokenizer.add_special_tokens(["<|endoftext|>", "<|assistant|>", "<|end|>"])
    return tokenizer


def llama3_tokenizer() -> Tokenizer:
    words = pre_tokenizers.Split(Regex(QWEN2_WORDS.replace("\\p{N}|", "\\p{N}{1,3}|")), "isolated")
    bytes_of = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    specials = ["<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"]
    tokenizer = byte_level(pre_tokenizers.Sequence([words, bytes_of]), 640, specials)
    template = processors.TemplateProcessing(single=f"{specials[0]} $A", special_tokens=[(specials[0], 0)])
    tokenizer.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), template])
    tokenizer.model.ignore_merges = True
    return tokenizer


def gemma_tokenizer() -> Tokenizer:
    runs = [character * length for character in "\n▁" for length in range(2, 32)]
    specials = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "<start_of_turn>", "<end_of_turn>"]
    tokenizer = sentencepiece(700, specials, runs, prefix=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    return tokenizer


LLAMA2 = {
    "tokenizer_class": "LlamaTokenizer",
    "bos_token": "<s>",
    "eos_token": "</s>",
    "unk_token": "<unk>",
    "add_bos_token": True,
    "legacy": False,
}
LLAMA3 = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "bos_token": "<|begin_of_text|>",
    "eos_token": "<|end_of_text|>",
    "clean_up_tokenization_spaces": True,
}
GEMMA = {
    "tokenizer_class": "GemmaTokenizer",
    "bos_token": "<bos>",
    "eos_token": "<eos>",
    "unk_token": "<unk>",
    "pad_token": "<pad>",
    "add_bos_token": True,
}


@dataclass(frozen=True)
class Shape:
    """`lit`: LitGPT's name of a published model, `small` what is changed of it, `more` what else config.json says."""

    lit: str
    hf: type[PreTrainedConfig]
    tokenizer: Callable[[], Tokenizer]
    tokenizer_config: dict[str, Any]
    small: dict[str, Any]
    tied: bool = False
    more: dict[str, Any] = field(default_factory=dict)
    scaling: dict[str, Any] | None = None

    def build(self, root: Path, **changes: Any) -> Path:
        """The checkpoint, in a folder of the published name, with weights that give well-spread logits."""
        tokenizer = self.tokenizer()
        size = -(-max(tokenizer.get_vocab().values()) // 64) * 64
        config = Config.from_name(self.lit, vocab_size=size, padded_vocab_size=size, **self.small | changes)
        folder = checkpoint(
            root / self.lit, config, tokenizer, self.tokenizer_config, self.hf, 0, self.tied,
            config.rope_adjustments, self.scaling, **self.more,
        )  # fmt: skip
        path = folder / "lit_model.pth"
        torch.save(spread(torch.load(path), config), path)
        return folder


def spread(state: dict[str, torch.Tensor], config: Config) -> dict[str, torch.Tensor]:
    """Random weights at a scale at which every part of the model moves the logits."""
    torch.manual_seed(3)
    tied = torch.equal(state["lm_head.weight"], state["transformer.wte.weight"])
    for name, weight in state.items():
        if "norm" in name or "ln_f" in name:
            weight.copy_(0.3 * torch.randn_like(weight) + ("Gemma" not in config.name))
        elif name.endswith("bias"):
            weight.copy_(0.5 * torch.randn_like(weight))
        else:
            weight.copy_(torch.randn_like(weight) * (3 if "qkv" in name else 2) / weight.shape[1] ** 0.5)
    if tied:
        state["lm_head.weight"] = state["transformer.wte.weight"]
    return state


SHAPES = {
    "Llama 2": Shape("Llama-2-7b-hf", LlamaConfig, llama2_tokenizer, LLAMA2, SMALL),
    "Llama 3": Shape("Llama-3-8B", LlamaConfig, llama3_tokenizer, LLAMA3, GROUPED),
    "Llama 3.2": Shape(
        "Llama-3.2-1B",
        LlamaConfig,
        llama3_tokenizer,
        LLAMA3,
        {**GROUPED, "rope_adjustments": {**STRETCHED, "original_max_seq_len": 64}},
        tied=True,
        more={"head_dim": 32},
        scaling={"rope_type": "llama3", **STRETCHED, "original_max_position_embeddings": 64},
    ),
    "CodeLlama": Shape(
        "CodeLlama-7b-hf",
        LlamaConfig,
        code_llama_tokenizer,
        {**LLAMA2, "tokenizer_class": "CodeLlamaTokenizer"},
        SMALL,
    ),
    "Mistral v0.1": Shape(
        "Mistral-7B-v0.1",
        MistralConfig,
        llama2_tokenizer,
        LLAMA2,
        {**GROUPED, "sliding_window_size": WINDOW},
        more={"sliding_window": WINDOW, "head_dim": None},
    ),
    "Mistral v0.3": Shape(
        "Mistral-7B-v0.3", MistralConfig, mistral_tokenizer, LLAMA2, GROUPED, more={"sliding_window": None}
    ),
    "Qwen2.5-Coder 0.5B": Shape("Qwen2.5-Coder-0.5B", Qwen2Config, qwen_tokenizer, QWEN_TOKENIZER, GROUPED, tied=True),
    "Qwen2.5-Coder 7B": Shape("Qwen2.5-Coder-7B", Qwen2Config, qwen_tokenizer, QWEN_TOKENIZER, GROUPED),
    "Qwen3 0.6B": Shape(
        "Qwen3-0.6B",
        Qwen3Config,
        qwen_tokenizer,
        QWEN_TOKENIZER,
        {**GROUPED, "head_size": 48},
        tied=True,
        more={"head_dim": 48},
    ),
    "Qwen3 8B": Shape("Qwen3-8B", Qwen3Config, qwen_tokenizer, QWEN_TOKENIZER, GROUPED, more={"head_dim": 32}),
    "Gemma 2": Shape(
        "Gemma-2-2b",
        Gemma2Config,
        gemma_tokenizer,
        GEMMA,
        {
            **GROUPED,
            "head_size": 48,
            "attention_scores_scalar": 48,
            "sliding_window_size": WINDOW,
            "attention_logit_softcapping": CAPS["attn_logit_softcapping"],
            "final_logit_softcapping": CAPS["final_logit_softcapping"],
        },
        tied=True,
        more={"head_dim": 48, "query_pre_attn_scalar": 48, "sliding_window": WINDOW, **CAPS},
    ),
    "Phi-3": Shape(
        "Phi-3-mini-4k-instruct",
        Phi3Config,
        phi3_tokenizer,
        {**LLAMA2, "eos_token": "<|endoftext|>", "add_bos_token": False},
        {**SMALL, "sliding_window_size": WINDOW},
        # LitGPT's window is longer by one
        more={"sliding_window": WINDOW - 1, "original_max_position_embeddings": CONTEXT, "pad_token_id": 0},
    ),
}
