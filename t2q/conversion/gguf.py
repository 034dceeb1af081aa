"""A Hugging Face folder as a GGUF file, written with the `gguf` package.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. llama.cpp's converter script is in no package.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import gguf
import torch
from safetensors import safe_open
from torch import Tensor

from t2q.conversion.chat_template import chat_template
from t2q.conversion.gguf_vocabulary import check_tokens, write_tokenizer
from t2q.errors import StageError
from t2q.families import ROPE_TYPES, Family, context, family_of, rope, window
from t2q.models.tokenizer import FolderTokenizer, read_json
from t2q.prompt import OWN, PromptStyle

Progress = Callable[[int, int], None]

TENSOR_TYPES = {
    "f32": (torch.float32, gguf.GGMLQuantizationType.F32, gguf.LlamaFileType.ALL_F32),
    "f16": (torch.float16, gguf.GGMLQuantizationType.F16, gguf.LlamaFileType.MOSTLY_F16),
    "bf16": (torch.bfloat16, gguf.GGMLQuantizationType.BF16, gguf.LlamaFileType.MOSTLY_BF16),
}
# GGUF's key for each number that some families have and others have not
FAMILY_NUMBERS: dict[str, Callable[[gguf.GGUFWriter, Any], None]] = {
    "attn_logit_softcapping": gguf.GGUFWriter.add_attn_logit_softcapping,
    "final_logit_softcapping": gguf.GGUFWriter.add_final_logit_softcapping,
}


def convert_to_gguf(
    hf_folder: Path,
    gguf_path: Path,
    tensor_type: str = "f16",
    name: str = "",
    description: str = "",
    on_progress: Progress | None = None,
    style: PromptStyle = OWN,
) -> None:
    """Writes the file with matrices as `tensor_type` ("f32", "f16", "bf16") and vectors as f32.

    The chat template is that of `style`, whatever the base had. `on_progress` gets tensors done and in all.
    Raises StageError where the architecture is not known or llama.cpp would split text into other tokens.
    """
    config = read_json(hf_folder / "config.json")
    family = family_of(config, hf_folder / "config.json")
    tokenizer = FolderTokenizer(hf_folder)
    partial = gguf_path.with_name(f"{gguf_path.name}.partial")
    logging.getLogger("gguf").setLevel(logging.ERROR)
    writer = gguf.GGUFWriter(partial, family.gguf)
    try:
        writer.add_type(gguf.GGUFType.MODEL)
        writer.add_name(name or hf_folder.name)
        if description:
            writer.add_description(description)
        writer.add_file_type(TENSOR_TYPES[tensor_type][2])
        writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
        _write_shape(writer, config)
        write_tokenizer(writer, hf_folder, config["vocab_size"], tokenizer)
        writer.add_chat_template(chat_template(tokenizer, style))
        _write_tensors(writer, hf_folder, family, config, tensor_type, on_progress)
        writer.close()
        check_tokens(partial, tokenizer)
        partial.replace(gguf_path)
    finally:
        partial.unlink(missing_ok=True)


def gguf_names(family: Family, config: Mapping[str, Any]) -> gguf.TensorNameMap:
    """From transformers' names of tensors to GGUF's, for as many layers as config.json says."""
    return gguf.get_tensor_name_map(gguf.MODEL_ARCH[family.gguf.upper()], config["num_hidden_layers"])


def _write_shape(writer: gguf.GGUFWriter, config: dict[str, Any]) -> None:
    heads = config["num_attention_heads"]
    head_size = _head_size(config)
    writer.add_context_length(context(config))
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(config.get("num_key_value_heads") or heads)
    writer.add_key_length(head_size)
    writer.add_value_length(head_size)
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_rope_dimension_count(head_size)
    rotary = rope(config)
    writer.add_rope_freq_base(rotary["rope_theta"])
    if rotary["rope_type"] not in ROPE_TYPES:
        raise StageError(f"config.json scales positions by {rotary['rope_type']!r}, which does not become GGUF")
    if rotary["rope_type"] == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(rotary["factor"])
    if seen := window(config):
        writer.add_sliding_window(seen)
    for key, add in FAMILY_NUMBERS.items():
        if config.get(key):
            add(writer, config[key])


def _head_size(config: dict[str, Any]) -> int:
    return int(config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"])


def _rope_factors(config: dict[str, Any], rotary: dict[str, Any]) -> Tensor:
    """By what Llama 3 divides each frequency (its long-context scaling: `_compute_llama3_parameters` of transformers).

    Long waves are stretched by `factor`, short ones kept, those between interpolated; (head size / 2,).
    """
    size = _head_size(config)
    low, high, factor = rotary["low_freq_factor"], rotary["high_freq_factor"], rotary["factor"]
    frequencies = rotary["rope_theta"] ** -(torch.arange(0, size, 2, dtype=torch.float64) / size)
    waves_in_context = rotary["original_max_position_embeddings"] * frequencies / (2 * math.pi)
    kept = ((waves_in_context - low) / (high - low)).clamp(0, 1)
    return (1 / ((1 - kept) / factor + kept)).float()


def _write_tensors(
    writer: gguf.GGUFWriter,
    hf_folder: Path,
    family: Family,
    config: dict[str, Any],
    tensor_type: str,
    on_progress: Progress | None,
) -> None:
    """Two passes, so that one tensor at a time is in memory: the table of contents, then the data."""
    dtype, ggml_type, _ = TENSOR_TYPES[tensor_type]
    tensors = list(_tensors(hf_folder, family, config))
    for name, shape, _ in tensors:
        kind, size = (ggml_type, dtype.itemsize) if len(shape) > 1 else (gguf.GGMLQuantizationType.F32, 4)
        writer.add_tensor_info(name, shape, torch.empty(0).numpy().dtype, math.prod(shape) * size, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for done, (_, shape, load) in enumerate(tensors, 1):
        tensor = load().to(dtype if len(shape) > 1 else torch.float32).contiguous()
        writer.write_tensor_data(tensor.view(torch.uint8).numpy())
        if on_progress:
            on_progress(done, len(tensors))


def _tensors(
    hf_folder: Path, family: Family, config: dict[str, Any]
) -> Iterator[tuple[str, list[int], Callable[[], Tensor]]]:
    """GGUF name, shape and loader of every tensor."""
    names = gguf_names(family, config)
    rotary = rope(config)
    if rotary["rope_type"] == "llama3":
        factors = _rope_factors(config, rotary)
        yield "rope_freqs.weight", list(factors.shape), lambda: factors
    for path in sorted(hf_folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            for key in file.keys():  # noqa: SIM118 (not a dict)
                name = names.get_name(key, try_suffixes=(".weight", ".bias"))
                if name is None:
                    raise StageError(f"{path} holds {key!r}, which a {family.gguf} in GGUF has not")
                yield name, file.get_slice(key).get_shape(), _loader(path, key, family, config)


def _loader(path: Path, key: str, family: Family, config: dict[str, Any]) -> Callable[[], Tensor]:
    heads = config["num_attention_heads"]
    rotated = {".q_proj.": heads, ".k_proj.": config.get("num_key_value_heads") or heads}

    def load() -> Tensor:
        with safe_open(path, framework="pt") as file:
            tensor: Tensor = file.get_tensor(key)
        if family.unit_offset and key.endswith("norm.weight"):
            return tensor.float() + 1
        if family.interleaved:
            for part, number in rotated.items():
                if part in key:
                    return _interleaved(tensor, number)
        return tensor

    return load


def _interleaved(tensor: Tensor, heads: int) -> Tensor:
    """Rows of each head as llama.cpp rotates them for Llama: in pairs (0, 1), where transformers pairs (0, n/2)."""
    rows = tensor.shape[0]
    return tensor.view(heads, 2, rows // heads // 2, -1).transpose(1, 2).reshape(tensor.shape)
