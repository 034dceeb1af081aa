"""The pretrained model as a folder that transformers, LitGPT and t2q's own stages load, weights in bf16."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from litgpt.config import Config
from litgpt.utils import save_config

from t2q.conversion.hf import convert_to_hf, copy_tokenizer
from t2q.pretrain.tokenizer import BOS, EOS, PAD


def hf_config(config: Config, bos: int, eos: int, pad: int) -> dict[str, Any]:
    """The Llama configuration of transformers for a LitGPT configuration of that shape."""
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "attention_bias": False,
        "bos_token_id": bos,
        "eos_token_id": eos,
        "pad_token_id": pad,
        "head_dim": config.head_size,
        "hidden_act": "silu",
        "hidden_size": config.n_embd,
        "initializer_range": 0.02,
        "intermediate_size": config.intermediate_size,
        "max_position_embeddings": config.block_size,
        "num_attention_heads": config.n_head,
        "num_hidden_layers": config.n_layer,
        "num_key_value_heads": config.n_query_groups,
        "rms_norm_eps": config.norm_eps,
        "rope_theta": float(config.rope_base),
        "tie_word_embeddings": True,
        "vocab_size": config.padded_vocab_size,
    }


def export(state: dict[str, torch.Tensor], config: Config, tokenizer: Path, out: Path) -> None:
    """Writes the folder. `state`: LitGPT's weights by name; `tokenizer`: a folder with the tokenizer's files."""
    checkpoint = out / "litgpt"
    checkpoint.mkdir(parents=True)
    torch.save({name: tensor.to(torch.bfloat16) for name, tensor in state.items()}, checkpoint / "lit_model.pth")
    copy_tokenizer(tokenizer, checkpoint)
    vocabulary = json.loads((tokenizer / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
    ids = (vocabulary[token] for token in (BOS, EOS, PAD))
    (checkpoint / "config.json").write_text(json.dumps(hf_config(config, *ids), indent=2), encoding="utf-8")
    save_config(config, checkpoint)
    convert_to_hf(checkpoint, out)
    save_config(config, out)
    shutil.rmtree(checkpoint)
