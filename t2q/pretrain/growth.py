"""A wider and deeper model that computes what a trained one does, to be trained on.

What is new reads what is there and writes nothing yet: its way out is zero and the first to learn. So the model begins
where the smaller one ended, and the new part comes in as it is of use. The idea is that of Chen, Goodfellow and Shlens,
"Net2Net" (2016), who copy units; zeros need no telling apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from litgpt.config import Config
from torch import Tensor

from t2q.bases import litgpt_checkpoint
from t2q.errors import RecipeError

State = dict[str, Tensor]
_SIZES = {"n_layer": "layers", "n_head": "heads", "n_embd": "width", "intermediate_size": "hidden"}


def grown_base(base: str, new: Config, seed: int) -> State:
    """LitGPT's weights of shape `new` that compute what a base does. Raises RecipeError as `fitting` does."""
    folder, old = fitting(base, new)
    return grow(torch.load(folder / "lit_model.pth", weights_only=True), old, new, seed)


def fitting(base: str, new: Config) -> tuple[Path, Config]:
    """The checkpoint of a base that can grow into the shape, and its own.

    Raises RecipeError where the base is not there or does not fit.
    """
    folder = litgpt_checkpoint(base)
    old = Config.from_file(folder / "model_config.yaml")
    if wrong := misfits(old, new):
        raise RecipeError(f"start: {base} does not grow into this model: {'; '.join(wrong)}")
    return folder, old


def misfits(old: Config, new: Config) -> list[str]:
    """Why a model cannot grow into another; nothing where it can."""
    smaller = [
        f"it has {getattr(old, name)} for {key}, more than {getattr(new, name)}"
        for name, key in _SIZES.items()
        if getattr(old, name) > getattr(new, name)
    ]
    if old.head_size != new.head_size:
        smaller.append(f"its heads are {old.head_size} wide (width / heads), not {new.head_size}")
    if old.padded_vocab_size != new.padded_vocab_size:
        smaller.append(f"its vocabulary has {old.padded_vocab_size} entries, not {new.padded_vocab_size}")
    return smaller


@torch.no_grad()
def grow(state: State, old: Config, new: Config, seed: int) -> State:
    """LitGPT's weights of shape `new` that give the logits of `state`, of shape `old`.

    Both are Llama shapes with tied embeddings, that have no `misfits`; new layers come last. The logits differ by what
    the norms' epsilon is: the mean square that it is added to is smaller, by the ratio of the widths.
    """
    assert old.head_size and new.head_size
    place = _Place(state, new.n_embd, torch.arange(old.n_embd), torch.Generator().manual_seed(seed))
    hidden, heads = torch.arange(old.intermediate_size), torch.arange(old.n_head * old.head_size)
    size = new.n_head * new.head_size
    projections = torch.cat([heads + part * size for part in range(3)])
    embedding = torch.zeros(new.padded_vocab_size, new.n_embd)
    embedding[:, place.kept] = state["transformer.wte.weight"].float()
    grown = {"transformer.wte.weight": embedding, "lm_head.weight": embedding}
    for layer in range(new.n_layer):
        at = f"transformer.h.{layer}."
        for name in ("norm_1", "norm_2"):
            grown[f"{at}{name}.weight"] = place.norm(f"{at}{name}.weight")
        grown[f"{at}attn.qkv.weight"] = place.reading(f"{at}attn.qkv.weight", 3 * size, projections)
        grown[f"{at}attn.proj.weight"] = place.writing(f"{at}attn.proj.weight", size, heads)
        for name in ("fc_1", "fc_2"):
            grown[f"{at}mlp.{name}.weight"] = place.reading(f"{at}mlp.{name}.weight", new.intermediate_size, hidden)
        grown[f"{at}mlp.proj.weight"] = place.writing(f"{at}mlp.proj.weight", new.intermediate_size, hidden)
    grown["transformer.ln_f.weight"] = place.norm("transformer.ln_f.weight")
    return grown


@dataclass(frozen=True)
class _Place:
    """Lays old weights into new ones. `kept`: where the old dimensions are among the `width` new ones."""

    state: State
    width: int
    kept: Tensor
    generator: torch.Generator

    def norm(self, name: str) -> Tensor:
        """The mean square is now taken over more dimensions, of which the new ones hold nothing."""
        new = torch.ones(self.width)
        if name in self.state:
            new[self.kept] = self.state[name].float() * math.sqrt(len(self.kept) / self.width)
        return new

    def reading(self, name: str, rows: int, old: Tensor) -> Tensor:
        """Shape (rows, width). Rows at `old` do not read the new dimensions yet; the other rows read all."""
        new = torch.empty(rows, self.width).normal_(0, 0.02, generator=self.generator)
        if name in self.state:
            new[old] = 0
            new[old[:, None], self.kept] = self.state[name].float()
        return new

    def writing(self, name: str, columns: int, old: Tensor) -> Tensor:
        """Shape (width, columns). Only columns at `old` write, and only into old dimensions."""
        new = torch.zeros(self.width, columns)
        if name in self.state:
            new[self.kept[:, None], old] = self.state[name].float()
        return new
