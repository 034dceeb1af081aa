"""What a pretraining recipe may say."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TokenizerPart(_Part):
    """`documents`: schemas with questions that the vocabulary is learnt from."""

    vocabulary: int = Field(4096, ge=300, le=65_536)
    documents: int = Field(3000, ge=10)


class ModelPart(_Part):
    """A Llama shape. K-quants want `width` and `hidden` to be multiples of 256."""

    layers: int = Field(8, ge=1)
    heads: int = Field(8, ge=1)
    width: int = Field(256, ge=32)
    hidden: int = Field(768, ge=32)
    context: int = Field(2048, ge=128)


class TrainPart(_Part):
    """`rows` of `row_tokens` tokens a step; the learning rates (of the blocks' matrices, and of the rest) rise over
    `warmup` steps and fall as a cosine to a tenth. `schema_weight` and `question_weight` are what their tokens count in the loss, an answer's
    counting 1. `open_share` of the rows, falling to none, let pairs see the pairs before them."""

    steps: int = Field(2000, ge=1)
    rows: int = Field(8, ge=1)
    row_tokens: int = Field(1024, ge=256)
    learning_rate: float = Field(2e-3, gt=0)
    matrix_learning_rate: float = Field(0.02, gt=0)
    warmup: int = Field(100, ge=0)
    weight_decay: float = Field(0.01, ge=0)
    clip: float = Field(1.0, gt=0)
    schema_weight: float = Field(0.2, ge=0, le=1)
    question_weight: float = Field(0.5, ge=0, le=1)
    open_share: float = Field(0.9, ge=0, le=1)
    checkpoint_every: int = Field(100, ge=1)


class PretrainRecipe(_Part):
    name: str = "pico"
    seed: int = 1
    tokenizer: TokenizerPart = TokenizerPart()
    model: ModelPart = ModelPart()
    train: TrainPart = TrainPart()
