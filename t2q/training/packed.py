"""LitGPT's fine-tuning on rows that share their schema: its data module.

`finetune_lora --config FILE` names `PackedPairs` as its data. A batch of pairs becomes one row (`packed_row.py`). The
loss and its gradients are those of the plain batch, at a fraction of the work: no token of the schema is computed
twice, and the output head only where an answer's token is to be predicted. LitGPT's own loop needs no change for it:
`connect` teaches its model to read such rows (`packed_model.py`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from litgpt.data import DataModule, SFTDataset
from litgpt.tokenizer import Tokenizer
from torch.utils.data import DataLoader

from t2q.training.groups import ShuffledGroups, grouped
from t2q.training.packed_model import install
from t2q.training.packed_row import IGNORE, pack
from t2q.training.prompt_style import PROMPTS, T2QPrompt


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
