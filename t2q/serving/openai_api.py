"""OpenAI's chat completions, as its clients and LangChain's `ChatOpenAI` ask for them.

https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from t2q.serving.answering import Answered
from t2q.serving.bodies import body_of
from t2q.serving.encoding import STILL_HERE, JsonResponse, event
from t2q.serving.faults import Fault
from t2q.serving.markdown import in_words, query_alone
from t2q.serving.state import Served, served
from t2q.serving.texts import checked
from t2q.serving.waiting import Drafts, EventStream, unless_hung_up

router = APIRouter(prefix="/v1")


class Part(BaseModel):
    type: str
    text: str = ""


class Said(BaseModel):
    role: str
    content: str | list[Part] | None = None

    @property
    def text(self) -> str:
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content if part.type == "text")
        return self.content or ""


class StreamOptions(BaseModel):
    include_usage: bool = False


class Chat(BaseModel):
    """What else OpenAI's clients may send (temperature, tools, …) has no meaning here and is passed over."""

    model: str
    messages: list[Said]
    n: int | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None


@router.get("/models")
async def models(request: Request) -> Response:
    this = served(request)
    return JsonResponse({"object": "list", "data": [_model(this, name) for name in this.models]})


@router.get("/models/{name}")
async def model(request: Request, name: str) -> Response:
    this = served(request)
    _refuse_unknown(this, name)
    return JsonResponse(_model(this, name))


@router.post("/chat/completions")
async def chat_completions(request: Request) -> Response:
    this = served(request)
    chat = await body_of(request, Chat)
    _refuse_unknown(this, chat.model)
    if chat.n not in (None, 1):
        raise Fault(400, "invalid_request", "n: this server gives one answer")
    asked = next((said.text for said in reversed(chat.messages) if said.role == "user"), None)
    if asked is None:
        raise Fault(400, "invalid_request", "messages: none is the user's")
    question = checked(asked, "the last user message", this.settings.question_length)
    if not chat.stream:
        found = await unless_hung_up(request, this.answering.begin(question, "openai"))
        return JsonResponse(_completion(this, chat.model, found))
    task = this.answering.begin(question, "openai")
    usage = chat.stream_options is not None and chat.stream_options.include_usage
    return EventStream(_chunks(this, chat.model, task, usage), task)


def _refuse_unknown(this: Served, name: str) -> None:
    if name not in this.models:
        raise Fault(404, "model_not_found", f"there is no model {name}; there are {' and '.join(this.models)}")


def _model(this: Served, name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": this.started, "owned_by": "t2q"}


def _content(this: Served, model: str, found: Answered) -> str:
    if model == this.name:
        return in_words(found.answer, this.asker.database.language.name)
    return query_alone(found.answer)


def _usage(found: Answered) -> dict[str, int] | None:
    if found.usage is None:
        return None
    prompt, completion = found.usage.prompt, found.usage.completion
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _completion(this: Served, model: str, found: Answered) -> dict[str, Any]:
    message = {"role": "assistant", "content": _content(this, model, found), "refusal": None}
    return {
        "id": f"chatcmpl-{found.id or uuid4().hex}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": _usage(found),
    }


async def _chunks(this: Served, model: str, task: asyncio.Task[Answered], usage: bool) -> AsyncIterator[bytes]:
    """What a model has written so far may still change, so nothing is said before the answer is there."""
    head = {
        "id": f"chatcmpl-{uuid4().hex}",
        "object": "chat.completion.chunk",
        "created": int(time.time()),
        "model": model,
    } | ({"usage": None} if usage else {})

    def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
        return event(head | {"choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]})

    yield chunk({"role": "assistant", "content": ""})
    async for _ in Drafts().until(task):
        yield STILL_HERE
    try:
        found = task.result()
    except Fault as fault:
        yield event(fault.as_object())
        return
    for line in _content(this, model, found).splitlines(keepends=True):
        yield chunk({"content": line})
    yield chunk({}, "stop")
    if usage:
        yield event(head | {"choices": [], "usage": _usage(found)})
    yield event("[DONE]")
