"""Every family goes all the way: LitGPT, an adapter, merged, Hugging Face, GGUF; and a wrong step would be seen."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import litgpt
import llama_cpp
import numpy as np
import pytest
import torch
import yaml
from gguf import GGUFReader
from transformers import AutoConfig, AutoModelForCausalLM

from t2q.conversion.gguf import convert_to_gguf
from t2q.conversion.gguf_vocabulary import check_tokenizer
from t2q.conversion.hf import convert_to_hf
from t2q.conversion.importance import importance
from t2q.conversion.merge import merge, read_adapted
from t2q.conversion.quantize import quantize
from t2q.families import FAMILIES, architecture, refusals
from t2q.models import Model, open_model
from t2q.models.parity import kl_divergence
from t2q.models.tokenizer import FolderTokenizer
from t2q.prompt import render
from tests.models.builders import DATABASE, QUESTIONS
from tests.models.family_shapes import SHAPES
from tests.models.test_merge import adapter
from tests.models.test_prompt_contract import QUESTION, renderings
from tests.models.test_tokens import TEXTS

PROMPTS = [render(DATABASE, question) for question in QUESTIONS]
SAME = 1e-3  # the largest difference of two logits that rounding makes
ROUNDED = {"Gemma 2": 5e-3}  # in GGUF: llama.cpp looks GELU up in a table of 16 bits


@dataclass(frozen=True)
class Way:
    """A family's folders and file, those that answer opened, and the logits of base, adapted and merged model."""

    name: str
    base: Path
    hf: Path
    gguf: Path
    models: dict[str, Model]
    ids: list[int]
    before: np.ndarray
    adapted: np.ndarray
    merged: np.ndarray


@pytest.fixture(scope="module", autouse=True)
def exact() -> Iterator[None]:
    """llama.cpp keeps keys and values in 32 bits, so that what a conversion does wrong stands out from rounding."""
    plain = llama_cpp.llama_context_default_params

    def parameters() -> Any:
        made = plain()
        made.type_k = made.type_v = llama_cpp.GGML_TYPE_F32
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(llama_cpp, "llama_context_default_params", parameters)
        yield


@pytest.fixture(scope="module", params=SHAPES)
def way(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Way]:
    root = tmp_path_factory.mktemp("family")
    base = SHAPES[request.param].build(root)
    final = adapter(root / "final", base, scale=0.15, lora_key=True)
    merge(final, base, root / "merged")
    convert_to_hf(root / "merged", root / "hf")
    convert_to_gguf(root / "hf", root / "model.gguf", "f32")
    [adapted] = read_adapted(final, base, PROMPTS[:1], "cpu")
    with ExitStack() as stack:
        places = {"lit": root / "merged", "hf": root / "hf", "gguf": root / "model.gguf"}
        models = {name: stack.enter_context(open_model(path, "cpu")) for name, path in places.items()}
        ids = models["lit"].encode(PROMPTS[0])
        with open_model(base, "cpu") as first:
            before = first.logits(ids)
        merged = models["lit"].logits(ids)
        yield Way(request.param, base, root / "hf", root / "model.gguf", models, ids, before, adapted.logits, merged)


def test_the_model_stays_the_same(way: Way) -> None:
    assert way.merged.std() > 1 and abs(way.merged - way.before).max() > 1
    plain = AutoModelForCausalLM.from_pretrained(way.hf, attn_implementation="eager", dtype=torch.float32)
    with torch.no_grad():
        eager = plain(torch.tensor([way.ids])).logits[0].numpy()
    stock = litgpt.GPT(litgpt.Config.from_file(way.hf.parent / "merged" / "model_config.yaml"))
    stock.load_state_dict(torch.load(way.hf.parent / "merged" / "lit_model.pth"))
    with torch.no_grad():
        lit = stock(torch.tensor([way.ids]))[0].numpy()
    found = {"adapted": way.adapted, "litgpt": lit, "transformers": eager}
    found |= {name: model.logits(way.ids) for name, model in way.models.items()}
    differences = {name: float(abs(logits - way.merged).max()) for name, logits in found.items()}
    print(f"\n{way.name}: " + ", ".join(f"{name} {difference:.1e}" for name, difference in differences.items()))
    assert differences.pop("gguf") < ROUNDED.get(way.name, SAME) and max(differences.values()) < SAME


def test_answers_are_the_same(way: Way) -> None:
    """Behind a shared prefix, several at once."""
    answers = {name: model.generate(PROMPTS, 12) for name, model in way.models.items()}
    for name in ("hf", "gguf"):
        for expected, found in zip(answers["lit"], answers[name], strict=True):
            if found.finished and not expected.finished:
                continue  # by a token that llama.cpp takes for an end by its name, such as <|im_end|>
            assert found.tokens == expected.tokens and found.logprob == pytest.approx(expected.logprob, abs=0.05)


@pytest.mark.parametrize("text", TEXTS)
def test_every_loader_reads_the_same_tokens(way: Way, text: str) -> None:
    training = litgpt.Tokenizer(way.base)
    training.processor.encode_special_tokens = True
    found = {name: way.models[name].encode(text) for name in ("hf", "gguf")}
    found["training"] = training.encode(text).tolist()
    tokenizer = way.models["lit"].tokenizer  # type: ignore[attr-defined]
    if tokenizer.prefix_space and text.startswith(" "):  # some add no space before a space; no prompt begins with one
        del found["hf"], found["gguf"]
    elif ("Qwen" in way.name and "e\u0301" in text) or ("Gemma" in way.name and "▁" in text):
        del found["gguf"]  # llama.cpp composes no characters, and has Gemma's runs of spaces as spaces only
    assert found == dict.fromkeys(found, way.models["lit"].encode(text))


def test_every_rendering_of_the_prompt_is_the_same_tokens(way: Way) -> None:
    found = renderings(way.hf, way.gguf)
    assert found == dict.fromkeys(found, way.models["lit"].encode(render(DATABASE, QUESTION)))


@pytest.mark.parametrize(("kind", "limit"), [("q8_0", 0.1), ("q4_k_m", 1.0)])
def test_it_can_be_quantised(way: Way, tmp_path: Path, kind: str, limit: float) -> None:
    quantize(way.gguf, tmp_path / "model.gguf", kind, importance(way.hf, PROMPTS[:2]))
    with open_model(tmp_path / "model.gguf") as model:
        divergence = kl_divergence(way.merged, model.logits(way.ids)).mean()
    print(f"\n{way.name} {kind}: {divergence:.1e}")
    assert divergence < limit


def test_check_takes_it(way: Way) -> None:
    config = json.loads((way.base / "config.json").read_text())
    assert not list(refusals(config, yaml.safe_load((way.base / "model_config.yaml").read_text())))
    check_tokenizer(way.base, config["vocab_size"], FolderTokenizer(way.base))


def test_a_config_as_transformers_5_writes_it_says_the_same(way: Way, tmp_path: Path) -> None:
    folder = shutil.copytree(way.hf, tmp_path / "hf")
    AutoConfig.from_pretrained(folder).save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text())
    assert "rope_parameters" in config and "rope_theta" not in config
    assert not list(refusals(config, yaml.safe_load((way.base / "model_config.yaml").read_text())))
    convert_to_gguf(folder, tmp_path / "model.gguf", "f32")
    assert (tmp_path / "model.gguf").read_bytes() == way.gguf.read_bytes()


def test_the_quantiser_is_told_of_every_matrix(way: Way) -> None:
    found = importance(way.hf, PROMPTS[:2])
    matrices = {t.name for t in GGUFReader(way.gguf).tensors if t.name.startswith("blk.") and len(t.shape) == 2}
    assert {name for name in found if name.startswith("blk.")} == matrices


WRONG = {
    "Llama 2": [("gguf", {"interleaved": False})],
    "Llama 3.2": [("gguf", {"interleaved": False}), ("config", {"rope_scaling": None})],
    "CodeLlama": [("config", {"rope_theta": 10000.0})],
    "Mistral v0.1": [("gguf", {"interleaved": False})],
    "Qwen2.5-Coder 0.5B": [("gguf", {"interleaved": True})],
    "Qwen3 0.6B": [("gguf", {"interleaved": True}), ("config", {"rope_theta": 10000.0})],
    "Gemma 2": [
        ("gguf", {"unit_offset": False}),
        ("config", {"attn_logit_softcapping": 50.0}),
        ("config", {"final_logit_softcapping": 30.0}),
    ],
    "Phi-3": [("config", {"rope_theta": 1e6})],
}


def test_a_wrong_step_is_seen(way: Way, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: what the limit is for is a hundred times beyond it."""
    config = json.loads((way.hf / "config.json").read_text())
    family = FAMILIES[architecture(config)]
    for number, (what, changes) in enumerate(WRONG.get(way.name, [])):
        folder, path = tmp_path / str(number), tmp_path / f"{number}.gguf"
        shutil.copytree(way.hf, folder)
        with monkeypatch.context() as patch:
            if what == "gguf":
                patch.setitem(FAMILIES, architecture(config), replace(family, **changes))
            else:
                (folder / "config.json").write_text(json.dumps(config | changes))
            convert_to_gguf(folder, path, "f32")
        with open_model(path) as wrong:
            assert abs(wrong.logits(way.ids) - way.merged).max() > 100 * SAME, changes


@pytest.mark.parametrize("name", ["Gemma 2", "Mistral v0.1", "Phi-3"])
def test_a_model_is_read_within_its_window(name: str, tmp_path: Path) -> None:
    """The files still say the window: beyond it, transformers computes what LitGPT does, and llama.cpp for Gemma."""
    window = 32
    shape = SHAPES[name]
    shape = replace(shape, more=shape.more | {"sliding_window": window})
    lit = shape.build(tmp_path, sliding_window_size=window)
    convert_to_hf(lit, tmp_path / "hf")
    convert_to_gguf(tmp_path / "hf", tmp_path / "model.gguf", "f32")
    gpt = litgpt.GPT(litgpt.Config.from_file(lit / "model_config.yaml"))
    gpt.load_state_dict(torch.load(lit / "lit_model.pth"))
    plain = AutoModelForCausalLM.from_pretrained(tmp_path / "hf", attn_implementation="eager", dtype=torch.float32)
    with (
        open_model(lit, "cpu") as first,
        open_model(tmp_path / "hf", "cpu") as second,
        open_model(tmp_path / "model.gguf") as third,
        torch.no_grad(),
    ):
        assert {first.max_length, second.max_length, third.max_length} == {window}
        ids = first.encode(PROMPTS[0])
        assert len(ids) > 2 * window
        expected, eager = gpt(torch.tensor([ids]))[0].numpy(), plain(torch.tensor([ids])).logits[0].numpy()
        assert abs(eager - expected).max() < SAME
        for model in (first, second, third):
            assert abs(model.logits(ids) - expected)[:window].max() < ROUNDED.get(name, SAME)
        beyond = abs(third.logits(ids) - expected).max()
        assert beyond < ROUNDED[name] if name in ROUNDED else beyond > 1
