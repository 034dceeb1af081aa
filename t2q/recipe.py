"""What a recipe may say, with every default. `Recipe.load` reads one and names every mistake at once.

A recipe is YAML. Its `profiles` are overlays of the same keys, merged over the top level: one of them is chosen by the
hardware (or `--profile`), then `--set key.sub=value` is laid on top.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationInfo, field_validator, model_validator
from pydantic import ValidationError as PydanticError

from t2q.databases.credentials import is_neo4j, redact, refuse_inline_password
from t2q.databases.urls import for_example
from t2q.errors import RecipeError
from t2q.hardware import default_profile
from t2q.prompt import STYLES
from t2q.recipe_errors import Mistake, explain, report
from t2q.recipe_yaml import Document, overlay, parse_override, read_yaml

Share = Annotated[float, Field(ge=0, le=1)]
Prompt = Literal["t2q", "neo4j", "alpaca"]
GGUFType = Literal["q8_0", "q4_k_m"]
DEFAULT_PROFILES: dict[str, Any] = {
    "cpu": {"base": "t2q/pico"},
    "gpu": {
        "base": "Qwen/Qwen2.5-Coder-7B-Instruct",
        "train": {"quantize": "bnb.nf4", "learning_rate": 2.0e-4},
    },
}
RECIPE_FILE = "recipe.json"  # in a run's folder: the whole recipe as the latest run had it
_GRAPH_SCHEMES = ("graph", "bolt", "neo4j")
_KEYS_OF_A_BASE = {"tokenizer", "model", "corpus"}
_URL = re.compile(r"(graph:|spider:|[a-z][a-z0-9+.-]*://).+", re.IGNORECASE)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)  # strict: "3" and true are no numbers


class Pairs(_Part):
    """How many questions to make from the schema, and what else to learn from."""

    files: list[str] = []
    """CSV or JSON Lines of questions with their queries (see data/importers/plain.py), besides those that are made."""

    train: Annotated[int, Field(ge=1)] = 4800
    validation: Annotated[int, Field(ge=1)] = 400
    """What tells how sure one may be of an answer; a hundred of them also measure the training."""
    test: Annotated[int, Field(ge=1)] = 200
    """Answerable test questions; the unanswerable ones come on top."""
    unanswerable: Annotated[float, Field(ge=0, lt=1)] = 0.25
    """Share of questions that the schema cannot answer."""


class Lora(_Part):
    r: Annotated[int, Field(ge=1)] = 16
    alpha: Annotated[int, Field(ge=1)] = 32
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0


class Train(_Part):
    epochs: Annotated[int, Field(ge=1)] = 1
    learning_rate: Annotated[float, Field(gt=0, lt=1)] = 2.5e-3
    batch_size: Annotated[int, Field(ge=1)] = 16
    lora: Lora = Lora()
    quantize: Literal["bnb.nf4", "bnb.nf4-dq"] | None = None
    """Rounds the base while training; on a GPU only."""
    precision: Literal["32-true", "bf16-mixed", "bf16-true", "16-true"] | None = None
    """None: measured on a CPU; on a GPU bf16-true, or 16-true where it has no bf16."""
    devices: Annotated[int, Field(ge=1)] = 1
    """GPUs of each machine (or processes, on a CPU); each takes its part of every step's pairs."""
    nodes: Annotated[int, Field(ge=1)] = 1
    """Machines; what to start on the others is told."""

    @model_validator(mode="after")
    def _nf4_wants_half_precision(self) -> Train:
        if self.quantize and self.precision in ("32-true", "bf16-mixed"):
            raise ValueError(f"{self.quantize} works with precision bf16-true or 16-true only")
        return self

    @model_validator(mode="after")
    def _every_device_gets_as_many_pairs(self) -> Train:
        if rest := self.batch_size % (self.devices * self.nodes):
            number = f"{self.nodes} nodes of {self.devices} devices" if self.nodes > 1 else f"{self.devices} devices"
            raise ValueError(f"batch_size {self.batch_size} cannot be shared by {number}: {rest} pairs are left over")
        return self


class Limits(_Part):
    """Execution accuracy that a step may lose against the tuned weights, as a share."""

    hf: Share = 0.005
    f16: Share = 0.01
    q8_0: Share = 0.01
    q4_k_m: Share = 0.02


class Abstain(_Part):
    """When an answer is not given though there is one."""

    precision: Annotated[float, Field(ge=0.5, lt=1)] = 0.95
    """Share of the given answers that shall be right; what the model is not sure enough of for that is declined."""


class Log(_Part):
    """Where questions and their answers are kept, and for how long. No stage reads it."""

    database: str = ""
    """URL of a Neo4j server, without password; "": a SQLite file in the run's folder."""
    keep_days: Annotated[int, Field(ge=1, le=36_500)] | None = None
    """What is older is removed; None: nothing is."""

    @field_validator("database")
    @classmethod
    def _is_neo4j_without_password(cls, value: str) -> str:
        if value and not (is_neo4j(value) and urlsplit(value).hostname):
            raise ValueError(f'"{value}" is not the URL of a Neo4j server: write bolt://host:7687, or "" for a file')
        _refuse_password(value)
        return value


class Recipe(_Part):
    """A recipe with its profile and its overrides merged in."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)]
    database: str
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 7
    base: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")] = "t2q/pico"
    pairs: Pairs = Pairs()
    prompt: Prompt = "t2q"
    """The form of the prompt: the project's own, or one that others published (see prompt.py)."""
    train: Train = Train()
    merge: Literal["better", "original", "rounded"] = "better"
    """After a quantised training: which base the adapter is merged into, as it is or as the training had it rounded.
    better: both are tried on the validation questions."""
    gguf: list[GGUFType] = ["q8_0", "q4_k_m"]
    """Quantised files to make; f16 is always made."""
    limits: Limits = Limits()
    abstain: Abstain = Abstain()
    log: Log = Log()

    _path: Path = PrivateAttr(default=Path("recipe.yaml"))
    _profile: str = PrivateAttr(default="")
    _profile_reason: str = PrivateAttr(default="")

    @field_validator("database")
    @classmethod
    def _is_a_url_without_password(cls, value: str) -> str:
        if not _URL.fullmatch(value):
            raise ValueError(f'"{value}" is not a database URL: write for example {for_example(value)}')
        _refuse_password(value)
        return value

    @field_validator("prompt")
    @classmethod
    def _is_about_the_database(cls, value: str, info: ValidationInfo) -> str:
        wanted = STYLES[value].language
        if "database" in info.data and wanted not in ("", language_of(info.data["database"])):
            raise ValueError(f"{value} asks for {wanted.title()}, and {info.data['database']} is no graph")
        return value

    @model_validator(mode="after")
    def _the_log_is_no_part_of_the_database(self) -> Recipe:
        both = (self.log.database, self.database)
        if all(map(is_neo4j, both)) and len(set(map(_server, both))) == 1:
            raise ValueError("log.database is the database that is asked: it would be asked about its own questions")
        return self

    @classmethod
    def load(cls, path: str | Path, profile: str | None = None, overrides: Sequence[str] = ()) -> Recipe:
        """Reads, merges and validates; `overrides` are "key.sub=value". Raises RecipeError naming every mistake."""
        document = read_yaml(Path(path))
        if "database" not in document.data and _KEYS_OF_A_BASE & document.data.keys():
            raise RecipeError(f"{path} is the recipe of a base model: use `t2q pretrain {path}`")
        settings = [parse_override(o) for o in overrides]
        profiles, mistakes = _profiles(document)
        chosen, reason = _choose(profiles, profile, mistakes)

        recipe: Recipe | None = None
        for name in sorted(profiles or {""}, key=lambda n: n != chosen):  # the others only for their mistakes
            merged = overlay(document, ("profiles", name)) if name else document.without("profiles")
            for setting in settings if name in ("", chosen) else ():
                merged = setting.apply(merged)
            try:
                result = cls.model_validate(merged.data)
            except PydanticError as error:
                mistakes += explain(error, merged, cls)
            else:
                recipe = result if name == chosen else recipe
        if mistakes or recipe is None:
            raise report(mistakes)
        recipe._path, recipe._profile, recipe._profile_reason = Path(path), chosen, reason
        return recipe

    @property
    def path(self) -> Path:
        return self._path

    @property
    def profile(self) -> str:
        """Name of the profile that was merged in, "" where the recipe has none."""
        return self._profile

    @property
    def announcement(self) -> str:
        """First line of output: the profile, why, and the base."""
        profile = f"profile {self._profile} ({self._profile_reason})" if self._profile else "no profiles"
        quantize = f" · {self.train.quantize}" if self.train.quantize else ""
        return f"{profile} · base {self.base}{quantize}"

    @property
    def language(self) -> str:
        """ "sql" or "cypher"."""
        return language_of(self.database)

    @property
    def run_dir(self) -> Path:
        return Path("runs") / self.name

    def part(self, keys: Sequence[str]) -> dict[str, Any]:
        """The values of some dotted keys, flat ("train.epochs": 3), as plain data."""
        flat: dict[str, Any] = {}
        data = self.model_dump(mode="json")
        for key in keys:
            value: Any = data
            for name in key.split("."):
                value = value[name]
            _flatten(key, value, flat)
        return flat


P = TypeVar("P", bound=_Part)


def part_of_run(run: Path, name: str, part: type[P]) -> P:
    """A part of the recipe as the latest run in a folder had it; its defaults where nothing says so.

    Raises RecipeError where the file is damaged.
    """
    path = run / RECIPE_FILE
    try:
        return part.model_validate(json.loads(path.read_text(encoding="utf-8")).get(name, {}))
    except FileNotFoundError:
        return part()
    except (OSError, ValueError, AttributeError):
        raise RecipeError(f"{path} cannot be read: `t2q run RECIPE` writes it anew") from None


def _refuse_password(url: str) -> None:
    """Raises ValueError, which pydantic reads."""
    try:
        refuse_inline_password(url)
    except RecipeError as error:
        raise ValueError(str(error)) from None


def _server(url: str) -> tuple[str, str]:
    """What a Neo4j URL reaches, however it is written: host with port, and the database there."""
    parts = urlsplit(redact(url))
    return parts.netloc.lower().removesuffix(":7687"), parts.path.strip("/") or "neo4j"


def language_of(url: str) -> str:
    """What a database is asked in: "sql" or "cypher"."""
    scheme = url.split(":", 1)[0].split("+", 1)[0].lower()
    return "cypher" if scheme in _GRAPH_SCHEMES else "sql"


def _flatten(key: str, value: Any, into: dict[str, Any]) -> None:
    if isinstance(value, dict):
        for name, inner in value.items():
            _flatten(f"{key}.{name}", inner, into)
    else:
        into[key] = value


def _profiles(document: Document) -> tuple[dict[str, Any], list[Mistake]]:
    """The profiles of a document. The defaults apply where it names neither profiles nor a base."""
    if "profiles" not in document.data:
        if "base" not in document.data:
            document.data["profiles"] = DEFAULT_PROFILES
        else:
            return {}, []
    profiles = document.data["profiles"]
    if not isinstance(profiles, dict) or not all(isinstance(p, dict) for p in profiles.values()):
        where = document.where(("profiles",))
        return {}, [Mistake(where, "profiles must map a name (cpu, gpu, ...) to keys of the recipe")]
    return profiles, []


def _choose(profiles: dict[str, Any], asked: str | None, mistakes: list[Mistake]) -> tuple[str, str]:
    if asked is not None:
        if asked not in profiles:
            known = ", ".join(profiles) or "none"
            mistakes.append(Mistake(f"--profile {asked}", f"the recipe has no such profile; it has: {known}"))
        return asked, "asked for"
    name, reason = default_profile()
    if name not in profiles and profiles:
        only = next(iter(profiles))
        return only, f"{reason}; the recipe has no {name} profile"
    return (name if profiles else ""), reason
