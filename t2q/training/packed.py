"""LitGPT's fine-tuning on rows that share their schema: a data module, and the forward that understands its rows.

`finetune_lora --config FILE` names `PackedPairs` as its data. A batch of pairs becomes one row: the tokens that all
its prompts begin with, once, then what is each pair's own. The loss and its gradients are those of the plain batch,
at a fraction of the work: no token of the schema is computed twice, and the output head only where an answer's token
is to be predicted. What the model must know travels in the upper bits of the token ids (the number of a token's pair,
and whether what follows it is an answer's), so that LitGPT's own loop needs no change; `connect` teaches LitGPT's model
to read them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from litgpt.data import DataModule, SFTDataset
from litgpt.lora import GPT as LoraGPT
from litgpt.model import CausalSelfAttention, do_softcapping
from litgpt.tokenizer import Tokenizer
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, Sampler

from t2q.training import adapters, pointwise
from t2q.training.kernels import by_kernel
from t2q.training.output_loss import losses_and_slopes, output_loss
from t2q.training.pair_attention import PairRows
from t2q.training.prompt_style import PROMPTS, T2QPrompt
from t2q.training.shared_prefix import attention_mask, hidden_states, prefix_attention

IGNORE = -100
_PAIR_SHIFT = 32  # a token's id is below 2**32; its pair's number stands above it
_MULTIPLE = 128  # lengths are rounded up to it: for each new one, a CPU's bf16 kernels are made anew, and kept
_PREDICTS = 1 << 62  # the token after it is one to predict
_FILLING = 1 << 61  # it stands there for the row's length only


@dataclass
class PackedPairs(DataModule):
    """Question/query pairs on one schema or on several, `train.json` and `val.json` in Alpaca form under `json_path`.

    `micro_batch_size` of LitGPT's training arguments is the number of pairs in a row. `prompt` names their form.
    """

    json_path: Path
    seed: int = 42
    prompt: str = "t2q"
    prompt_style: T2QPrompt = field(init=False, repr=False)
    tokenizer: Tokenizer | None = field(default=None, init=False, repr=False)
    batch_size: int = field(default=1, init=False, repr=False)
    train_dataset: SFTDataset | None = field(default=None, init=False, repr=False)
    test_dataset: SFTDataset | None = field(default=None, init=False, repr=False)
    schemas: dict[str, list[str]] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        super().__init__()
        self.prompt_style = PROMPTS[self.prompt]()

    def connect(
        self,
        tokenizer: Tokenizer | None = None,
        batch_size: int = 1,
        max_seq_length: int | None = None,  # noqa: ARG002  rows were measured before the training began
        **_: Any,
    ) -> None:
        self.tokenizer, self.batch_size = tokenizer, batch_size
        if tokenizer is not None and tokenizer.backend == "huggingface":
            tokenizer.processor.encode_special_tokens = True  # a question that spells an end token stays text
        install()

    def setup(self, stage: str = "") -> None:  # noqa: ARG002
        self.train_dataset = self._dataset("train")
        self.test_dataset = self._dataset("val")

    def _dataset(self, name: str) -> SFTDataset:
        rows = json.loads((self.json_path / f"{name}.json").read_text(encoding="utf-8"))
        assert self.tokenizer is not None
        self.schemas[name] = [row["input"] for row in rows]
        return SFTDataset(rows, self.tokenizer, self.prompt_style, mask_prompt=True, ignore_index=IGNORE)

    def train_groups(self) -> ShuffledGroups:
        """The pairs of each step, by number; each time it is gone through, the next epoch's."""
        return ShuffledGroups(self.schemas["train"], self.batch_size, self.seed)

    def validation_groups(self) -> list[list[int]]:
        """All validation pairs, by number, in rows of up to a step's size."""
        schemas = self.schemas["val"]
        return grouped(range(len(schemas)), schemas, self.batch_size)

    def train_dataloader(self) -> DataLoader:
        assert self.train_dataset is not None
        return DataLoader(self.train_dataset, batch_sampler=self.train_groups(), collate_fn=pack)

    def val_dataloader(self) -> DataLoader:
        assert self.test_dataset is not None
        return DataLoader(self.test_dataset, batch_sampler=self.validation_groups(), collate_fn=pack)


class ShuffledGroups(Sampler[list[int]]):
    """Groups of `size` rows that share their schema, by number, put together anew in each epoch.

    `schemas`: that of each row. What is left of a schema's rows after the division is left out of the epoch.
    """

    def __init__(self, schemas: Sequence[str], size: int, seed: int) -> None:
        self.schemas, counts = schemas, Counter(schemas).values()
        self.size = min(size, max(counts))
        self.groups = sum(count // self.size for count in counts)
        self.generator = torch.Generator().manual_seed(seed)

    def __len__(self) -> int:
        return self.groups

    def __iter__(self) -> Iterator[list[int]]:
        order = torch.randperm(len(self.schemas), generator=self.generator).tolist()
        groups = [group for group in grouped(order, self.schemas, self.size) if len(group) == self.size]
        for number in torch.randperm(len(groups), generator=self.generator).tolist():
            yield groups[number]


def grouped(order: Iterable[int], schemas: Sequence[str], size: int) -> list[list[int]]:
    """Rows in groups of up to `size` that share their schema, in the order of `order`."""
    open_groups: dict[str, list[int]] = {}
    groups: list[list[int]] = []
    for row in order:
        group = open_groups.setdefault(schemas[row], [])
        group.append(row)
        if len(group) == size:
            groups.append(open_groups.pop(schemas[row]))
    return groups + list(open_groups.values())


def pack(samples: list[dict[str, Any]]) -> dict[str, Any]:
    """One row of samples that each hold `input_ids` and `labels` (the prompt masked).

    `input_ids` has shape (1, T). `labels` has the n labels that are not masked, after one that stands for nothing:
    shape (1, n + 1), as the loop compares all labels but the first with all logits but the last.
    """
    prompt = min(int((s["labels"] != IGNORE).int().argmax()) for s in samples)
    shared = _common_prefix([s["input_ids"][: prompt - 1] for s in samples])
    ids, labels = [samples[0]["input_ids"][:shared]], [torch.tensor([IGNORE])]
    for number, sample in enumerate(samples, 1):
        predicted = sample["labels"] != IGNORE
        before = F.pad(predicted[1:], (0, 1)).long() * _PREDICTS
        ids.append((sample["input_ids"] + (number << _PAIR_SHIFT) + before)[shared:])
        labels.append(sample["labels"][predicted])
    missing = -sum(map(len, labels)) % _MULTIPLE
    rest = _MULTIPLE - (sum(map(len, ids)) + missing) % _MULTIPLE  # at least one: the last token predicts nothing
    # each filling token is a pair of its own, so that its position, behind the prefix, is surely within the context
    filler = (torch.arange(len(samples) + 1, len(samples) + 1 + missing + rest) << _PAIR_SHIFT) + _FILLING
    filler[:missing] += _PREDICTS
    ids.append(filler)
    labels.append(torch.full((missing,), IGNORE))
    counts = {
        key: torch.tensor([s["token_counts"][key] for s in samples]) for key in ("raw", "raw_plus_prompt_template")
    }
    return {"input_ids": torch.cat(ids)[None], "labels": torch.cat(labels)[None], "token_counts": counts}


def _common_prefix(rows: list[Tensor]) -> int:
    length = min(len(row) for row in rows)
    same = torch.stack([row[:length] for row in rows]).eq(rows[0][:length]).all(0)
    return length if bool(same.all()) else int((~same).int().argmax())


def unpack(ids: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Token ids, pairs and positions of a packed row, each of shape (1, T)."""
    pairs = (ids & ~(_PREDICTS | _FILLING)) >> _PAIR_SHIFT
    place = torch.arange(ids.shape[1], device=ids.device)[None]
    shared = (pairs == 0).sum()
    starts = torch.zeros_like(place)
    first = torch.ones_like(pairs, dtype=torch.bool)
    first[:, 1:] = pairs[:, 1:] != pairs[:, :-1]
    starts[first] = place[first]
    starts = starts.cummax(1).values
    positions = torch.where(pairs == 0, place, place - starts + shared)
    return ids & ((1 << _PAIR_SHIFT) - 1), pairs, positions


def _by_pairs(config: Any, device: torch.device) -> bool:
    """Whether attention goes by pairs rather than by a mask: on a CPU, where the model's is the usual one."""
    special = config.attention_logit_softcapping or config.latent_attention
    return device.type == "cpu" and not special


def _seen(config: Any, idx: Tensor, pairs: Tensor) -> Tensor | PairRows:
    """Who sees whom in a packed row, in the form that is fastest here."""
    if not _by_pairs(config, idx.device):
        return attention_mask(torch.zeros_like(pairs), pairs)[:, :, int((pairs == 0).sum()) :]
    filling = idx & _FILLING != 0
    if by_kernel(idx.device):
        return torch.cat([-filling.long(), pairs])
    return PairRows.of(pairs[0], int((~filling).sum()))


def answer_states(model: Any, idx: Tensor, recompute: bool = False) -> Tensor:
    """The states before the output head where a token is to be predicted, (1, n + 1, n_embd); the last says nothing.

    `idx`: a packed row, (1, T). `recompute`: as for `hidden_states`.
    """
    ids, pairs, positions = unpack(idx)
    # no pair is longer than attention's window, and LitGPT would put the window's mask in the place of the row's
    for block in model.transformer.h:
        block.attn.apply_sliding_window_attention = False
    states = hidden_states(model, ids, positions, _seen(model.config, idx, pairs), recompute)
    predicts = (idx[0] & _PREDICTS).bool()
    predicts[-1] = True  # the logits that LitGPT's loop leaves out
    return states[:, predicts]


def answer_loss(model: Any, row: dict[str, Tensor], recompute: bool = False) -> Tensor:
    """The sum of the cross-entropies of a packed row's answer tokens, whose logits never stand in memory together."""
    targets = row["labels"][0, 1:]
    states = answer_states(model, row["input_ids"], recompute)[0, :-1]
    by_rows = partial(losses_and_slopes, cap=model.config.final_logit_softcapping)
    counted = (targets != IGNORE).float()
    loss: Tensor = output_loss(states, model.lm_head.linear.weight, targets.clamp(min=0), counted, by_rows)[0]
    return loss


def install() -> None:
    """Teaches LitGPT's LoRA model to read packed rows, and bitsandbytes' embedding to be a plain one, once.

    Under nf4, LitGPT swaps the embedding for bitsandbytes' StableEmbedding, whose LayerNorm no deployed model has.
    """
    if getattr(LoraGPT.forward, "reads_packed_rows", False):
        return
    plain = LoraGPT.forward

    def forward(self: LoraGPT, idx: Tensor, *args: Any, lm_head_chunk_size: int = 0, **kwargs: Any) -> Any:
        if int(idx.max()) < 1 << _PAIR_SHIFT:
            return plain(self, idx, *args, lm_head_chunk_size=lm_head_chunk_size, **kwargs)
        states = answer_states(self, idx)
        threshold = self.config.final_logit_softcapping
        cap = partial(do_softcapping, thresh=threshold) if threshold is not None else torch.nn.Identity()
        if lm_head_chunk_size:
            return [cap(self.lm_head(part)) for part in states.split(lm_head_chunk_size, dim=1)]
        return cap(self.lm_head(states))

    forward.reads_packed_rows = True  # type: ignore[attr-defined]
    LoraGPT.forward = forward  # type: ignore[method-assign]
    adapters.install()
    pointwise.install()
    CausalSelfAttention.scaled_dot_product_attention = prefix_attention(  # type: ignore[method-assign]
        CausalSelfAttention.scaled_dot_product_attention
    )
    if torch.cuda.is_available():  # nf4 is for CUDA; importing bitsandbytes elsewhere only costs time
        plain_embedding()


def plain_embedding() -> None:
    """Gives bitsandbytes a StableEmbedding without its LayerNorm; before LitGPT imports it."""
    import bitsandbytes as bnb

    class PlainEmbedding(bnb.nn.StableEmbedding):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.norm = torch.nn.Identity()  # type: ignore[assignment]

    setattr(bnb.nn, "StableEmbedding", PlainEmbedding)  # noqa: B010  a plain assignment to a class is no type
