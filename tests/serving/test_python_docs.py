"""The examples of docs/python.md, run as they stand there, on a small run with a real model."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatResult
from pydantic import Field

from tests.serving.small_run import small_run
from tests.serving.test_command import process

TEXT = (Path(__file__).parents[2] / "docs" / "python.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_run(tmp_path_factory.mktemp("documented"))


def printed(block: str, run: Path, capsys: pytest.CaptureFixture[str], url: str = "", **known: Any) -> str:
    """What an example prints whose names are those of the small run."""
    names = {
        "runs/shop-sql": str(run),
        "shop-sql": "small",
        "orders": "items",
        "products": "items",
        "sqlite:///data/shop.sqlite": f"sqlite:///{run.parents[1]}/shop.sqlite",
        "http://127.0.0.1:8765": url,
    }
    for shown, here in names.items():
        block = block.replace(shown, here)
    exec(compile(block, "docs/python.md", "exec"), known)
    return capsys.readouterr().out


def test_an_answer(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(BLOCKS[0], run, capsys) == "3. SELECT COUNT(*) FROM items [[3]] None\n"


def test_many_and_a_stream(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(BLOCKS[1], run, capsys).splitlines()
    assert lines[0] == lines[-1] == "3."
    assert lines[-2].startswith("SELECT COUNT(*)")


class Caller(GenericFakeChatModel):
    """Calls the tool that it was given, then says what is scripted; `told` is what the tool answered."""

    told: list[str] = Field(default_factory=list)

    def bind_tools(self, tools: Any, **_: Any) -> Caller:
        assert [tool.name for tool in tools] == ["ask_database"]
        return self

    def _generate(self, messages: list[BaseMessage], *more: Any, **named: Any) -> ChatResult:
        self.told += [str(message.content) for message in messages if isinstance(message, ToolMessage)]
        return super()._generate(messages, *more, **named)


def script() -> Iterator[AIMessage]:
    call = {"name": "ask_database", "args": {"question": "How many items are there?"}, "id": "1"}
    yield AIMessage("", tool_calls=[call])
    yield AIMessage("Three, which will do.")


def test_an_agent(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = Caller(messages=script())
    assert printed(BLOCKS[2], run, capsys, model=model) == "Three, which will do.\n"
    assert model.told == ["3.\nQuery: SELECT COUNT(*) FROM items\nCOUNT(*)\n3"]


def test_a_chat_model_that_is_served(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with process(run) as (_, url):
        assert printed(BLOCKS[3], run, capsys, url) == "3.\n"
    assert len(BLOCKS) == 4
