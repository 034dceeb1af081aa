"""Merging an adapter: the trained function, always made anew, and refused where training has failed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from litgpt.lora import GPT, Config
from litgpt.scripts.merge_lora import merge_lora

from t2q.conversion.merge import merge, read_adapted
from t2q.errors import StageError
from t2q.models.litgpt_model import LitGPTModel
from t2q.models.parity import check_parity, read
from t2q.prompt import render
from t2q.stages.parity import limits
from tests.models.builders import DATABASE, QUESTIONS, llama_checkpoint

LORA = {
    "lora_r": 4,
    "lora_alpha": 8,
    "lora_dropout": 0.0,
    "lora_query": True,
    "lora_key": False,
    "lora_value": True,
    "lora_projection": True,
    "lora_mlp": True,
    "lora_head": False,
}
FILES = ("model_config.yaml", "config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return llama_checkpoint(tmp_path_factory.mktemp("merge") / "base", steps=0)


def adapter(folder: Path, base: Path, dtype: torch.dtype = torch.float32, scale: float = 0.05, **hyper: Any) -> Path:
    """What `finetune_lora` leaves in `final/`, with random adapter weights."""
    folder.mkdir()
    for name in FILES:
        shutil.copyfile(base / name, folder / name)
    torch.manual_seed(2)
    parts = LORA | {name: value for name, value in hyper.items() if name.startswith("lora_")}
    lora = {
        name: (scale * torch.randn_like(weight)).to(dtype)
        for name, weight in GPT(Config.from_file(base / "model_config.yaml", **parts)).state_dict().items()
        if name.endswith(("lora_A", "lora_B"))
    }
    torch.save({"model": lora}, folder / "lit_model.pth.lora")
    parameters = LORA | {"checkpoint_dir": str(base), "precision": "32-true", "quantize": None} | hyper
    (folder / "hyperparameters.yaml").write_text(yaml.dump(parameters))
    (folder / "prompt_style.yaml").write_text("class_path: t2q.training.prompt_style.T2QPrompt\n")
    return folder


def test_same_as_stock_litgpt_and_as_the_trained_function(tmp_path: Path, base: Path) -> None:
    final = adapter(tmp_path / "final", base)
    seen: list[tuple[int, int]] = []
    merge(final, base, tmp_path / "merged", on_progress=lambda done, total: seen.append((done, total)))
    merge_lora(shutil.copytree(final, tmp_path / "stock"), base)
    ours, stock = (torch.load(tmp_path / name / "lit_model.pth") for name in ("merged", "stock"))
    assert ours.keys() == stock.keys() and all(torch.allclose(ours[name], stock[name], atol=1e-7) for name in ours)
    assert seen[-1] == (len(seen), len(seen))
    assert (tmp_path / "merged" / "prompt_style.yaml").is_file()

    unmerged = GPT(Config.from_file(final / "model_config.yaml", **LORA))
    unmerged.load_state_dict(
        torch.load(base / "lit_model.pth") | torch.load(final / "lit_model.pth.lora")["model"], strict=True
    )
    with LitGPTModel(tmp_path / "merged", "cpu") as model, LitGPTModel(base, "cpu") as untuned, torch.no_grad():
        ids = model.encode(render(DATABASE, QUESTIONS[0]))
        trained = unmerged.eval()(torch.tensor([ids]))[0].numpy()
        [reading] = read_adapted(final, base, [render(DATABASE, QUESTIONS[0])], "cpu")
        assert reading.ids == ids and abs(reading.logits - trained).max() < 1e-6
        assert abs(model.logits(ids) - trained).max() < 1e-4 < 0.1 < abs(untuned.logits(ids) - trained).max()


def test_an_earlier_merge_is_not_kept(tmp_path: Path, base: Path) -> None:
    """LitGPT's merge_lora returns early where lit_model.pth lies beside the adapter."""
    final = adapter(tmp_path / "final", base)
    torch.save({}, final / "lit_model.pth")
    merge(final, base, tmp_path / "merged")
    first = torch.load(tmp_path / "merged" / "lit_model.pth")
    final = adapter(tmp_path / "again", base, scale=0.1)
    merge(final, base, tmp_path / "merged")
    name = "transformer.h.0.attn.proj.weight"
    assert not torch.equal(first[name], torch.load(tmp_path / "merged" / "lit_model.pth")[name])


def test_precision_is_the_bases(tmp_path: Path, base: Path) -> None:
    """Adapters are trained in float32, on bases of any precision."""
    half = shutil.copytree(base, tmp_path / "half")
    weights = {name: weight.bfloat16() for name, weight in torch.load(base / "lit_model.pth").items()}
    torch.save(weights, half / "lit_model.pth")
    final = adapter(tmp_path / "final", half)
    assert merge(final, half, tmp_path / "merged") is torch.bfloat16
    assert {weight.dtype for weight in torch.load(tmp_path / "merged" / "lit_model.pth").values()} == {torch.bfloat16}
    prompts = [render(DATABASE, question) for question in QUESTIONS[:2]]
    with LitGPTModel(tmp_path / "merged", "cpu") as model:
        after = read(model, prompts)
    check_parity(read_adapted(final, half, prompts, "cpu"), after, limits("merge", rounded=True), "merge")


@pytest.mark.parametrize("quantize", ["bnb.nf4", "bnb.nf4-dq"])
def test_onto_the_base_that_training_saw(tmp_path: Path, base: Path, quantize: str) -> None:
    from bitsandbytes.functional import dequantize_4bit, quantize_4bit

    final = adapter(tmp_path / "final", base, quantize=quantize, precision="bf16-true")
    merge(final, base, tmp_path / "original")
    merge(final, base, tmp_path / "rounded", onto="rounded")
    original, rounded = (torch.load(tmp_path / name / "lit_model.pth") for name in ("original", "rounded"))
    weights = torch.load(base / "lit_model.pth")
    name = "transformer.h.1.mlp.fc_1.weight"
    error = (rounded[name] - original[name]).norm() / weights[name].norm()
    assert 0.03 < error < 0.15
    codes, state = quantize_4bit(
        weights[name].bfloat16(), quant_type="nf4", compress_statistics=quantize.endswith("dq")
    )
    assert torch.allclose(
        rounded[name] - original[name], dequantize_4bit(codes, state).float() - weights[name], atol=1e-6
    )
    for whole in ("transformer.wte.weight", "lm_head.weight"):
        assert torch.equal(rounded[whole], weights[whole])


def test_nothing_to_round_without_quantisation(tmp_path: Path, base: Path) -> None:
    final = adapter(tmp_path / "final", base)
    for onto in ("original", "rounded"):
        merge(final, base, tmp_path / onto, onto=onto)  # type: ignore[arg-type]
    a, b = (torch.load(tmp_path / name / "lit_model.pth") for name in ("original", "rounded"))
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_refused(tmp_path: Path, base: Path) -> None:
    with pytest.raises(StageError, match="changes nothing"):
        merge(adapter(tmp_path / "zero", base, scale=0.0), base, tmp_path / "out")
    with pytest.raises(StageError, match="diverged"):
        merge(adapter(tmp_path / "nan", base, scale=float("nan")), base, tmp_path / "out")
    with pytest.raises(StageError, match="int8"):
        merge(adapter(tmp_path / "int8", base, quantize="bnb.int8-training"), base, tmp_path / "out", onto="rounded")
    with pytest.raises(StageError, match=r"lit_model\.pth\.lora is missing"):
        merge(base, base, tmp_path / "out")
    other = llama_checkpoint(tmp_path / "other", steps=0)
    state = torch.load(other / "lit_model.pth")
    state["transformer.wte.weight"] = torch.zeros(100, 256)
    torch.save(state, other / "lit_model.pth")
    with pytest.raises(StageError, match="was not trained on"):
        merge(adapter(tmp_path / "final", base), other, tmp_path / "out")
    assert not (tmp_path / "out").exists()
