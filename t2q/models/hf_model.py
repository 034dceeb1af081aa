"""A Hugging Face folder as a model: `config.json`, safetensors and the tokenizer files, through transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.modeling_utils import AttentionInterface
from transformers.utils import logging as transformers_logging

from t2q.errors import T2QError
from t2q.families import context
from t2q.models.shared_attention import SharedPrefix, capped, causal
from t2q.models.torch_model import TorchModel, device_and_dtype

ATTENTION = "t2q_shared_prefix"


def _attention(
    module: Any,  # an attention layer
    query: Tensor,
    key: Tensor,
    value: Tensor,
    _mask: Tensor | None,  # transformers makes none for an attention that is not its own
    scaling: float,
    softcap: float | None = None,
    shared: SharedPrefix | None = None,
    **_: Any,  # a sliding window among it, within which everything is read here
) -> tuple[Tensor, None]:
    """transformers' attention interface: causal, or behind a shared prefix."""
    if shared is None:
        return causal(query, key, value, scaling, softcap).transpose(1, 2), None
    return shared.attend(module.layer_idx, query, key, value, scaling, softcap).transpose(1, 2), None


AttentionInterface.register(ATTENTION, _attention)


class HFModel(TorchModel):
    """Greedy answers from a Hugging Face folder. Raises T2QError where it cannot be loaded."""

    def __init__(self, folder: Path, device: str = "auto") -> None:
        target, dtype = device_and_dtype(device)
        transformers_logging.disable_progress_bar()
        try:
            model: Any = AutoModelForCausalLM.from_pretrained(
                folder, dtype=dtype, attn_implementation=ATTENTION, local_files_only=True
            )
            self._hf_tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        except (OSError, ValueError, RuntimeError, ImportError, SafetensorError) as error:
            raise T2QError(f"{folder} is no Hugging Face model that transformers can load: {error}") from error
        self._model = model.to(target).eval().requires_grad_(False)
        config = model.config
        groups = config.num_key_value_heads or config.num_attention_heads
        head_size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        super().__init__(
            folder,
            target,
            config.vocab_size,
            context(config.to_dict()),
            config.num_attention_heads,
            2 * config.num_hidden_layers * groups * head_size * dtype.itemsize,
        )

    def encode(self, text: str) -> list[int]:
        """By transformers' tokenizer, as every user of the folder gets it."""
        ids: list[int] = self._hf_tokenizer(text, split_special_tokens=True)["input_ids"]
        return ids

    def _hidden(self, ids: Tensor, positions: Tensor, shared: SharedPrefix) -> Tensor:
        output = self._model.base_model(input_ids=ids, position_ids=positions, use_cache=False, shared=shared)
        hidden: Tensor = output.last_hidden_state
        return hidden

    def _head(self, hidden: Tensor) -> Tensor:
        logits: Tensor = self._model.get_output_embeddings()(hidden)
        return capped(logits, getattr(self._model.config, "final_logit_softcapping", None))

    def _plain_logits(self, ids: Tensor) -> Tensor:
        logits: Tensor = self._model(input_ids=ids, use_cache=False).logits
        return logits

    def linear_layers(self) -> list[tuple[str, torch.nn.Module]]:
        """The matrices of the layers, by transformers' names of their modules."""
        return [(name, m) for name, m in self._model.named_modules() if isinstance(m, torch.nn.Linear)]

    def close(self) -> None:
        self._model = None
