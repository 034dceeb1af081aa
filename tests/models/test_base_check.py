"""What a base must be is found before a run: each thing that would not come through is a line that says what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from litgpt import Tokenizer

from t2q.check import Known, base, findings
from t2q.recipe import Recipe
from tests.models.family_shapes import SHAPES

LONGROPE = {"type": "longrope", "short_factor": [1.0] * 16, "long_factor": [2.0] * 16}
UNIGRAM = {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0.0], ["</s>", 0.0], ["a", -1.0]]}
BIASES = {"attention_bias": True}
MOE = {"architectures": ["MixtralForCausalLM"], "num_local_experts": 8}


def found(folder: Path) -> list[tuple[bool, str]]:
    """What the check finds of the base in a folder."""
    Path("recipe.yaml").write_text(f"name: x\ndatabase: sqlite:///x.sqlite\nbase: org/{folder.name}\n")
    return [(finding.ok, finding.text) for _, finding in findings(Known(Recipe.load("recipe.yaml")), (base,))]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where bases lie."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "checkpoints" / "org"


def change(path: Path, **changes: Any) -> None:
    read, write = (yaml.safe_load, yaml.safe_dump) if path.suffix == ".yaml" else (json.loads, json.dumps)
    path.write_text(write(read(path.read_text()) | changes))


@pytest.mark.parametrize("name", ["Gemma 2", "Phi-3", "Qwen3 0.6B"])
def test_a_base_that_can_be_used(place: Path, name: str) -> None:
    folder = SHAPES[name].build(place)
    [(ok, text)] = found(folder)
    assert ok and text.startswith(f"base org/{folder.name}: {SHAPES[name].hf.__name__[:4]}")
    assert text.endswith("reads 2048 tokens" if "Qwen" in name else "reads 1024 tokens")


@pytest.mark.parametrize(
    ("name", "file", "changes", "says"),
    [
        ("Mistral v0.3", "config.json", MOE, "is a mixture of experts: take a dense model"),
        ("Mistral v0.3", "config.json", {"architectures": ["FalconForCausalLM"]}, "is FalconForCausalLM; t2q can"),
        ("Mistral v0.3", "config.json", {"architectures": None}, "is of no named architecture; t2q can"),
        ("Phi-3", "config.json", {"rope_scaling": LONGROPE}, "stretches positions"),
        ("Llama 3", "config.json", {"rope_scaling": {"type": "yarn", "factor": 4.0}}, "stretches positions"),
        ("Phi-3", "config.json", {"partial_rotary_factor": 0.75}, "rotates a part of each head only"),
        ("Qwen2.5-Coder 0.5B", "config.json", {"use_sliding_window": True}, "attends through a sliding window"),
        ("Gemma 2", "config.json", {"query_pre_attn_scalar": 12}, "scales attention's scores otherwise"),
        ("Llama 3", "config.json", BIASES, "has biases where LitGPT has none"),
        ("Llama 3", "config.json", {"quantization_config": {"quant_method": "gptq"}}, "has quantised weights"),
        ("Llama 3.2", "config.json", {"rope_scaling": None}, "has rope_scaling {} in config.json and {'factor'"),
        ("CodeLlama", "model_config.yaml", {"rope_base": 10000}, "has rope_theta 1000000 in config.json and 10000"),
        ("Qwen3 8B", "model_config.yaml", {"n_layer": 3}, "has num_hidden_layers 2 in config.json and 3"),
        ("Llama 2", "tokenizer_config.json", {"eos_token": None}, "names no end token (eos_token)"),
        ("CodeLlama", "tokenizer_config.json", {"add_bos_token": None}, "write add_bos_token, true or false"),
        ("Llama 2", "tokenizer.json", {"model": UNIGRAM}, "is a Unigram tokenizer"),
        ("Llama 2", "tokenizer.json", {"normalizer": {"type": "Lowercase"}}, "llama.cpp splits text into other"),
        ("Llama 2", "config.json", {"vocab_size": 300}, "tokens and the model 300"),
    ],
)
def test_a_base_that_cannot(place: Path, name: str, file: str, changes: dict[str, Any], says: str) -> None:
    folder = SHAPES[name].build(place)
    change(folder / file, **changes)
    (ok, text), *_ = found(folder)
    assert not ok and says in text and "\n" not in text


def test_a_base_without_the_tokenizers_file(place: Path) -> None:
    """As Llama 2's and others' were first published: with sentencepiece's tokenizer.model alone."""
    folder = SHAPES["Llama 2"].build(place)
    (folder / "tokenizer.json").unlink()
    [(ok, text)] = found(folder)
    assert not ok and "has no tokenizer.json: copy it from the base model" in text


def test_a_llama_3_under_another_name(place: Path) -> None:
    """LitGPT knows by the folder's name that its texts begin with a token."""
    folder = SHAPES["Llama 3"].build(place).rename(place / "my-llama")
    [(ok, text)] = found(folder)
    assert not ok and "add_bos_token" in text and not Tokenizer(folder).use_bos
    change(folder / "tokenizer_config.json", add_bos_token=True)
    assert found(folder)[0][0] and Tokenizer(folder).use_bos
