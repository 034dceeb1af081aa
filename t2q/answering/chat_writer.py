"""Any chat model of LangChain as a writer: a local GGUF, a Hugging Face model, or an OpenAI-compatible endpoint."""

from __future__ import annotations

import math
from concurrent.futures import CancelledError
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, SystemMessage

from t2q.models.base import Completion
from t2q.models.writers import Wish
from t2q.prepared import Shown
from t2q.prompt import refusal

INSTRUCTIONS = (
    "You write one read-only {language} query that answers the user's question about the database below, and nothing "
    f'else. Where the database cannot answer it, you write "{refusal("the reason")}" instead.\n\n'
)
REPAIR = "The database says: {error}\nWrite the query once more."


def instructions(title: str) -> str:
    """For a model that was not trained on this project's prompts; `title` is the language's."""
    return INSTRUCTIONS.format(language=title)


class ChatWriter:
    """`system` is what the model is told before each question: the database, after whatever it has to be told besides.

    Log probabilities are used where the model gives them (`logprobs=True` for OpenAI-compatible ones).
    """

    def __init__(self, model: BaseChatModel, shown: Shown, told: str = "") -> None:
        """Raises ValueError on a model that is not what its file says."""
        _refuse_other_positions(model)
        self._model, self._system = model, f"{told}{shown.text}"

    def write(self, wish: Wish) -> Completion:
        found = self._ask(wish, HumanMessage(wish.question))
        if wish.then:
            wish.then(found)
        return found

    def repair(self, wish: Wish, text: str, error: str) -> Completion | None:
        return self._ask(wish, HumanMessage(wish.question), AIMessage(text), HumanMessage(REPAIR.format(error=error)))

    def _ask(self, wish: Wish, *messages: BaseMessage) -> Completion:
        whole: AIMessageChunk | None = None
        for chunk in self._model.stream([SystemMessage(self._system), *messages]):
            if wish.given_up():
                raise CancelledError
            if isinstance(chunk, AIMessageChunk):
                whole = chunk if whole is None else whole + chunk
            if wish.on_draft and whole is not None:
                wish.on_draft(str(whole.text))
        return _completion(whole) if whole is not None else Completion("", 0, 0.0, finished=True)

    def close(self) -> None:
        pass


def _refuse_other_positions(model: BaseChatModel) -> None:
    """LangChain's ChatLlamaCpp puts a base of its own for rotary positions in place of the file's, unless told not to:
    the model then writes noise."""
    metadata = getattr(getattr(model, "client", None), "metadata", None)
    wanted = float(getattr(model, "rope_freq_base", 0) or 0)
    if not wanted or not isinstance(metadata, dict):
        return
    own = next((float(value) for key, value in metadata.items() if key.endswith(".rope.freq_base")), wanted)
    if own != wanted:
        raise ValueError(
            f"{type(model).__name__} takes {wanted:g} for the base of its positions where its file says {own:g}, "
            "and would write noise: make it with rope_freq_base=0, rope_freq_scale=0"
        )


def _completion(message: AIMessageChunk) -> Completion:
    """A log probability of 0 where the model gives none: nothing then speaks against its answer."""
    told: dict[str, Any] = message.response_metadata
    tokens = (told.get("logprobs") or {}).get("content") or []
    logprobs = [entry["logprob"] for entry in tokens if math.isfinite(entry.get("logprob", 0.0))]
    finished = told.get("finish_reason") != "length"
    return Completion(str(message.text), len(logprobs), sum(logprobs), finished)
