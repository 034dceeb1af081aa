"""Rows that share their schema give the loss and the gradients of the plain batch, inside LitGPT's own model."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from litgpt.lora import GPT, Config, mark_only_lora_as_trainable
from litgpt.utils import chunked_cross_entropy
from torch import Tensor
from torch.nn import functional as F

from t2q.training import packed_model
from t2q.training.groups import ShuffledGroups, grouped
from t2q.training.kernels import load_kernels
from t2q.training.packed_model import answer_loss, install, plain_embedding
from t2q.training.packed_row import IGNORE, pack, unpack

SIZES = {
    "block_size": 512, "padded_vocab_size": 256, "n_layer": 2, "n_head": 4, "n_query_groups": 2, "n_embd": 64,
    "intermediate_size": 96, "lora_r": 4, "lora_alpha": 8, "lora_query": True, "lora_value": True,
}  # fmt: skip
OTHERS = {
    "Gemma-2-2b": {"sliding_window_size": 128, "attention_logit_softcapping": 5.0, "head_size": 32},
    "Mistral-7B-v0.1": {"sliding_window_size": 128},
    "Qwen3-0.6B": {"head_size": 32},
    "Phi-3-mini-4k-instruct": {"sliding_window_size": 128},
}


@pytest.fixture(scope="module")
def model() -> GPT:
    config = Config(
        name="x", rotary_percentage=1.0, parallel_residual=False, bias=False, norm_class_name="RMSNorm",
        mlp_class_name="LLaMAMLP", **SIZES,
    )  # fmt: skip
    return adapted(config)


def adapted(config: Config) -> GPT:
    torch.manual_seed(0)
    model = GPT(config)
    model.apply(model._init_weights)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.02)
    mark_only_lora_as_trainable(model)
    install()
    return model


def samples(schema: int, number: int) -> list[dict[str, Any]]:
    generator = torch.Generator().manual_seed(schema)
    shared = torch.randint(0, 256, (schema,), generator=generator)
    made = []
    for i in range(number):
        own = torch.randint(0, 256, (9 + 3 * i,), generator=generator)
        ids = torch.cat([shared, own])
        labels = ids.clone()
        labels[: schema + 4 + i] = IGNORE
        made.append({"input_ids": ids, "labels": labels, "token_counts": {"raw": 1, "raw_plus_prompt_template": 1}})
    return made


def padded(rows: list[dict[str, Any]], key: str, value: int) -> Tensor:
    longest = max(len(row[key]) for row in rows)
    return torch.stack([F.pad(row[key], (0, longest - len(row[key])), value=value) for row in rows])


def loss_and_gradients(model: GPT, ids: Tensor, labels: Tensor) -> tuple[float, Tensor]:
    """As LitGPT's training loop computes them."""
    model.zero_grad()
    logits = model(ids, lm_head_chunk_size=128)
    logits[-1] = logits[-1][..., :-1, :]
    loss = chunked_cross_entropy(logits, labels[..., 1:])
    loss.backward()
    return loss.item(), torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


@pytest.mark.parametrize("by_pairs", [True, False], ids=["by pairs, as on a CPU", "by a mask, as on a GPU"])
@pytest.mark.parametrize(("schema", "number"), [(60, 5), (200, 3), (30, 1), (0, 3)])
def test_equal_loss_and_gradients(
    model: GPT, schema: int, number: int, by_pairs: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packed_model, "_by_pairs", lambda *_: by_pairs)
    rows = samples(schema, number)
    plain = loss_and_gradients(model, padded(rows, "input_ids", 0), padded(rows, "labels", IGNORE))
    row = pack(rows)
    packed = loss_and_gradients(model, row["input_ids"], row["labels"])
    assert row["input_ids"].shape[1] < sum(len(r["input_ids"]) for r in rows) or number == 1 or schema == 0
    assert packed[0] == pytest.approx(plain[0], abs=1e-5)
    assert (packed[1] - plain[1]).norm() / plain[1].norm() < 1e-5


def test_all_layers_keep_the_same_mask_for_the_gradients(model: GPT, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where prompts share little, a mask of each layer's own would be more than all activations."""
    monkeypatch.setattr(packed_model, "_by_pairs", lambda *_: False)
    row = pack(samples(0, 8))
    tokens, kept = row["input_ids"].shape[1], set()

    def keep(tensor: Tensor) -> Tensor:
        if tensor.dim() >= 2 and tensor.shape[-2:] == (tokens, tokens):
            kept.add(tensor.untyped_storage().data_ptr())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        answer_loss(model, row)
    assert len(kept) == 1


@pytest.mark.parametrize("name", OTHERS)
def test_other_families_train_on_the_same_function(name: str) -> None:
    """The row is longer than attention's window, no prompt in it is; scores are large enough for a cap to be felt."""
    model = adapted(Config.from_name(name, **SIZES | OTHERS[name]))
    for block in model.transformer.h:
        torch.nn.init.normal_(block.attn.qkv.linear.weight, std=0.3)
    rows = samples(60, 8)
    plain = loss_and_gradients(model, padded(rows, "input_ids", 0), padded(rows, "labels", IGNORE))
    row = pack(rows)
    packed = loss_and_gradients(model, row["input_ids"], row["labels"])
    model.zero_grad()
    own = answer_loss(model, row) / (row["labels"] != IGNORE).sum()
    own.backward()
    gradients = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])
    for loss, found in (packed, (own.item(), gradients)):
        assert loss == pytest.approx(plain[0], abs=1e-5)
        assert (found - plain[1]).norm() / plain[1].norm() < 1e-4


@pytest.mark.skipif(not load_kernels(), reason="no C++ compiler, or a processor without bf16 products")
@pytest.mark.parametrize(("schema", "number"), [(60, 5), (30, 1)])
def test_the_kernel_is_the_mask_in_bf16(model: GPT, schema: int, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    row = pack(samples(schema, number))
    found = []
    for by_kernel in (True, False):
        monkeypatch.setattr(packed_model, "_by_pairs", lambda *_, chosen=by_kernel: chosen)
        with torch.autocast("cpu", torch.bfloat16):
            found.append(loss_and_gradients(model, row["input_ids"], row["labels"]))
    (kernel, its_gradients), (mask, their_gradients) = found
    assert kernel == pytest.approx(mask, abs=0.01)
    assert (its_gradients - their_gradients).norm() / their_gradients.norm() < 0.03


def test_unpack_gives_back_ids_pairs_and_positions() -> None:
    rows = samples(10, 3)
    ids, pairs, positions = unpack(pack(rows)["input_ids"])
    for number, row in enumerate(rows, 1):
        mine = pairs[0] == number
        assert torch.cat([ids[0][pairs[0] == 0], ids[0][mine]]).tolist() == row["input_ids"].tolist()
        assert positions[0][mine].tolist() == list(range(int((pairs == 0).sum()), len(row["input_ids"])))


def test_lengths_are_few_and_logits_are_as_many_as_labels(model: GPT) -> None:
    """However the lengths fall. Each new length costs a CPU a new kernel, which it keeps: gigabytes in a long run."""
    lengths = set()
    for schema in range(90, 130):
        row = pack(samples(schema, 4))
        logits = model(row["input_ids"], lm_head_chunk_size=128)
        assert sum(part.shape[1] for part in logits) == row["labels"].shape[1]
        lengths.add((row["input_ids"].shape[1], row["labels"].shape[1]))
    assert len(lengths) <= 2


def test_answers_are_never_shared() -> None:
    """Two equal rows: their common tokens end before the answer, whose tokens must each be predicted."""
    row = samples(20, 1)[0]
    packed = pack([row, row])
    assert (packed["labels"] != IGNORE).sum() == 2 * (row["labels"] != IGNORE).sum()


def test_groups_are_new_in_each_epoch_and_hold_each_pair_once() -> None:
    groups = ShuffledGroups(["a"] * 10, 4, seed=1)
    first, second = list(groups), list(groups)
    assert len(groups) == len(first) == 2 and first != second
    assert len({i for group in first for i in group}) == 8


def test_a_group_asks_one_schema() -> None:
    schemas = ["a", "b", "a", "c"] * 5
    groups = ShuffledGroups(schemas, 4, seed=1)
    epochs = [list(groups) for _ in range(5)]
    for epoch in epochs:
        assert len(groups) == len(epoch) == 4  # ten of a, five each of b and c
        assert all(len({schemas[row] for row in group}) == 1 and len(group) == 4 for group in epoch)
    assert len({schemas[epoch[-1][0]] for epoch in epochs}) > 1  # not always the same one last
    assert grouped(range(6), schemas, 2) == [[0, 2], [1, 5], [3], [4]]


def test_the_embedding_under_nf4_is_a_plain_one() -> None:
    """LitGPT takes bitsandbytes' StableEmbedding under nf4, whose LayerNorm changes the function that is trained."""
    bnb = pytest.importorskip("bitsandbytes")
    stock = bnb.nn.StableEmbedding
    ids = torch.arange(6)[None]
    try:
        torch.manual_seed(0)
        changed = stock(6, 8)
        assert not torch.allclose(changed(ids), changed.weight[ids], atol=1e-3)
        plain_embedding()
        mended = bnb.nn.StableEmbedding(6, 8)
        assert torch.equal(mended(ids), mended.weight[ids])
    finally:
        bnb.nn.StableEmbedding = stock
