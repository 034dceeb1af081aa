"""What each conversion may lose, and that the gate says so when one loses more."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from t2q.conversion.gguf import convert_to_gguf
from t2q.conversion.hf import convert_to_hf
from t2q.errors import ParityError
from t2q.models import hf_model, litgpt_model, open_model
from t2q.models.parity import ParityLimits, check_parity, compare, kl_divergence, read
from t2q.prompt import render
from t2q.stages import parity
from tests.models.builders import DATABASE, QUESTIONS, llama_checkpoint
from tests.models.conftest import Chain

PROMPTS = [render(DATABASE, question) for question in QUESTIONS[:4]]
LIMITS = {
    "hf": ParityLimits(max_difference=1e-4, mean_kl=1e-9, agreement=1.0),
    "f32": ParityLimits(mean_kl=1e-5, agreement=0.99),
    "f16": ParityLimits(mean_kl=1e-5, agreement=0.99),
    "bf16": ParityLimits(mean_kl=1e-3),
    "q8_0": ParityLimits(mean_kl=1e-3),
    "q4_k_m": ParityLimits(mean_kl=5e-2),
}


@pytest.mark.parametrize("step", LIMITS)
def test_each_step_keeps_the_model(chain: Chain, step: str) -> None:
    report = check_parity(read(chain.models["lit"], PROMPTS), read(chain.models[step], PROMPTS), LIMITS[step], step)
    assert report.tokens == sum(len(chain.models["lit"].encode(prompt)) for prompt in PROMPTS)


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (ParityLimits(max_difference=1e-9), "q4_k_m: logits differ by"),
        (ParityLimits(mean_kl=1e-9), "q4_k_m: mean KL divergence is"),
        (ParityLimits(agreement=1.1), "q4_k_m: .* of next tokens agree"),
    ],
)
def test_the_gate_names_step_figure_and_limit(chain: Chain, limits: ParityLimits, message: str) -> None:
    with pytest.raises(ParityError, match=message):
        check_parity(
            read(chain.models["lit"], PROMPTS[:1]), read(chain.models["q4_k_m"], PROMPTS[:1]), limits, "q4_k_m"
        )


def test_models_that_read_other_tokens_are_refused(chain: Chain, tmp_path: Path) -> None:
    if chain.shape != "qwen2":
        pytest.skip("one other model is enough")
    with open_model(llama_checkpoint(tmp_path / "other", steps=0)) as other, pytest.raises(ParityError, match="tokens"):
        compare(read(chain.models["lit"], PROMPTS[:1]), read(other, PROMPTS[:1]))


def test_not_a_number_is_no_parity(chain: Chain) -> None:
    class Broken:
        encode = staticmethod(chain.models["lit"].encode)

        @staticmethod
        def logits(ids: list[int]) -> np.ndarray:
            return np.full((len(ids), chain.models["lit"].n_vocab), np.nan, dtype=np.float32)

    with pytest.raises(ParityError):
        check_parity(read(chain.models["lit"], PROMPTS[:1]), read(Broken(), PROMPTS[:1]), ParityLimits(mean_kl=1e9))  # type: ignore[arg-type]


def test_kl_divergence_by_hand() -> None:
    first, second = np.log([[0.5, 0.25, 0.25]]), np.log([[0.25, 0.5, 0.25]]) + 7
    assert kl_divergence(first, second) == pytest.approx([0.5 * np.log(2) - 0.25 * np.log(2)])


ROPES = {
    "llama3": (
        {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_seq_len": 64},
        {
            "rope_type": "llama3",
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 64,
        },
    ),
    "linear": ({"factor": 4.0}, {"type": "linear", "factor": 4.0}),
}


@pytest.mark.parametrize("kind", ROPES)
def test_scaled_positions_survive(tmp_path: Path, kind: str) -> None:
    """Against a model without scaling as control: the limits do tell the two apart."""
    adjustments, scaling = ROPES[kind]
    lit = llama_checkpoint(tmp_path / "lit", steps=0, rope_adjustments=adjustments, rope_scaling=scaling)
    plain = llama_checkpoint(tmp_path / "plain", steps=0)
    for folder in (lit, plain):
        state = torch.load(folder / "lit_model.pth")
        for name, weight in state.items():
            if "qkv" in name:
                weight *= 8  # attention that depends on positions
        torch.save(state, folder / "lit_model.pth")
    convert_to_hf(lit, tmp_path / "hf")
    convert_to_gguf(tmp_path / "hf", tmp_path / "model.gguf", "f32")
    with (
        open_model(lit, "cpu") as first,
        open_model(tmp_path / "hf", "cpu") as second,
        open_model(tmp_path / "model.gguf") as third,
        open_model(plain, "cpu") as control,
    ):
        readings = [read(model, PROMPTS[:1]) for model in (first, second, third, control)]
    check_parity(readings[0], readings[1], ParityLimits(max_difference=1e-4))
    kept, lost = compare(readings[0], readings[2]), compare(readings[0], readings[3])
    assert kept.mean_kl < 1e-5 < 100 * kept.mean_kl + 1e-5 < lost.mean_kl


def test_in_bf16_a_conversion_is_held_by_what_rounding_leaves(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a GPU: the bounds of float32 refuse a step that lost nothing; those for bf16 still tell a broken one."""
    for module in (litgpt_model, hf_model, parity):
        monkeypatch.setattr(module, "device_and_dtype", lambda _: (torch.device("cpu"), torch.bfloat16))
    with open_model(chain.lit) as lit, open_model(chain.hf) as hf:
        before, after = read(lit, PROMPTS), read(hf, PROMPTS)
    check_parity(before, after, parity.limits("hf"), "hf")
    check_parity(after, read(chain.models["f16"], PROMPTS), parity.limits("f16"), "f16")
    with pytest.raises(ParityError, match="logits differ"):
        check_parity(before, after, parity.LIMITS["hf"], "hf")
    late = [replace(reading, logits=np.roll(reading.logits, 1, axis=0)) for reading in after]
    with pytest.raises(ParityError, match="KL divergence"):
        check_parity(before, late, parity.limits("hf"), "hf")
