"""A 7B base of random weights, for `gpu.py`: in a real base's shape, with pico's tokenizer."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

TOKENIZER = Path("checkpoints/t2q/pico")
SHAPES: dict[str, tuple[str, dict[str, Any]]] = {
    "codellama-7b": ("CodeLlama-7b-hf", {}),
    "qwen2.5-7b": ("Qwen2.5-Coder-7B-Instruct", {}),
    "tiny": (
        "CodeLlama-7b-hf",
        {"n_layer": 2, "n_embd": 256, "n_head": 4, "n_query_groups": 4, "intermediate_size": 512},
    ),
}


def make_base(folder: Path, shape: str, device: str) -> None:
    """A LitGPT checkpoint of random weights, and the same as a Hugging Face folder in folder/hf."""
    import torch
    import yaml
    from litgpt.model import GPT, Config
    from transformers import LlamaConfig, Qwen2Config

    from t2q.conversion.hf import convert_to_hf

    name, changes = SHAPES[shape]
    config = Config.from_name(name, **changes)
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    default, _ = torch.get_default_dtype(), torch.set_default_dtype(torch.bfloat16)
    with torch.device(device):
        model = GPT(config)
        model.apply(model._init_weights)
    torch.set_default_dtype(default)
    torch.save({key: value.cpu() for key, value in model.state_dict().items()}, folder / "lit_model.pth")
    del model
    if device == "cuda":
        torch.cuda.empty_cache()  # this process lives on beside those that are measured
    (folder / "model_config.yaml").write_text(yaml.dump(asdict(config)), encoding="utf-8")
    for file in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "generation_config.json"):
        shutil.copyfile(TOKENIZER / file, folder / file)
    kind = Qwen2Config if config.attn_bias else LlamaConfig
    hf = kind(
        vocab_size=config.padded_vocab_size,
        hidden_size=config.n_embd,
        intermediate_size=config.intermediate_size,
        num_hidden_layers=config.n_layer,
        num_attention_heads=config.n_head,
        num_key_value_heads=config.n_query_groups,
        max_position_embeddings=config.block_size,
        rms_norm_eps=config.norm_eps,
        rope_theta=config.rope_base,
        architectures=["Qwen2ForCausalLM" if config.attn_bias else "LlamaForCausalLM"],
    )
    hf.save_pretrained(folder)
    convert_to_hf(folder, folder / "hf")
