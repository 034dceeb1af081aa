"""What llama.cpp's quantiser is told of the inputs: which matrices, and that it rounds with regard to it."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import pytest
import torch

from t2q.conversion.importance import importance
from t2q.conversion.quantize import quantize
from t2q.models.hf_model import HFModel
from t2q.prompt import render
from tests.models.builders import DATABASE, PAIRS
from tests.models.conftest import Chain

TEXTS = [render(DATABASE, question) + answer for question, answer in PAIRS]


def matrix(path: Path, name: str) -> np.ndarray:
    tensor = next(t for t in gguf.GGUFReader(path).tensors if t.name == name)
    return gguf.quants.dequantize(tensor.data, tensor.tensor_type)


def test_every_matrix_of_the_layers_is_told_of(chain: Chain) -> None:
    found = importance(chain.hf, TEXTS)
    inputs = {
        t.name: int(t.shape[0])
        for t in gguf.GGUFReader(chain.gguf["f16"]).tensors
        if t.name.startswith("blk.") and len(t.shape) == 2
    }
    assert {name: len(values) for name, values in found.items() if name.startswith("blk.")} == inputs
    assert set(found) - set(inputs) <= {"output.weight"}
    assert all(values.dtype == np.float32 and (values > 0).all() for values in found.values())


def test_a_schema_counts_once_however_many_questions_are_asked(chain: Chain) -> None:
    model = HFModel(chain.hf, "cpu")
    every = [len(model.encode(text)) for text in TEXTS]
    schema = len(model.encode(render(DATABASE, "")))
    assert schema - 9 < (sum(every) - model.feed(TEXTS)) / (len(TEXTS) - 1) < schema


def test_what_is_fed_sees_the_schema(chain: Chain) -> None:
    model = HFModel(chain.hf, "cpu")
    last = model.linear_layers()[-2][1]  # before the head
    seen: list[torch.Tensor] = []
    last.register_forward_hook(lambda _module, inputs, _output: seen.append(inputs[0][0]))
    read = model.feed(TEXTS[:3])
    for text in TEXTS[:3]:
        model.logits(model.encode(text))
    prefix, *own = seen[:4]
    assert sum(map(len, seen[:4])) == read
    for whole, part in zip(seen[4:], own, strict=True):
        torch.testing.assert_close(torch.cat([prefix, part]), whole, atol=1e-3, rtol=1e-3)


def test_a_small_models_attention_has_six_bits(tmp_path: Path) -> None:
    """Rows of 256, as pico has them: llama.cpp takes other types for shorter ones."""
    source = tmp_path / "f16.gguf"
    writer = gguf.GGUFWriter(source, "llama")
    for key, value in {
        "context_length": 64,
        "embedding_length": 256,
        "block_count": 1,
        "feed_forward_length": 256,
    }.items():
        getattr(writer, f"add_{key}")(value)
    writer.add_head_count(4)
    writer.add_layer_norm_rms_eps(1e-5)
    names = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate")
    for name in names:
        writer.add_tensor(f"blk.0.{name}.weight", np.random.default_rng(0).normal(size=(256, 256)).astype(np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    quantize(source, tmp_path / "out.gguf", "q4_k_m")
    types = {t.name.split(".")[2]: t.tensor_type.name for t in gguf.GGUFReader(tmp_path / "out.gguf").tensors}
    assert types == {**dict.fromkeys(names, "Q6_K"), "ffn_gate": "Q4_K"}


@pytest.mark.parametrize("kind", ["q4_k_m", "q8_0"])
def test_what_counts_is_rounded_with_more_care(chain: Chain, tmp_path: Path, kind: str) -> None:
    source, name = chain.gguf["f16"], "blk.0.ffn_gate.weight"
    exact = matrix(source, name)
    column = int(np.abs(exact).sum(0).argmin())  # one of small weights, which suffers most from the rounding
    told = np.full(exact.shape[1], 1e-3, dtype=np.float32)
    told[column] = 1e3
    errors = []
    for given in (None, {name: told}):
        quantize(source, tmp_path / "out.gguf", kind, given)
        errors.append(np.abs(matrix(tmp_path / "out.gguf", name) - exact)[:, column].mean())
    assert errors[1] < 0.9 * errors[0] if kind == "q4_k_m" else errors[1] == errors[0]
