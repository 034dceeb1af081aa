"""A LitGPT checkpoint as a Hugging Face folder.

LitGPT's own `convert_from_litgpt` writes one `model.pth` that neither transformers nor GGUF converters load. Its weight
mapping is right and is used here; the rest of the folder is written as transformers expects it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import split_torch_state_dict_into_shards
from litgpt import Config
from litgpt.scripts import convert_lit_checkpoint
from safetensors.torch import save_file
from transformers import AutoTokenizer

from t2q.conversion.chat_template import chat_template
from t2q.errors import StageError
from t2q.families import Family, family_of
from t2q.models.tokenizer import FolderTokenizer, read_json
from t2q.prompt import OWN, PromptStyle
from t2q.training.lora_model import read_weights

Progress = Callable[[int, int], None]

TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer.model",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "tokenizer_config.json",
)


def convert_to_hf(
    checkpoint_dir: Path, out_dir: Path, on_progress: Progress | None = None, style: PromptStyle = OWN
) -> None:
    """Writes the folder: safetensors (in shards of 5 GB), config, tokenizer, chat template, generation config.

    `on_progress` gets shards done and in all. Raises StageError where the checkpoint's architecture is not known or its
    files do not belong together.
    """
    config = read_json(checkpoint_dir / "config.json")
    family = family_of(config, checkpoint_dir / "config.json")
    lit_config = Config.from_file(checkpoint_dir / "model_config.yaml")
    weights, tied = _hf_weights(checkpoint_dir, lit_config, family)
    embedding = weights["model.embed_tokens.weight"]
    tokenizer = FolderTokenizer(checkpoint_dir)
    eos = tokenizer.eos_ids[0] if len(tokenizer.eos_ids) == 1 else list(tokenizer.eos_ids)
    config.pop("dtype", None)  # transformers 5's name for it, which would outweigh the other
    config |= {
        "rms_norm_eps": lit_config.norm_eps,  # that of the training: for Gemma 2, LitGPT has another than config.json
        "tie_word_embeddings": tied,
        "vocab_size": embedding.shape[0],
        "torch_dtype": str(embedding.dtype).removeprefix("torch."),
        "eos_token_id": eos,
    }
    out_dir.mkdir(parents=True, exist_ok=True)
    _write_weights(weights, out_dir, on_progress)
    _write_json(out_dir / "config.json", config)
    _copy_tokenizer(tokenizer, checkpoint_dir, out_dir, style)
    pad = config.get("pad_token_id")
    generation = {
        "do_sample": False,
        "eos_token_id": eos,
        "pad_token_id": tokenizer.eos_ids[0] if pad is None else pad,
    }
    if tokenizer.bos_id is not None:
        generation["bos_token_id"] = tokenizer.bos_id
    _write_json(out_dir / "generation_config.json", generation)


def _hf_weights(checkpoint_dir: Path, config: Config, family: Family) -> tuple[dict[str, torch.Tensor], bool]:
    """The weights under transformers' names, and whether the output weights are the embedding's (then left out).

    The tensors decide, not the base's config: training can untie what was tied. LitGPT itself chooses the mapping by
    the configuration's name, which a renamed base breaks.
    """
    lit = read_weights(checkpoint_dir / "lit_model.pth")
    head = lit.pop("lm_head.weight")
    tied = torch.equal(head, lit["transformer.wte.weight"])
    weights: dict[str, torch.Tensor] = {} if tied else {"lm_head.weight": head}
    try:
        getattr(convert_lit_checkpoint, family.weights)(
            replace(config, name=family.litgpt_name or config.name), weights, lit
        )
    except KeyError as error:
        raise StageError(
            f"{checkpoint_dir}/lit_model.pth holds {error}, which a {family.gguf} has not: "
            "config.json and lit_model.pth are of different models"
        ) from error
    return weights, tied


def copy_tokenizer(folder: Path, out_dir: Path) -> None:
    """The files of a tokenizer, those that there are, byte for byte."""
    for name in TOKENIZER_FILES:
        if (folder / name).is_file():
            shutil.copyfile(folder / name, out_dir / name)


def _copy_tokenizer(tokenizer: FolderTokenizer, checkpoint_dir: Path, out_dir: Path, style: PromptStyle) -> None:
    """The tokenizer's files byte for byte, with the prompt's form as chat template.

    Only where add_bos_token says other than tokenizer.json itself does, tokenizer.json is made to do as it says:
    transformers 5 goes by tokenizer.json alone.
    """
    copy_tokenizer(checkpoint_dir, out_dir)
    if tokenizer.adds_bos_itself != (tokenizer.bos_id is not None):
        tokenizer.save_as_said(out_dir / "tokenizer.json")
    template = chat_template_for(out_dir, tokenizer, style)
    _write_json(out_dir / "tokenizer_config.json", tokenizer.config | {"chat_template": template})
    (out_dir / "chat_template.jinja").write_text(template, encoding="utf-8")


def chat_template_for(hf_folder: Path, tokenizer: FolderTokenizer, style: PromptStyle) -> str:
    """The template that transformers' tokenizer of the folder turns into the prompt's tokens."""
    return chat_template(tokenizer, style, space=tokenizer.prefix_space and not _writes_space(tokenizer, hf_folder))


def _writes_space(tokenizer: FolderTokenizer, hf_folder: Path) -> bool:
    """Whether transformers' tokenizer begins a text that spells the beginning token as the model's begins it without.

    Of those that put a space before the first word, some do so behind a beginning token as well: transformers chooses a
    class by config.json and tokenizer_config.json.
    """
    if tokenizer.bos_id is None:
        return True
    theirs = AutoTokenizer.from_pretrained(hf_folder, local_files_only=True)
    ids: list[int] = theirs(f"{theirs.bos_token}a", add_special_tokens=False)["input_ids"]
    return ids == tokenizer.encode("a")


def _write_weights(weights: dict[str, torch.Tensor], out_dir: Path, on_progress: Progress | None) -> None:
    split = split_torch_state_dict_into_shards(weights)
    for done, (name, tensors) in enumerate(split.filename_to_tensors.items(), 1):
        # clone: query, key and value are views of one stored tensor
        save_file({tensor: weights[tensor].clone() for tensor in tensors}, out_dir / name, metadata={"format": "pt"})
        if on_progress:
            on_progress(done, len(split.filename_to_tensors))
    if split.is_sharded:
        index = {"metadata": split.metadata, "weight_map": split.tensor_to_filename}
        _write_json(out_dir / "model.safetensors.index.json", index)


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
