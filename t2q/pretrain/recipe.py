"""What a pretraining recipe may say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from t2q.fingerprint import OWN_BASES
from t2q.recipe_errors import explain, report
from t2q.recipe_yaml import read_yaml


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TokenizerPart(_Part):
    """`documents`: schemas with questions that the vocabulary is learnt from."""

    vocabulary: Annotated[int, Field(ge=300, le=65_536)] = 4096
    documents: Annotated[int, Field(ge=10)] = 3000


class ModelPart(_Part):
    """A Llama shape. K-quants want `width` and `hidden` to be multiples of 256.

    Heads narrower than 64 learn to copy late: most of their dimensions turn with the position.
    """

    layers: Annotated[int, Field(ge=1)] = 8
    heads: Annotated[int, Field(ge=1)] = 4
    width: Annotated[int, Field(ge=32)] = 256
    hidden: Annotated[int, Field(ge=32)] = 768
    context: Annotated[int, Field(ge=128)] = 2048


class CorpusPart(_Part):
    """`rows` of `row_tokens` tokens, each holding schemas with questions about them.

    Real questions to be mixed in, "" for none: `wikisql`, the training file of WikiSQL as JSON Lines; `text2cypher`,
    the folder with neo4j-labs' two CSV files.
    """

    rows: Annotated[int, Field(ge=1)] = 12_800
    row_tokens: Annotated[int, Field(ge=256)] = 1024
    wikisql: str = ""
    text2cypher: str = ""

    @property
    def sources(self) -> tuple[str, str]:
        return self.wikisql, self.text2cypher


class TrainPart(_Part):
    """`rows` of the corpus a step. `optimizer`: "muon" is for the layers' matrices, AdamW for the rest then.

    The learning rate rises over `warmup` steps, stays, and falls over the last `falling` share of the steps to a
    twentieth; twice as much is slower for a model of this size.
    `schema_weight` and `question_weight` are what their tokens count in the loss, an answer's counting 1.
    """

    steps: Annotated[int, Field(ge=1)] = 2000
    rows: Annotated[int, Field(ge=1)] = 4
    optimizer: Literal["adamw", "muon"] = "adamw"
    learning_rate: Annotated[float, Field(gt=0)] = 5e-4
    warmup: Annotated[int, Field(ge=0)] = 50
    falling: Annotated[float, Field(ge=0, le=1)] = 0.3
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    clip: Annotated[float, Field(gt=0)] = 1.0
    schema_weight: Annotated[float, Field(ge=0, le=1)] = 0.2
    question_weight: Annotated[float, Field(ge=0, le=1)] = 0.5
    precision: Literal["32-true", "bf16-mixed"] | None = None
    """None: the faster one, measured at the start and kept when the training goes on."""
    checkpoint_every: Annotated[int, Field(ge=1)] = 100


class EvaluatePart(_Part):
    """Made-up schemas to ask eight questions each."""

    documents: Annotated[int, Field(ge=1)] = 60


class PretrainRecipe(_Part):
    """What `t2q pretrain` reads, every default shown. The run engine asks the same of it as of a recipe.

    `start`: the base to begin from, one of t2q's own, no larger than `model`; its tokenizer is kept. "": from nothing.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)] = "pico"
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 1
    start: Annotated[str, Field(pattern=rf"^({OWN_BASES}[A-Za-z0-9][A-Za-z0-9._-]*)?$")] = ""
    tokenizer: TokenizerPart = TokenizerPart()
    model: ModelPart = ModelPart()
    corpus: CorpusPart = CorpusPart()
    train: TrainPart = TrainPart()
    evaluate: EvaluatePart = EvaluatePart()
    _path: Path = PrivateAttr(default=Path("recipe.yaml"))

    @classmethod
    def load(cls, path: Path) -> PretrainRecipe:
        """Raises RecipeError naming every mistake with its line."""
        document = read_yaml(path)
        try:
            recipe = cls.model_validate(document.data)
        except ValidationError as error:
            raise report(explain(error, document, cls)) from None
        recipe._path = path
        return recipe

    @property
    def path(self) -> Path:
        return self._path

    @property
    def run_dir(self) -> Path:
        return Path("runs") / self.name

    @property
    def profile(self) -> str:
        return ""

    def part(self, keys: Sequence[str]) -> dict[str, Any]:
        """The values of top-level keys, by key."""
        values = self.model_dump(mode="json")
        return {key: values[key] for key in keys}
