"""QueryChain as LangChain's users use it: invoke, batch, stream, async, traced, as a tool; over any chat model."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from t2q import QueryChain
from t2q.answering.chat_writer import INSTRUCTIONS
from t2q.errors import DatabaseError, T2QError

ANSWERS = {
    "How many items are there?": ["SELECT COUNT(*) FROM items"],
    "What do they cost?": ["SELECT name, cost FROM items", "SELECT name, price FROM items"],
    "What do they weigh?": ["SELECT weight FROM items", "I don't know: no weight is kept"],
    "Delete them": ["DELETE FROM items"],
    "Who are you?": ["I don't know: this is not about the database"],
    "Prose?": ["Sure! Here it is:\n```sql\nSELECT name FROM items WHERE price > 2;\n```\nIt lists the dear ones."],
    "Too long?": ["SELECT name FROM items WHERE name = 'C"],
}


class Replays(BaseChatModel):
    """Says what ANSWERS has, the next one each time that it is told of an error; `seen` is what it was told."""

    seen: list[list[BaseMessage]]

    @property
    def _llm_type(self) -> str:
        return "replays"

    def _text(self, messages: list[BaseMessage]) -> str:
        self.seen.append(messages)
        return ANSWERS[str(messages[1].content)][sum(isinstance(m, AIMessage) for m in messages)]

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=AIMessage(self._text(messages)))])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **_: Any,
    ) -> Iterator[ChatGenerationChunk]:
        text = self._text(messages)
        for i in range(0, len(text), 7):
            yield ChatGenerationChunk(message=AIMessageChunk(text[i : i + 7]))
        told = {
            "finish_reason": "length" if text.endswith("'C") else "stop",
            "logprobs": {"content": [{"token": text, "logprob": -0.25}]},
        }
        yield ChatGenerationChunk(message=AIMessageChunk("", response_metadata=told))


@pytest.fixture
def url(tmp_path: Path) -> str:
    with contextlib.closing(sqlite3.connect(tmp_path / "shop.sqlite")) as connection:
        connection.execute("CREATE TABLE items (name TEXT, price REAL)")
        connection.executemany("INSERT INTO items VALUES (?, ?)", [("Cup", 3.5), ("Box", 2.0)])
        connection.commit()
    return f"sqlite:///{tmp_path}/shop.sqlite"


@pytest.fixture
def chain(url: str) -> Iterator[QueryChain]:
    with QueryChain.from_model(Replays(seen=[]), url) as chain:
        yield chain


def told(chain: QueryChain) -> list[list[BaseMessage]]:
    return chain.asker._writer._model.seen  # type: ignore[attr-defined,no-any-return]


def test_an_answer_has_all_its_parts(chain: QueryChain) -> None:
    found = chain.invoke("How many items are there?")
    seconds = found.pop("seconds")
    assert set(seconds) == {"write", "run"} and all(s >= 0 for s in seconds.values())
    assert found == {
        "question": "How many items are there?", "query": "SELECT COUNT(*) FROM items", "columns": ["COUNT(*)"],
        "rows": [[2]], "truncated": False, "abstained": False, "reason": "", "kind": "", "words": "2.",
        "confidence": None, "written": "", "refuted": "",
    }  # fmt: skip
    [[system, question]] = told(chain)
    assert (
        str(system.content)
        == INSTRUCTIONS.format(language="SQLite") + "SQLite\nitems: name text 'Box' 'Cup', price float"
    )
    assert question.content == "How many items are there?"


def test_a_tuned_model_is_told_the_database_alone(url: str) -> None:
    with QueryChain.from_model(Replays(seen=[]), url, tuned=True) as chain:
        chain.invoke({"question": "How many items are there?"})
        assert str(told(chain)[0][0].content).startswith("SQLite\nitems:")


@pytest.mark.parametrize(
    ("question", "kind", "rows", "asked"),
    [
        ("What do they cost?", "", [["Cup", 3.5], ["Box", 2.0]], 2),
        ("What do they weigh?", "refused", [], 2),
        ("Delete them", "not read-only", [], 1),
        ("Who are you?", "refused", [], 1),
        ("Prose?", "", [["Cup"]], 1),
        ("Too long?", "cut", [], 1),
    ],
)
def test_a_failing_query_is_written_once_more_and_nothing_else_is(
    chain: QueryChain, question: str, kind: str, rows: list[list[Any]], asked: int
) -> None:
    found = chain.invoke(question)
    assert (found["kind"], found["rows"], found["abstained"]) == (kind, rows, bool(kind))
    assert len(told(chain)) == asked
    if asked == 2:
        assert str(told(chain)[1][-1].content).startswith("The database says: ")
        assert "items." in str(told(chain)[1][-1].content)
        assert found["written"] == ANSWERS[question][0]


def test_batch_and_async_answer_each_its_own(chain: QueryChain) -> None:
    questions = ["Prose?", "How many items are there?", "Who are you?"]
    words = ["Cup.", "2.", "I don't know: this is not about the database"]
    assert [found["words"] for found in chain.batch(questions)] == words

    async def together() -> list[dict[str, Any]]:
        return list(await asyncio.gather(*(chain.ainvoke(question) for question in questions)))

    assert [found["words"] for found in asyncio.run(together())] == words


def test_a_stream_shows_the_query_as_it_grows(chain: QueryChain) -> None:
    *drafts, found = chain.stream("How many items are there?")
    assert drafts[0] == {"draft": "SELECT "} and drafts[-1] == {"draft": "SELECT COUNT(*) FROM items"}
    assert found["rows"] == [[2]]

    async def all_of() -> list[dict[str, Any]]:
        return [part async for part in chain.astream("How many items are there?")]

    assert asyncio.run(all_of())[-1]["rows"] == [[2]]


class Names(BaseCallbackHandler):
    def __init__(self) -> None:
        self.names: list[str] = []

    def on_chain_start(self, *_: Any, name: str = "", **__: Any) -> None:
        self.names.append(name)


@pytest.mark.parametrize("way", ["invoke", "stream"])
def test_each_step_is_traced(chain: QueryChain, way: str) -> None:
    names = Names()
    found = getattr(chain, way)("How many items are there?", config={"callbacks": [names]})
    assert way == "invoke" or list(found)
    assert names.names == ["QueryChain", "write the query", "check and run it", "weigh the answer", "put it into words"]


def test_it_composes_with_other_runnables(chain: QueryChain) -> None:
    assert (chain | (lambda found: found["rows"][0][0])).invoke("How many items are there?") == 2


def test_as_a_tool_of_an_agent(chain: QueryChain) -> None:
    tool = chain.as_tool()
    assert tool.name == "ask_database" and "items" in tool.description and list(tool.args) == ["question"]
    assert tool.invoke({"question": "What do they cost?"}) == (
        "2 rows of name and price.\nQuery: SELECT name, price FROM items\nname | price\nCup | 3.5\nBox | 2.0"
    )
    assert asyncio.run(tool.ainvoke({"question": "Who are you?"})) == "I don't know: this is not about the database"
    assert chain.as_tool(name="shop", description="The shop.").description == "The shop."


@pytest.mark.parametrize("given", ["", "  \n", {}, {"question": None}, 7])
def test_no_question_is_said_so(chain: QueryChain, given: Any) -> None:
    with pytest.raises(ValueError, match="a question is a text that is not blank"):
        chain.invoke(given)


def test_a_chain_that_is_closed_says_so(chain: QueryChain) -> None:
    chain.close()
    with pytest.raises(T2QError, match="this run has been closed"):
        chain.invoke("How many items are there?")


def test_a_database_that_is_gone_is_said_so(chain: QueryChain, url: str) -> None:
    Path(url.removeprefix("sqlite:///")).write_bytes(b"no database" * 1000)
    with pytest.raises(DatabaseError, match="is not a SQLite database"):
        chain.invoke("How many items are there?")
    with pytest.raises(DatabaseError, match="no database file"):
        QueryChain.from_model(Replays(seen=[]), "sqlite:///nowhere.sqlite")


class WithFile(Replays):
    """As ChatLlamaCpp: `rope_freq_base` 0 is the file's own."""

    rope_freq_base: float
    client: Any


@pytest.mark.parametrize(
    ("asked", "metadata", "refused"),
    [
        (10_000.0, {"llama.rope.freq_base": "500000.000000"}, True),
        (0.0, {"llama.rope.freq_base": "500000.000000"}, False),
        (500_000.0, {"llama.rope.freq_base": "500000.000000"}, False),
        (10_000.0, {}, False),
    ],
)
def test_a_model_that_would_write_noise_is_refused(
    url: str, asked: float, metadata: dict[str, str], refused: bool
) -> None:
    model = WithFile(seen=[], rope_freq_base=asked, client=SimpleNamespace(metadata=metadata))
    told = pytest.raises(ValueError, match="its file says 500000, and would write noise: make it with rope_freq_base=0")
    with told if refused else QueryChain.from_model(model, url):
        QueryChain.from_model(model, url).close()
