"""What `prepare` leaves for the later stages and for answering, loaded."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from t2q.data.pairs import Pair, read_pairs
from t2q.databases.urls import with_file_in
from t2q.errors import T2QError
from t2q.json_lines import json_lines
from t2q.manifest import Manifest
from t2q.prompt import OWN, STYLES, PromptStyle, render
from t2q.schema import Schema

PARITY_PROMPTS = 6
_SEVERAL = "databases.jsonl"
_STYLE = "prompt.txt"


@dataclass(frozen=True)
class Shown:
    """A database as prompts show it: `text` is what all that ask it begin with. `url` is "" for the recipe's own."""

    schema: Schema
    text: str
    url: str = ""


@dataclass(frozen=True)
class Prepared:
    """The artifact of `prepare` in `folder`. `databases`: by what a pair calls its own; the only one is called "".

    `style`: the form of every prompt.
    """

    folder: Path
    databases: Mapping[str, Shown]
    style: PromptStyle = OWN

    @classmethod
    def load(cls, folder: Path) -> Prepared:
        path = folder / _STYLE
        style = STYLES[path.read_text(encoding="utf-8").strip()] if path.is_file() else OWN
        if (folder / _SEVERAL).is_file():
            rows = (row for _, row in json_lines((folder / _SEVERAL).read_text(encoding="utf-8")))
            several = {r["name"]: Shown(Schema.from_json(r["schema"]), r["text"], r["url"]) for r in rows}
            return cls(folder, several, style)
        text = (folder / "database.txt").read_text(encoding="utf-8").removesuffix("\n")
        schema = Schema.from_json((folder / "schema.json").read_text(encoding="utf-8"))
        return cls(folder, {"": Shown(schema, text)}, style)

    @property
    def only(self) -> Shown:
        """Raises T2QError where there are several databases."""
        if len(self.databases) > 1:
            raise T2QError(
                f"{self.folder} holds questions about {len(self.databases)} databases, and this needs a run about one: "
                "copy the run's hf folder to checkpoints/t2q/NAME and fine-tune it with `base: t2q/NAME`"
            )
        return next(iter(self.databases.values()))

    @property
    def system_text(self) -> str:
        """What is said before every question; "" where that depends on the database."""
        return self.only.text if len(self.databases) == 1 else ""

    def pairs(self, split: str) -> list[Pair]:
        return read_pairs(self.folder / f"{split}.jsonl")

    def by_database(self, split: str) -> Iterator[tuple[Shown, list[Pair]]]:
        """The split's pairs, database by database."""
        asked: dict[str, list[Pair]] = {}
        for pair in self.pairs(split):
            asked.setdefault(pair.database, []).append(pair)
        for name, pairs in asked.items():
            yield self.databases[name], pairs

    def prompt(self, pair: Pair) -> str:
        return render(self.databases[pair.database].text, pair.question, self.style)

    def parity_prompts(self) -> list[str]:
        """The prompts on which a conversion's logits are held against the step before."""
        return [self.prompt(pair) for pair in self.pairs("validation")[:PARITY_PROMPTS]]


def database_url(run: Path) -> str:
    """The URL of the database that the run in a folder was prepared from; a file is taken from where the run was made.

    Raises T2QError where nothing was prepared.
    """
    manifest = Manifest.read(run / "prepare")
    if manifest is None:
        raise T2QError(
            f"{run / 'prepare' / 'manifest.json'} is missing or damaged: make it again with `t2q run RECIPE`"
        )
    made_in = run.resolve().parent.parent  # a run is made in runs/NAME of the folder that its paths start from
    return with_file_in(manifest.ingredients.recipe["database"], made_in)


def write_style(folder: Path, name: str) -> None:
    """The form of every prompt, where it is not the project's own."""
    if name != OWN.name:
        (folder / _STYLE).write_text(f"{name}\n", encoding="utf-8")


def write_databases(folder: Path, databases: Mapping[str, Shown]) -> None:
    """Several databases, a JSON object a line."""
    rows: Iterable[str] = (
        json.dumps({"name": name, "url": shown.url, "text": shown.text, "schema": shown.schema.to_json()})
        for name, shown in databases.items()
    )
    (folder / _SEVERAL).write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
