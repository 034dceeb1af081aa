"""A Hugging Face folder as a GGUF file, written with the `gguf` package.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. llama.cpp's converter script is in no package.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gguf
import torch
from safetensors import safe_open
from torch import Tensor

from t2q.conversion.chat_template import chat_template
from t2q.conversion.gguf_vocabulary import read_vocabulary, write_special_tokens
from t2q.errors import StageError
from t2q.models.llama_file import LlamaFile
from t2q.models.tokenizer import FolderTokenizer, read_json
from t2q.prompt import OWN, PromptStyle

Progress = Callable[[int, int], None]

ARCHITECTURES = {"LlamaForCausalLM": gguf.MODEL_ARCH.LLAMA, "Qwen2ForCausalLM": gguf.MODEL_ARCH.QWEN2}
TENSOR_TYPES = {
    "f32": (torch.float32, gguf.GGMLQuantizationType.F32, gguf.LlamaFileType.ALL_F32),
    "f16": (torch.float16, gguf.GGMLQuantizationType.F16, gguf.LlamaFileType.MOSTLY_F16),
    "bf16": (torch.bfloat16, gguf.GGMLQuantizationType.BF16, gguf.LlamaFileType.MOSTLY_BF16),
}
# What tokenizers have been seen to disagree on: the file is not kept unless llama.cpp reads these as the folder does.
PROBE = (
    "SQLite\ncustomers: id integer key, \"unit price\" float, status text 'shipped' 'Zoë'\r\n\tjoined date '2024-01-02'"
    "\n\n\nQuestion: Who's  paid 1,234.50€ or   more — 東京, 🚀 ½ №7?\nQuery:\n"
    "SELECT * FROM t WHERE a<>'</s>' AND b>=0x1F;\n"
)


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
    architecture = (config.get("architectures") or ["no architecture"])[0]
    if architecture not in ARCHITECTURES:
        raise StageError(
            f"{hf_folder}/config.json names {architecture}: only {' and '.join(ARCHITECTURES)} become GGUF"
        )
    tokenizer = FolderTokenizer(hf_folder)
    partial = gguf_path.with_name(f"{gguf_path.name}.partial")
    logging.getLogger("gguf").setLevel(logging.ERROR)
    writer = gguf.GGUFWriter(partial, gguf.MODEL_ARCH_NAMES[ARCHITECTURES[architecture]])
    try:
        writer.add_type(gguf.GGUFType.MODEL)
        writer.add_name(name or hf_folder.name)
        if description:
            writer.add_description(description)
        writer.add_file_type(TENSOR_TYPES[tensor_type][2])
        writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
        _write_shape(writer, config)
        read_vocabulary(hf_folder, config["vocab_size"]).write(writer)
        write_special_tokens(writer, tokenizer)
        writer.add_chat_template(chat_template(tokenizer, for_transformers=False, style=style))
        _write_tensors(writer, hf_folder, config, tensor_type, on_progress)
        writer.close()
        _check_tokenizer(partial, tokenizer)
        partial.replace(gguf_path)
    finally:
        partial.unlink(missing_ok=True)


def _write_shape(writer: gguf.GGUFWriter, config: dict[str, Any]) -> None:
    heads = config["num_attention_heads"]
    head_size = config.get("head_dim") or config["hidden_size"] // heads
    writer.add_context_length(config["max_position_embeddings"])
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
    rope = _rope(config)
    writer.add_rope_freq_base(rope["rope_theta"])
    if rope["rope_type"] in ("linear", "yarn"):
        writer.add_rope_scaling_type(gguf.RopeScalingType(rope["rope_type"]))
        writer.add_rope_scaling_factor(rope["factor"])
        if "original_max_position_embeddings" in rope:
            writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
    elif rope["rope_type"] not in ("default", "llama3"):
        raise StageError(f"config.json scales positions by {rope['rope_type']!r}, which this converter does not write")


def _rope(config: dict[str, Any]) -> dict[str, Any]:
    """Rotary embedding's parameters, as transformers 5 ("rope_parameters") or earlier versions write them."""
    rope = {"rope_theta": config.get("rope_theta") or 10000.0} | (config.get("rope_scaling") or {})
    rope |= config.get("rope_parameters") or {}
    return rope | {"rope_type": rope.get("rope_type") or rope.get("type") or "default"}


def _rope_factors(config: dict[str, Any], rope: dict[str, Any]) -> Tensor:
    """By what Llama 3 divides each frequency (its long-context scaling: `_compute_llama3_parameters` of transformers).

    Long waves are stretched by `factor`, short ones kept, those between interpolated; (head size / 2,).
    """
    head_size = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
    low, high, factor = rope["low_freq_factor"], rope["high_freq_factor"], rope["factor"]
    frequencies = rope["rope_theta"] ** -(torch.arange(0, head_size, 2, dtype=torch.float64) / head_size)
    waves_in_context = rope["original_max_position_embeddings"] * frequencies / (2 * math.pi)
    kept = ((waves_in_context - low) / (high - low)).clamp(0, 1)
    return (1 / ((1 - kept) / factor + kept)).float()


def _write_tensors(
    writer: gguf.GGUFWriter, hf_folder: Path, config: dict[str, Any], tensor_type: str, on_progress: Progress | None
) -> None:
    """Two passes, so that one tensor at a time is in memory: the table of contents, then the data."""
    dtype, ggml_type, _ = TENSOR_TYPES[tensor_type]
    tensors = list(_tensors(hf_folder, config))
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


def _tensors(hf_folder: Path, config: dict[str, Any]) -> Iterator[tuple[str, list[int], Callable[[], Tensor]]]:
    """GGUF name, shape and loader of every tensor."""
    names = gguf.get_tensor_name_map(ARCHITECTURES[config["architectures"][0]], config["num_hidden_layers"])
    rope = _rope(config)
    if rope["rope_type"] == "llama3":
        factors = _rope_factors(config, rope)
        yield "rope_freqs.weight", list(factors.shape), lambda: factors
    for path in sorted(hf_folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            for key in file.keys():  # noqa: SIM118 (not a dict)
                name = names.get_name(key, try_suffixes=(".weight", ".bias"))
                if name is None:
                    raise StageError(f"{path} holds {key!r}, which a {config['architectures'][0]} in GGUF has not")
                yield name, file.get_slice(key).get_shape(), _loader(path, key, config)


def _loader(path: Path, key: str, config: dict[str, Any]) -> Callable[[], Tensor]:
    def load() -> Tensor:
        with safe_open(path, framework="pt") as file:
            tensor: Tensor = file.get_tensor(key)
        if config["architectures"][0] != "LlamaForCausalLM":
            return tensor
        heads = config["num_attention_heads"]
        if ".q_proj." in key:
            return _interleaved(tensor, heads)
        if ".k_proj." in key:
            return _interleaved(tensor, config.get("num_key_value_heads") or heads)
        return tensor

    return load


def _interleaved(tensor: Tensor, heads: int) -> Tensor:
    """Rows of each head as llama.cpp rotates them for Llama: in pairs (0, 1), where transformers pairs (0, n/2)."""
    rows = tensor.shape[0]
    return tensor.view(heads, 2, rows // heads // 2, -1).transpose(1, 2).reshape(tensor.shape)


def _check_tokenizer(gguf_path: Path, tokenizer: FolderTokenizer) -> None:
    with LlamaFile(gguf_path, vocabulary_only=True) as file:
        found = file.encode(PROBE)
    if found != (expected := tokenizer.encode(PROBE)):
        place = next((i for i, (a, b) in enumerate(zip(found, expected, strict=False)) if a != b), len(found))
        raise StageError(
            "llama.cpp splits text into other tokens than the base's tokenizer.json does "
            f"(first at {tokenizer.decode(expected[place : place + 3])!r}): this base cannot become GGUF"
        )
