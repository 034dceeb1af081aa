"""A base with adapters beside its layers, ready to train: the base frozen, the adapters in float32."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from litgpt.lora import GPT, Config
from torch import Tensor
from torch.nn import Parameter

from t2q.training.rounding import adapted_layers, quantize


def trainable_model(
    config: Config, weights: Path, device: torch.device, dtype: torch.dtype, kind: str | None, seed: int
) -> GPT:
    """The model on the device; `weights` is the base's lit_model.pth, `dtype` the type that it is held in.

    `kind`: how its weights are rounded, one of `rounding.KINDS`. No more than a layer of them stands on the device
    unrounded. Raises RuntimeError where weights and config do not belong together.
    """
    model = on_base(config, read_weights(weights))
    model.requires_grad_(False)
    start_adapters(model, seed)
    if kind:
        quantize(model, kind, device, dtype)
    for name, parameter in model.named_parameters():
        is_adapter = "lora_" in name
        rounded = parameter.dtype == torch.uint8
        if not rounded:
            parameter.data = parameter.data.to(device, torch.float32 if is_adapter else dtype)
        parameter.requires_grad_(is_adapter)
    model.cos, model.sin = model.rope_cache(device=device)
    return model


def on_base(config: Config, weights: dict[str, Tensor]) -> GPT:
    """A model of the config that holds the weights; adapters that are not among them have none yet (device "meta").

    Raises RuntimeError where weights and config do not belong together.
    """
    with torch.device("meta"):
        model = GPT(config)
    found = model.load_state_dict(weights, strict=False, assign=True)
    missing = [name for name in found.missing_keys if "lora_" not in name]
    if missing or found.unexpected_keys:
        raise RuntimeError(f"missing: {missing[:3]}; not known: {found.unexpected_keys[:3]}")
    return model


def read_weights(path: Path) -> dict[str, Tensor]:
    """The weights in a LitGPT checkpoint, mapped, not read, until they are used."""
    state: dict[str, Any] = torch.load(path, mmap=True, weights_only=True)
    weights: dict[str, Tensor] = state.get("model", state)
    return weights


def start_adapters(model: GPT, seed: int) -> None:
    """Draws A as LoRA does (Hu et al., 2021; uniform, as a linear layer's own weights) and sets B to zero, on the CPU.

    From the seed alone, whatever the device and however the base is held.
    """
    generator = torch.Generator().manual_seed(seed)
    for layer in adapted_layers(model):
        bound = 1 / math.sqrt(layer.lora_A.shape[1])
        a = torch.empty(layer.lora_A.shape).uniform_(-bound, bound, generator=generator)
        layer.lora_A, layer.lora_B = Parameter(a), Parameter(torch.zeros(layer.lora_B.shape))


def adapter_weights(model: GPT) -> dict[str, Tensor]:
    """The adapters' weights by name, on the CPU."""
    return {name: value.detach().cpu() for name, value in model.named_parameters() if "lora_" in name}
