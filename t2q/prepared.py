"""What `prepare` leaves for the later stages and for answering, loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from t2q.data.pairs import Pair, read_pairs
from t2q.prompt import render
from t2q.schema import Schema

PARITY_PROMPTS = 6


@dataclass(frozen=True)
class Prepared:
    """The artifact of `prepare` in `folder`; `database_text` is what all its prompts begin with."""

    folder: Path
    schema: Schema
    database_text: str

    @classmethod
    def load(cls, folder: Path) -> Prepared:
        text = (folder / "database.txt").read_text(encoding="utf-8").removesuffix("\n")
        return cls(folder, Schema.from_json((folder / "schema.json").read_text(encoding="utf-8")), text)

    def pairs(self, split: str) -> list[Pair]:
        return read_pairs(self.folder / f"{split}.jsonl")

    def prompt(self, question: str) -> str:
        return render(self.database_text, question)

    def parity_prompts(self) -> list[str]:
        """The prompts on which a conversion's logits are held against the step before."""
        return [self.prompt(p.question) for p in self.pairs("validation")[:PARITY_PROMPTS]]
