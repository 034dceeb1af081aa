"""Base models: where they lie, and each as the LitGPT checkpoint that training starts from."""

from __future__ import annotations

import json
from pathlib import Path

from filelock import FileLock

from t2q.errors import RecipeError
from t2q.fingerprint import OWN_BASES, files_digest, place_of_base

_STAMP = "lit_model.json"  # the digest of the weights that lit_model.pth was made from


def is_here(base: str) -> bool:
    """Whether the base is there to be trained, shipped with t2q or downloaded."""
    return (place_of_base(base) / _weights(base)).is_file()


def base_folder(base: str) -> Path:
    """The folder of a base that is there. Raises RecipeError where it is not."""
    folder = place_of_base(base)
    if not is_here(base):
        how = (
            "bases called t2q/… come with the repository of t2q; run in a clone of it, or copy the folder there"
            if base.startswith(OWN_BASES)
            else "`t2q run` downloads it"
        )
        raise RecipeError(f"base {base} is not in {folder}: {how}")
    return folder


def _weights(base: str) -> str:
    return "model.safetensors" if base.startswith(OWN_BASES) else "lit_model.pth"


def litgpt_checkpoint(base: str) -> Path:
    """The base as a LitGPT checkpoint folder; one of our own is converted there on first use.

    Raises RecipeError where the base is not there.
    """
    folder = base_folder(base)
    if base.startswith(OWN_BASES):
        digest = files_digest([folder / "model.safetensors", folder / "model_config.yaml"], folder)
        stamp = folder / _STAMP
        with FileLock(folder / "lit_model.lock"):  # two first runs may start at once
            done = stamp.is_file() and json.loads(stamp.read_text()) == digest and (folder / "lit_model.pth").is_file()
            if not done:
                _convert(folder)
                stamp.write_text(json.dumps(digest))
    return folder


def _convert(folder: Path) -> None:
    """model.safetensors as lit_model.pth in float32, by LitGPT's own mapping of a Llama shape's weights."""
    import torch
    from litgpt.config import Config
    from litgpt.scripts.convert_hf_checkpoint import copy_weights_hf_llama
    from safetensors.torch import load_file

    config = Config.from_file(folder / "model_config.yaml")
    weights = {name: tensor.float() for name, tensor in load_file(folder / "model.safetensors").items()}
    state: dict[str, torch.Tensor] = {}
    copy_weights_hf_llama(config, {}, state, weights)
    state.setdefault("lm_head.weight", state["transformer.wte.weight"])
    temporary = folder / "lit_model.pth.tmp"
    torch.save(state, temporary)
    temporary.replace(folder / "lit_model.pth")
