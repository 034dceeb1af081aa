"""All of a server in one ASGI application."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NoReturn

from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

import t2q
from t2q.answering.asker import Asker
from t2q.log.interaction import Log
from t2q.serving import monitoring_api, openai_api, page_api
from t2q.serving.answering import Answering
from t2q.serving.faults import Fault
from t2q.serving.gate import Check, Gate
from t2q.serving.health import Health
from t2q.serving.keeping import Keeping
from t2q.serving.limits import RateLimit
from t2q.serving.metrics import Metrics
from t2q.serving.security import KeyCheck, asked_by_name_of_this_machine, json_only
from t2q.serving.settings import Settings
from t2q.serving.state import Served

PAGE = Path(__file__).parent / "page"


def create_app(asker: Asker, log: Log | None, settings: Settings) -> FastAPI:
    """Closes neither the asker nor the log. `log` None: nothing is kept."""
    name = asker.name or "t2q"
    metrics = Metrics(name, asker.model_digest, t2q.__version__)
    keeping = Keeping(log, asker, metrics)
    answering = Answering(asker, keeping, metrics, settings)
    health = Health(asker)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        checking = asyncio.create_task(health.keep_checking())
        yield
        checking.cancel()
        for closed in (health, answering, keeping):
            await asyncio.to_thread(closed.close)

    app = FastAPI(title=name, lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.served = Served(asker, settings, metrics, keeping, answering, health, name, int(time.time()))
    for router in (page_api.router, openai_api.router, monitoring_api.router):
        app.include_router(router)
    app.mount("/page", _Page(directory=PAGE))
    app.add_api_route("/", _index, methods=["GET", "HEAD"])
    app.add_exception_handler(HTTPException, _of_http)
    who: Check = KeyCheck(settings.key) if settings.key else asked_by_name_of_this_machine
    checks: list[Check] = [who, RateLimit(settings.rate, settings.burst), json_only]
    app.add_middleware(Gate, checks=checks, body_bytes=settings.body_bytes, metrics=metrics)
    return app


class _Page(StaticFiles):
    """Files that a browser may keep, but asks for again, so that a new version is seen at once."""

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        return ("", None) if "\0" in path else super().lookup_path(path)  # Starlette before 0.39 fails at it

    def file_response(self, *arguments: Any, **more: Any) -> Response:
        response = super().file_response(*arguments, **more)
        response.headers["Cache-Control"] = "no-cache"
        return response


async def _index() -> Response:
    return FileResponse(PAGE / "index.html", headers={"Cache-Control": "no-cache"})


async def _of_http(_: Request, error: Exception) -> NoReturn:
    assert isinstance(error, HTTPException)
    fault = Fault(error.status_code, str(error.detail).lower().replace(" ", "_"), str(error.detail))
    fault.headers |= dict(error.headers or {})
    raise fault
