"""The Hugging Face folder: what is copied, what is written, and who can load it."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest
import torch
import yaml
from litgpt import Config
from litgpt import config as litgpt_config
from litgpt.scripts.convert_hf_checkpoint import convert_hf_checkpoint
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer

from t2q.conversion import hf
from t2q.conversion.gguf import convert_to_gguf
from t2q.conversion.hf import convert_to_hf
from t2q.errors import StageError, T2QError
from t2q.models import open_model
from t2q.models.parity import ParityLimits, check_parity, read
from t2q.prompt import OWN, render
from tests.models.builders import DATABASE, QUESTIONS, llama_checkpoint
from tests.models.conftest import Chain

PROMPTS = [render(DATABASE, question) for question in QUESTIONS[:2]]


def test_files(chain: Chain) -> None:
    assert (chain.hf / "tokenizer.json").read_bytes() == (chain.lit / "tokenizer.json").read_bytes()
    config = json.loads((chain.hf / "config.json").read_text())
    assert config["tie_word_embeddings"] is True and config["vocab_size"] == chain.models["lit"].n_vocab
    generation = json.loads((chain.hf / "generation_config.json").read_text())
    assert generation["do_sample"] is False and "temperature" not in generation
    assert generation["eos_token_id"] == chain.models["lit"].tokenizer.eos_ids[0]  # type: ignore[attr-defined]


def test_the_base_template_is_replaced(chain: Chain) -> None:
    template = (chain.hf / "chat_template.jinja").read_text()
    assert template.endswith(OWN.chat_template) and AutoTokenizer.from_pretrained(chain.hf).chat_template == template
    assert json.loads((chain.hf / "tokenizer_config.json").read_text())["chat_template"] == template


def test_plain_transformers_answers_the_same(chain: Chain) -> None:
    model, tokenizer = AutoModelForCausalLM.from_pretrained(chain.hf), AutoTokenizer.from_pretrained(chain.hf)
    expected = chain.models["lit"].generate(PROMPTS[:1], 30)[0]
    ids = tokenizer(PROMPTS[0], return_tensors="pt")["input_ids"]
    output = model.generate(ids, max_new_tokens=30, attention_mask=torch.ones_like(ids))[0, ids.shape[1] :]
    assert len(output) == expected.tokens
    assert tokenizer.decode(output, skip_special_tokens=True) == expected.text


def test_stock_litgpt_reads_it_back(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    config = yaml.safe_load((chain.lit / "model_config.yaml").read_text())
    monkeypatch.setitem(litgpt_config.name_to_config, config["name"], config)
    convert_hf_checkpoint(chain.hf, model_name=config["name"])
    back, original = (torch.load(folder / "lit_model.pth") for folder in (chain.hf, chain.lit))
    (chain.hf / "lit_model.pth").unlink()
    (chain.hf / "model_config.yaml").unlink()
    assert back.keys() == original.keys()
    assert all(torch.equal(back[name], original[name]) for name in back)


def test_weights_that_training_untied_stay_untied(tmp_path: Path) -> None:
    """transformers would tie them again and lose what lm_head has learnt."""
    lit = llama_checkpoint(tmp_path / "lit", steps=0)
    state = torch.load(lit / "lit_model.pth")
    state["lm_head.weight"] = state["lm_head.weight"] + 0.01 * torch.randn_like(state["lm_head.weight"])
    torch.save(state, lit / "lit_model.pth")
    convert_to_hf(lit, tmp_path / "hf")
    convert_to_gguf(tmp_path / "hf", tmp_path / "model.gguf", "f32")
    assert json.loads((tmp_path / "hf" / "config.json").read_text())["tie_word_embeddings"] is False
    with open_model(lit, "cpu") as first, open_model(tmp_path / "hf", "cpu") as second:
        check_parity(read(first, PROMPTS), read(second, PROMPTS), ParityLimits(max_difference=1e-4))
        with open_model(tmp_path / "model.gguf") as third:
            check_parity(read(first, PROMPTS), read(third, PROMPTS), ParityLimits(mean_kl=1e-6))


def test_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lit = llama_checkpoint(tmp_path / "lit", steps=0)
    small = partial(hf.split_torch_state_dict_into_shards, max_shard_size="800KB")
    monkeypatch.setattr(hf, "split_torch_state_dict_into_shards", small)
    seen: list[tuple[int, int]] = []
    convert_to_hf(lit, tmp_path / "hf", lambda done, total: seen.append((done, total)))
    convert_to_gguf(tmp_path / "hf", tmp_path / "model.gguf", "f32")
    shards = sorted((tmp_path / "hf").glob("*.safetensors"))
    assert len(shards) > 2 and seen[-1] == (len(shards), len(shards))
    with open_model(lit, "cpu") as first, open_model(tmp_path / "hf", "cpu") as second:
        check_parity(read(first, PROMPTS[:1]), read(second, PROMPTS[:1]), ParityLimits(max_difference=1e-4))
        with open_model(tmp_path / "model.gguf") as third:
            check_parity(read(first, PROMPTS[:1]), read(third, PROMPTS[:1]), ParityLimits(mean_kl=1e-6))


def test_a_renamed_config_takes_the_right_mapping(tmp_path: Path) -> None:
    """LitGPT's own conversion goes by the name: this one would take the GPT-NeoX or Falcon branch."""
    lit = llama_checkpoint(tmp_path / "lit", steps=0)
    config = yaml.safe_load((lit / "model_config.yaml").read_text())
    (lit / "model_config.yaml").write_text(yaml.dump({**config, "name": "my-falcon"}))
    assert Config.from_file(lit / "model_config.yaml").name == "my-falcon"
    convert_to_hf(lit, tmp_path / "hf")
    with open_model(lit, "cpu") as first, open_model(tmp_path / "hf", "cpu") as second:
        check_parity(read(first, PROMPTS[:1]), read(second, PROMPTS[:1]), ParityLimits(max_difference=1e-4))


def test_a_beginning_token_that_only_the_config_asks_for(tmp_path: Path) -> None:
    lit = llama_checkpoint(tmp_path / "lit", steps=0)
    path = lit / "tokenizer.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"post_processor": None}))
    assert Tokenizer.from_file(str(path)).encode("x").ids[0] != 0
    convert_to_hf(lit, tmp_path / "hf")
    with open_model(lit, "cpu") as first, open_model(tmp_path / "hf", "cpu") as second:
        assert first.encode("x") == second.encode("x") and first.encode("x")[0] == 0


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("config.json", '{"architectures": ["PhiForCausalLM"]}', "PhiForCausalLM"),
        ("config.json", "{}", "no named architecture"),
        ("config.json", "{", "is not JSON"),
        ("config.json", '{"architectures": ["Qwen2ForCausalLM"]}', None),
        ("tokenizer_config.json", "{}", "eos_token"),
        ("tokenizer.json", None, "has no tokenizer.json"),
    ],
)
def test_what_cannot_be_converted(tmp_path: Path, file: str, content: str | None, message: str | None) -> None:
    lit = llama_checkpoint(tmp_path / "lit", steps=0)
    if content is None:
        (lit / file).unlink()
    else:
        (lit / file).write_text(content)
    if message is None:  # the two families' weights have the same names but for attention's bias
        state = torch.load(lit / "lit_model.pth")
        torch.save(state | {"transformer.h.0.attn.norm_q.weight": torch.ones(1)}, lit / "lit_model.pth")
        message = "norm_q"
    with pytest.raises((StageError, T2QError), match=message):
        convert_to_hf(lit, tmp_path / "hf")
