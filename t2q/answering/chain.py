"""A database that can be asked, as a Runnable of LangChain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from threading import Event
from types import TracebackType
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda
from langchain_core.runnables.config import ContextThreadPoolExecutor
from langchain_core.tools import BaseTool, StructuredTool
from pydantic import BaseModel

from t2q.answering.answer import Answer, as_object
from t2q.answering.asker import Asker, OnDraft, Written
from t2q.answering.chat_writer import ChatWriter, instructions
from t2q.databases import open_database
from t2q.prepared import Shown
from t2q.prompt import database_text

QUESTION = "question"
TOOL_ROWS = 20  # that an agent is shown
Input = str | dict[str, Any]
Output = dict[str, Any]
_State = tuple[Written, Answer]


class QueryChain(Runnable[Input, Output]):
    """Asks a database in words. Input: a question, or {"question": …}. Output: a dict with

    question, query, columns, rows (lists in the order of the columns), truncated, words (the answer in a sentence),
    abstained, reason, kind, confidence (0..1 or None), written, refuted (see `Answer`), and seconds by step.

    `stream` gives {"draft": TEXT} while the query is written, then that dict. Each step is a run of its own in
    LangChain's tracing. Use as a context manager, or call `close`.
    """

    def __init__(self, asker: Asker) -> None:
        self.asker = asker
        self.name = "QueryChain"

    def _steps(
        self, on_draft: OnDraft | None = None, given_up: Callable[[], bool] = lambda: False
    ) -> Runnable[str, Output]:
        def write(question: str) -> Written:
            return self.asker.write(question, on_draft, given_up)

        def read(written: Written) -> _State:
            return written, self.asker.read(written)

        def weigh(state: _State) -> _State:
            return state[0], self.asker.weigh(*state)

        def tell(state: _State) -> Output:
            return {QUESTION: state[0].wish.question} | as_object(self.asker.tell(state[1]))

        return (
            RunnableLambda(write, name="write the query")
            | RunnableLambda(read, name="check and run it")
            | RunnableLambda(weigh, name="weigh the answer")
            | RunnableLambda(tell, name="put it into words")
        )

    @classmethod
    def from_run(cls, run: str | Path, threshold: float | None = None) -> QueryChain:
        """The quantised model of a finished run, with its database. `threshold`: the confidence from which on answers
        are given, in 0..1, instead of the one that the run found. Raises T2QError where the run is not finished."""
        return cls(Asker.open(Path(run), threshold))

    @classmethod
    def from_model(cls, model: BaseChatModel, database: str, tuned: bool = False) -> QueryChain:
        """Any chat model, on the database of a URL. `tuned`: it was trained by this project, and is told the database
        alone; else it is also told what to do, and to write once more where its query fails.

        Raises DatabaseError, and ValueError on a model whose settings contradict its file.
        """
        opened = open_database(database)
        try:
            schema = opened.schema()
            shown = Shown(schema, database_text(schema))
            writer = ChatWriter(model, shown, "" if tuned else instructions(opened.language.title))
        except BaseException:
            opened.close()
            raise
        return cls(Asker(None, opened, shown, writer=writer))

    def invoke(self, input: Input, config: RunnableConfig | None = None, **_: Any) -> Output:
        """Raises DatabaseError where the database is gone or is not what the model was made for."""
        return self._steps().invoke(_question(input), self._named(config))

    async def ainvoke(self, input: Input, config: RunnableConfig | None = None, **_: Any) -> Output:
        return await self._steps().ainvoke(_question(input), self._named(config))

    def stream(self, input: Input, config: RunnableConfig | None = None, **_: Any) -> Iterator[Output]:
        question, gone = _question(input), Event()
        told: SimpleQueue[str | None] = SimpleQueue()
        with ContextThreadPoolExecutor(1) as pool:
            found = pool.submit(self._steps(told.put, gone.is_set).invoke, question, self._named(config))
            found.add_done_callback(lambda _: told.put(None))
            try:
                while (draft := told.get()) is not None:
                    yield {"draft": draft}
                yield found.result()
            finally:
                gone.set()

    def as_tool(
        self,
        args_schema: type[BaseModel] | None = None,
        *,
        name: str | None = None,
        description: str | None = None,
        arg_types: dict[str, type] | None = None,  # noqa: ARG002
    ) -> BaseTool:
        """A tool for an agent, which is told the answer in words, the query, and the first rows."""
        tables = ", ".join(entity.name for entity in self.asker.schema.entities)

        def ask(question: str) -> str:
            return _for_an_agent(self.invoke(question))

        async def ask_async(question: str) -> str:
            return _for_an_agent(await self.ainvoke(question))

        return StructuredTool.from_function(
            func=ask,
            coroutine=ask_async,
            args_schema=args_schema,
            name=name or "ask_database",
            description=description
            or f"Answers a question in plain English from a database that knows about {tables}. It only reads. "
            'Says "I don\'t know" and why where the database cannot answer.',
        )

    def close(self) -> None:
        self.asker.close()

    def __enter__(self) -> QueryChain:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _named(self, config: RunnableConfig | None) -> RunnableConfig:
        return {"run_name": self.name or "", **(config or {})}


def _question(given: Input) -> str:
    """Raises ValueError where there is none."""
    question = given.get(QUESTION) if isinstance(given, dict) else given
    if not isinstance(question, str) or not question.strip():
        raise ValueError(f'a question is a text that is not blank, or {{"question": TEXT}}; this is {given!r}')
    return question


def _for_an_agent(found: Output) -> str:
    if found["abstained"]:
        return str(found["words"])
    rows = [" | ".join(map(str, row)) for row in found["rows"][:TOOL_ROWS]]
    more = len(found["rows"]) - len(rows)
    lines = [found["words"], f"Query: {found['query']}", " | ".join(found["columns"]), *rows]
    return "\n".join([*lines, f"… {more} more rows"] if more else lines)
