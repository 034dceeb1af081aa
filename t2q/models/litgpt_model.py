"""A LitGPT checkpoint folder as a model: `lit_model.pth`, `model_config.yaml` and the tokenizer files."""

from __future__ import annotations

import math
from dataclasses import asdict
from functools import partial
from pathlib import Path

import torch
from litgpt import GPT, Config
from torch import Tensor

from t2q.errors import T2QError
from t2q.families import litgpt_context
from t2q.models.shared_attention import SharedPrefix, capped
from t2q.models.torch_model import TorchModel, device_and_dtype
from t2q.training.lora_model import read_weights
from t2q.training.shared_prefix import hidden_states


class LitGPTModel(TorchModel):
    """Greedy answers from a LitGPT checkpoint, through LitGPT's own blocks.

    Reads within attention's window, so that there is none. Raises T2QError where the checkpoint cannot be read.
    """

    def __init__(self, checkpoint_dir: Path, device: str = "auto") -> None:
        target, dtype = device_and_dtype(device)
        self._gpt: GPT = _load(checkpoint_dir, target, dtype)
        config = self._gpt.config
        assert config.padded_vocab_size and config.n_query_groups and config.head_size
        token_bytes = 2 * config.n_layer * config.n_query_groups * config.head_size * dtype.itemsize
        length = litgpt_context(asdict(config))
        super().__init__(checkpoint_dir, target, config.padded_vocab_size, length, config.n_head, token_bytes)
        self._shared: SharedPrefix | None = None
        for layer, block in enumerate(self._gpt.transformer.h):
            plain = block.attn.scaled_dot_product_attention
            block.attn.apply_sliding_window_attention = False
            block.attn.scaled_dot_product_attention = partial(self._attention, layer, block.attn.mscale, plain)

    def _attention(
        self, layer: int, mscale: float, plain: partial[Tensor], q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None
    ) -> Tensor:
        """In place of LitGPT's: q, k, v (rows, heads, new, head size) -> (rows, new, heads, head size)."""
        if self._shared is None:
            return plain(q, k, v, mask)
        config = self._gpt.config
        scale = mscale**2 / math.sqrt(config.attention_scores_scalar or config.head_size)
        heads_per_group = config.n_head // config.n_query_groups
        k, v = k[:, ::heads_per_group], v[:, ::heads_per_group]  # LitGPT has repeated them for each head
        return self._shared.attend(layer, q, k, v, scale, config.attention_logit_softcapping).transpose(1, 2)

    def _hidden(self, ids: Tensor, positions: Tensor, shared: SharedPrefix) -> Tensor:
        self._shared = shared
        try:
            return hidden_states(self._gpt, ids, positions, None)
        finally:
            self._shared = None

    def _head(self, hidden: Tensor) -> Tensor:
        return capped(self._gpt.lm_head(hidden), self._gpt.config.final_logit_softcapping)

    def _plain_logits(self, ids: Tensor) -> Tensor:
        logits: Tensor = self._gpt(ids)
        return logits

    def close(self) -> None:
        self._gpt = None


def _load(folder: Path, device: torch.device, dtype: torch.dtype) -> GPT:
    for name in ("lit_model.pth", "model_config.yaml"):
        if not (folder / name).is_file():
            raise T2QError(f"{folder} is no LitGPT checkpoint: it has no {name}")
    config = Config.from_file(folder / "model_config.yaml")
    try:
        state = read_weights(folder / "lit_model.pth")
    except (RuntimeError, EOFError, OSError) as error:
        raise T2QError(f"{folder}/lit_model.pth cannot be read ({error}): make or download it again") from error
    with torch.device("meta"):
        gpt = GPT(config)
    try:
        gpt.load_state_dict({name: weight.to(device, dtype) for name, weight in state.items()}, assign=True)
    except RuntimeError as error:
        raise T2QError(f"{folder}/lit_model.pth does not fit its model_config.yaml: {error}") from error
    gpt.cos, gpt.sin = gpt.rope_cache(device=device)
    return gpt.eval().requires_grad_(False)
