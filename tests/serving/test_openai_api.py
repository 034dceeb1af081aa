"""OpenAI's chat completions, asked for by OpenAI's own client and by LangChain."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Timer

import openai
import pytest
from langchain_openai import ChatOpenAI

from t2q.log.interaction import Wanted
from t2q.serving import waiting
from tests.serving.server import BROKEN, GONE, HOLD, Serving, serving

ITEMS = "SELECT name, price FROM items ORDER BY name"
IN_WORDS = f"""So it is.So it is.So it is.

```sql
{ITEMS}
```

| name | price |
| --- | --- |
| Box | 2.0 |
| Cup | 3.5 |
| a\\|b \\<i> | – |"""
REFUSAL = "I don't know: this is not about the database"


@pytest.fixture(scope="module")
def openai_client(shared: Serving) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{shared.url}/v1", api_key="any", max_retries=0) as client:
        yield client


def complete(client: openai.OpenAI, question: str, model: str = "shop") -> str:
    found = client.chat.completions.create(model=model, messages=[{"role": "user", "content": question}])
    assert found.choices[0].finish_reason == "stop" and found.model == model
    return found.choices[0].message.content or ""


@pytest.mark.parametrize(
    ("model", "question", "content"),
    [
        ("shop", "All items", IN_WORDS),
        ("shop:query", "All items", ITEMS),
        ("shop", "What is the weather?", REFUSAL),
        ("shop:query", "What is the weather?", REFUSAL),
        ("shop", "No items", "```sql\nSELECT name FROM items WHERE price < 0\n```\n\nNo rows."),
    ],
)
def test_both_models_answer_whole_and_in_pieces(
    openai_client: openai.OpenAI, model: str, question: str, content: str
) -> None:
    assert complete(openai_client, question, model) == content
    stream = openai_client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": question}], stream=True
    )
    chunks = list(stream)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == content
    assert chunks[0].choices[0].delta.role == "assistant" and len({chunk.id for chunk in chunks}) == 1
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None] * (len(chunks) - 1) + ["stop"]


def test_tokens_are_counted(openai_client: openai.OpenAI) -> None:
    """Each word is one: nine of the database and its layout, six of the question, four of the query."""
    question = {"role": "user", "content": "How many items are there?"}
    usage = openai_client.chat.completions.create(model="shop", messages=[question]).usage  # type: ignore[list-item]
    assert usage and (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (13, 4, 17)
    *chunks, last = openai_client.chat.completions.create(
        model="shop",
        messages=[question],  # type: ignore[list-item]
        stream=True,
        stream_options={"include_usage": True},
    )
    assert last.usage == usage and last.choices == [] and all(chunk.usage is None for chunk in chunks)


def test_the_last_user_message_is_the_question(shared: Serving, openai_client: openai.OpenAI) -> None:
    found = openai_client.chat.completions.create(
        model="shop:query",
        temperature=0.7,
        messages=[
            {"role": "system", "content": "You are a pirate."},
            {"role": "user", "content": "What is the weather?"},
            {"role": "assistant", "content": REFUSAL},
            {"role": "user", "content": [{"type": "text", "text": "How many items are there?"}]},
            {"role": "assistant", "content": "Let me see:"},
        ],
    )
    assert found.choices[0].message.content == "SELECT COUNT(*) FROM items"
    (kept,) = shared.log.find(Wanted(ids=[found.id.removeprefix("chatcmpl-")]))
    assert (kept.source, kept.question) == ("openai", "How many items are there?")


def test_models_are_listed(openai_client: openai.OpenAI) -> None:
    assert [model.id for model in openai_client.models.list()] == ["shop", "shop:query"]
    assert openai_client.models.retrieve("shop:query").owned_by == "t2q"
    with pytest.raises(openai.NotFoundError, match="no model gpt-4o; there are shop and shop:query"):
        openai_client.models.retrieve("gpt-4o")
    with pytest.raises(openai.NotFoundError, match="no model gpt-4o"):
        complete(openai_client, "All items", "gpt-4o")


@pytest.mark.parametrize("stream", [False, True])
def test_errors_are_those_that_the_client_knows(openai_client: openai.OpenAI, stream: bool) -> None:
    def ask(question: str) -> object:
        messages = [{"role": "user", "content": question}]
        found = openai_client.chat.completions.create(model="shop", messages=messages, stream=stream)  # type: ignore[call-overload]
        return list(found)

    with pytest.raises(openai.APIError, match="it is gone"):
        ask(GONE)
    with pytest.raises(openai.APIError, match="a mistake in t2q: KeyError"):
        ask(BROKEN)
    with pytest.raises(openai.BadRequestError, match="the last user message is empty"):
        ask(" \n ")


def test_a_client_that_waits_hears_that_the_server_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "SILENCE_SECONDS", 0.05)
    body = {"model": "shop:query", "stream": True, "messages": [{"role": "user", "content": HOLD}]}
    with serving(tmp_path) as found, found.client() as client:
        with client.stream("POST", "/v1/chat/completions", json=body) as response:
            lines = response.iter_lines()
            assert [line for line, _ in zip(lines, range(6), strict=False)][2:] == [": still here", ""] * 2
            found.asker.release()
            assert list(lines)[-2:] == ["data: [DONE]", ""]
        with openai.OpenAI(base_url=f"{found.url}/v1", api_key="any") as waiting_client:
            Timer(0.15, found.asker.release).start()
            stream = waiting_client.chat.completions.create(**body)  # type: ignore[call-overload]
            assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == "SELECT 1"


def test_messages_without_a_question_and_several_answers_are_refused(openai_client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="none is the user's"):
        openai_client.chat.completions.create(model="shop", messages=[{"role": "system", "content": "x"}])
    with pytest.raises(openai.BadRequestError, match="this server gives one answer"):
        openai_client.chat.completions.create(model="shop", messages=[{"role": "user", "content": "x"}], n=2)
    with pytest.raises(openai.BadRequestError, match="messages: Input should be a valid array"):
        openai_client.chat.completions.create(model="shop", messages="All items")  # type: ignore[arg-type]


def test_langchain_asks_it(shared: Serving) -> None:
    chat = ChatOpenAI(base_url=f"{shared.url}/v1", api_key="any", model="shop", max_retries=0)  # type: ignore[arg-type]
    found = chat.invoke("All items")
    assert found.content == IN_WORDS
    assert found.usage_metadata and found.usage_metadata["output_tokens"] == 8
    assert (
        "".join(str(chunk.content) for chunk in chat.stream([("system", "Be brief."), ("human", "All items")]))
        == IN_WORDS
    )
