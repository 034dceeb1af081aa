"""How much each input of a matrix counts, for llama.cpp's quantiser: how strong it is when real text is read.

A quantiser that is told so (by an "importance matrix") rounds with more care what is multiplied by more. The figure is
that of llama.cpp's own tool: the mean square of the input over the tokens
(https://github.com/ggml-org/llama.cpp/tree/master/tools/imatrix).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from t2q.conversion.gguf import gguf_names
from t2q.families import family_of
from t2q.models.hf_model import HFModel
from t2q.models.tokenizer import read_json


def importance(hf_folder: Path, texts: Sequence[str]) -> dict[str, np.ndarray]:
    """By a matrix's name in GGUF, the mean square of each of its inputs, float32, (in,).

    What the texts begin with in common is counted once, so that a schema does not outweigh the questions about it.
    """
    config = read_json(hf_folder / "config.json")
    names = gguf_names(family_of(config, hf_folder / "config.json"), config)
    sums: dict[str, Any] = {}
    model = HFModel(hf_folder)
    with model:
        for module_name, module in model.linear_layers():
            name = names.get_name(f"{module_name}.weight", try_suffixes=(".weight",)) or module_name

            def add(_: torch.nn.Module, given: tuple[torch.Tensor, ...], name: str = name) -> None:
                squares = given[0].detach().float().square()
                sums[name] = sums.get(name, 0) + squares.sum(tuple(range(squares.dim() - 1)))

            module.register_forward_pre_hook(add)
        tokens = model.feed(texts)
    return {name: (total / tokens).cpu().numpy() for name, total in sums.items()}
