"""The families of bases that t2q trains and converts, by the architecture that a base's config.json names.

One table that the check before a run and both conversions read. What a family leaves open is told by config.json; what
of it LitGPT, transformers and llama.cpp would not all compute alike is refused by name.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from t2q.errors import StageError

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Family:
    """How a family's weights travel.

    `gguf`: its architecture in GGUF. `weights`: LitGPT's function from its own weights to transformers'
    (`litgpt.scripts.convert_lit_checkpoint`), which goes by the configuration's name where `litgpt_name` says so.
    `interleaved`: llama.cpp rotates neighbours in queries and keys, where transformers rotates halves. `unit_offset`:
    norms multiply by 1 + weight, which GGUF stores as one number.
    """

    gguf: str
    weights: str
    litgpt_name: str | None = None
    interleaved: bool = False
    unit_offset: bool = False


FAMILIES = {
    "LlamaForCausalLM": Family("llama", "copy_weights_llama", interleaved=True),
    "MistralForCausalLM": Family("llama", "copy_weights_llama", interleaved=True),
    "Qwen2ForCausalLM": Family("qwen2", "copy_weights_qwen_2_5"),
    "Qwen3ForCausalLM": Family("qwen3", "copy_weights_qwen_3"),
    "Gemma2ForCausalLM": Family("gemma2", "copy_weights_gemma_2", unit_offset=True),
    "Phi3ForCausalLM": Family("phi3", "copy_weights_phi", litgpt_name="Phi-3"),
}
ROPE_TYPES = ("default", "linear", "llama3")  # that LitGPT, transformers and llama.cpp compute alike

# What of config.json is refused, and what to take instead.
REFUSED: tuple[tuple[Callable[[Json], object], str], ...] = (
    (
        lambda c: c.get("num_local_experts") or c.get("num_experts"),
        "is a mixture of experts: take a dense model, such as Mistral-7B-v0.3 or Qwen3-4B-Base",
    ),
    (
        lambda c: rope(c)["rope_type"] not in ROPE_TYPES,
        "stretches positions in a way that LitGPT, transformers and llama.cpp do not share (rope_scaling): "
        "take the model with the short context, such as Phi-3-mini-4k-instruct",
    ),
    (
        lambda c: rope(c).get("partial_rotary_factor", 1) != 1,
        "rotates a part of each head only (partial_rotary_factor): take another model, such as Qwen2.5-Coder-1.5B",
    ),
    (
        lambda c: c.get("use_sliding_window"),
        "attends through a sliding window (use_sliding_window), which LitGPT leaves out: take Qwen2.5-Coder or Qwen3",
    ),
    (
        lambda c: "query_pre_attn_scalar" in c and c["query_pre_attn_scalar"] != _gemma_scalar(c),
        "scales attention's scores otherwise than llama.cpp does (query_pre_attn_scalar): take one of Google's Gemma 2",
    ),
    (
        lambda c: c.get("attention_bias") or c.get("mlp_bias"),
        "has biases where LitGPT has none (attention_bias, mlp_bias): take another model, such as Qwen2.5-Coder-1.5B",
    ),
    (
        lambda c: c.get("quantization_config"),
        "has quantised weights (quantization_config): take the model that they were made from, "
        "and train.quantize where memory is short",
    ),
)

# What config.json and LitGPT's model_config.yaml both tell. They differ where a model was downloaded under the name of
# another, and then LitGPT would train another function than is deployed.
TOLD_TWICE = {
    "hidden_size": "n_embd",
    "intermediate_size": "intermediate_size",
    "num_hidden_layers": "n_layer",
    "num_attention_heads": "n_head",
    "num_key_value_heads": "n_query_groups",
    "head_dim": "head_size",
    "query_pre_attn_scalar": "attention_scores_scalar",
    "attn_logit_softcapping": "attention_logit_softcapping",
    "final_logit_softcapping": "final_logit_softcapping",
}
# LitGPT's names of what config.json says of positions
_ROPE_FIELDS = {
    "factor": "factor",
    "low_freq_factor": "low_freq_factor",
    "high_freq_factor": "high_freq_factor",
    "original_max_position_embeddings": "original_max_seq_len",
}


def _gemma_scalar(config: Json) -> float:
    """By the root of what llama.cpp divides scores in Gemma 2, whose 27 B model it knows by its 46 layers."""
    if config["num_hidden_layers"] == 46:
        return float(config["hidden_size"] / config["num_attention_heads"])
    return float(config["head_dim"])


def family_of(config: Json, path: Path) -> Family:
    """By the config.json that was read from a path. Raises StageError where it is none of those known."""
    if architecture(config) not in FAMILIES:
        raise StageError(f"the model of {path} is {_unknown(config)}")
    return FAMILIES[architecture(config)]


def architecture(config: Json) -> str:
    """What config.json names, "" where it names nothing."""
    return str((config.get("architectures") or [""])[0])


def _unknown(config: Json) -> str:
    return f"{architecture(config) or 'of no named architecture'}; t2q can convert {', '.join(FAMILIES)}"


def refusals(config: Json, lit_config: Json) -> Iterator[str]:
    """Why a base cannot be taken, a line each, by its config.json and its model_config.yaml."""
    yield from (why for holds, why in REFUSED if holds(config))
    if architecture(config) not in FAMILIES:
        yield f"is {_unknown(config)}"
        return
    told = {mine: (config.get(mine), lit_config.get(its)) for mine, its in TOLD_TWICE.items()}
    told["rope_theta"] = (rope(config)["rope_theta"], lit_config.get("rope_base"))
    told["rope_scaling"] = _stretching(config, lit_config)
    for key, (mine, its) in told.items():
        if mine is not None and its is not None and mine != its:
            yield (
                f"has {key} {mine} in config.json and {its} in model_config.yaml: download it again, "
                "and name what it is to LitGPT (`litgpt download … --model_name`)"
            )


def _stretching(config: Json, lit_config: Json) -> tuple[dict[str, float], dict[str, float]]:
    """By how much positions are stretched, as config.json and as model_config.yaml have it."""
    mine, its = rope(config), lit_config.get("rope_adjustments") or {}
    scaled = {"factor": lit_config["rope_condense_ratio"]} if lit_config.get("rope_condense_ratio", 1) != 1 else its
    used = {"linear": ["factor"], "llama3": list(_ROPE_FIELDS)}.get(mine["rope_type"], [])
    return (
        {name: float(mine[name]) for name in used},
        {name: float(scaled[field]) for name, field in _ROPE_FIELDS.items() if field in scaled},
    )


def rope(config: Json) -> dict[str, Any]:
    """Rotary embedding's parameters, as transformers 5 ("rope_parameters") or earlier versions write them."""
    found = {"rope_theta": config.get("rope_theta") or 10000.0} | (config.get("rope_scaling") or {})
    found |= {key: config[key] for key in ("partial_rotary_factor",) if key in config}
    found |= config.get("rope_parameters") or {}
    return found | {"rope_type": found.get("rope_type") or found.get("type") or "default"}


def context(config: Json) -> int:
    """Tokens that a model of this config.json reads at most, answer included.

    No more than attention's window: within it the window changes nothing, so that training, transformers and llama.cpp,
    which leaves some families' windows out, compute the same.
    """
    return int(min(config["max_position_embeddings"], window(config) or math.inf))


def window(config: Json) -> int | None:
    """How many tokens back attention sees in some layers or all, None where it sees everything."""
    return config.get("sliding_window") if config.get("use_sliding_window", True) else None


def litgpt_context(lit_config: Json) -> int:
    """The same by LitGPT's model_config.yaml."""
    return int(min(lit_config["block_size"], lit_config.get("sliding_window_size") or math.inf))
