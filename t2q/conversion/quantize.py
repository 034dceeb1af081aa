"""GGUF files with fewer bits a weight, by llama.cpp's own quantiser inside llama-cpp-python."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from t2q.errors import StageError
from t2q.models.llama_file import llama, native_error

# In a small model attention suffers most from few bits and is a small part of the file: with six for it, half as many
# answers change (ten in place of twenty of a shop's 267, in Q4_K_M of 5.6 in place of 5.1 MB).
SMALL = 200 * 2**20  # bytes of the file to be quantised
ATTENTION = rb"attn_(q|k|v|output)\.weight"
FEW_BITS = ("q5", "q4", "q3", "q2")
FILE_TYPES = ("q8_0", "q6_k", "q5_k_m", "q5_k_s", "q5_0", "q4_k_m", "q4_k_s", "q4_0", "q3_k_m", "q2_k")


def quantize(
    gguf_path: Path, out_path: Path, file_type: str, importance: Mapping[str, np.ndarray] | None = None
) -> None:
    """Writes `gguf_path` (f16, bf16 or f32) as `file_type`, e.g. "q8_0" or "q4_k_m".

    A small model's attention gets six bits at least. `importance`: by a matrix's name, how much each of its inputs
    counts, float32, (in,). Rows that are no multiple of 256 get another type from llama.cpp. Raises StageError where it
    fails.
    """
    if file_type not in FILE_TYPES:
        raise StageError(f"{file_type!r} is no quantisation that t2q knows: use one of {', '.join(FILE_TYPES)}")
    api = llama()
    parameters = api.llama_model_quantize_default_params()
    parameters.ftype = getattr(api, f"LLAMA_FTYPE_MOSTLY_{file_type.upper()}")
    parameters.nthread = 0  # as many as there are cores
    entries = _entries(importance or {})
    if file_type.startswith(FEW_BITS) and gguf_path.stat().st_size < SMALL:
        overrides = (api.llama_model_tensor_override * 2)((ATTENTION, api.GGML_TYPE_Q6_K))  # the last is empty
        parameters.tt_overrides = ctypes.cast(overrides, ctypes.POINTER(api.llama_model_tensor_override))
    parameters.imatrix = ctypes.cast(entries, ctypes.POINTER(api.llama_model_imatrix_data))
    partial = out_path.with_name(f"{out_path.name}.partial")
    try:
        failed = api.llama_model_quantize(str(gguf_path).encode(), str(partial).encode(), parameters)
        if failed:
            raise StageError(f"llama.cpp could not quantise {gguf_path} to {file_type}: {native_error()}")
        partial.replace(out_path)
    finally:
        partial.unlink(missing_ok=True)


def _entries(importance: Mapping[str, np.ndarray]) -> ctypes.Array[Any]:
    """As llama.cpp takes it: an array whose last entry is empty. It points into the mapping's arrays."""
    entries: ctypes.Array[Any] = (llama().llama_model_imatrix_data * (len(importance) + 1))()
    for entry, (name, values) in zip(entries, importance.items(), strict=False):
        entry.name, entry.size = name.encode(), values.size
        entry.data = values.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
    return entries
