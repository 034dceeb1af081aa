"""What the web page asks for, and programs may as well."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from t2q.answering.answer import Answer, as_object
from t2q.serving.answering import Answered
from t2q.serving.bodies import body_of
from t2q.serving.encoding import EVENT_STREAM, STILL_HERE, JsonResponse, event
from t2q.serving.faults import Fault
from t2q.serving.run_description import described
from t2q.serving.state import served
from t2q.serving.texts import checked
from t2q.serving.waiting import Drafts, EventStream, unless_hung_up

router = APIRouter()


class Asked(BaseModel):
    question: str


class Query(BaseModel):
    query: str


class Feedback(BaseModel):
    """What is left out stays as it was; null takes it back."""

    id: str
    rating: Literal["up", "down"] | None = None
    correction: str | None = None


@router.get("/run")
async def run(request: Request) -> Response:
    this = served(request)
    return JsonResponse(described(this.asker, this.name, this.models))


@router.post("/ask")
async def ask(request: Request) -> Response:
    this = served(request)
    asked = await body_of(request, Asked)
    question = checked(asked.question, "the question", this.settings.question_length)
    if EVENT_STREAM not in request.headers.get("accept", ""):
        return JsonResponse(_answered(await unless_hung_up(request, this.answering.begin(question, "serve"))))
    drafts = Drafts()
    task = this.answering.begin(question, "serve", drafts.put)
    return EventStream(_events(task, drafts), task)


async def _events(task: asyncio.Task[Answered], drafts: Drafts) -> AsyncIterator[bytes]:
    async for text in drafts.until(task):
        yield STILL_HERE if text is None else event({"text": text}, "draft")
    try:
        found = task.result()
    except Fault as fault:
        yield event(fault.as_object(), "error")
    else:
        yield event(_answered(found), "answer")


def _answered(found: Answered) -> dict[str, Any]:
    return {"id": found.id, "question": found.question} | as_object(found.answer)


@router.post("/query")
async def query(request: Request) -> Response:
    this = served(request)
    wanted = await body_of(request, Query)
    text = checked(wanted.query, "the query", this.settings.query_length)
    return JsonResponse(as_object(await this.answering.run_query(text)))


@router.post("/feedback", status_code=204)
async def feedback(request: Request) -> Response:
    """A correction is kept only where it runs."""
    this = served(request)
    said = await body_of(request, Feedback)
    changes = said.model_dump(include={"rating", "correction"} & said.model_fields_set)
    if not changes:
        raise Fault(400, "invalid_request", "feedback holds a rating, a correction or both")
    await this.keeping.known(said.id)
    if said.correction:
        changes["correction"] = checked(said.correction, "the correction", this.settings.query_length)
        _refuse_what_fails(await this.answering.run_query(changes["correction"]))
    await this.keeping.say(said.id, changes)
    return Response(status_code=204)


def _refuse_what_fails(found: Answer) -> None:
    if found.abstained:
        raise Fault(422, found.kind.replace(" ", "_").replace("-", "_"), found.reason)
