"""What every request passes before the routes see it, and every answer on its way back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from t2q.serving.faults import Fault, mistake
from t2q.serving.limits import ClientGone, whole_body
from t2q.serving.metrics import Metrics
from t2q.serving.security import HEADERS

Check = Callable[[Request], None]


class Gate:
    """Asks the checks in their order, reads a body that is not too long, adds headers; tells each Fault to the client,
    whether a check raised it or a route."""

    def __init__(self, app: ASGIApp, checks: Sequence[Check], body_bytes: int, metrics: Metrics) -> None:
        self._app, self._checks, self._body_bytes, self._metrics = app, checks, body_bytes, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        request = Request(scope)
        try:
            for check in self._checks:
                check(request)
            if request.method == "POST":
                receive = await whole_body(request, receive, self._body_bytes)
            await self._app(scope, receive, send_with_headers)
        except ClientGone:
            pass
        except Exception as error:
            if started:
                raise
            fault = error if isinstance(error, Fault) else mistake(error)
            self._metrics.refused(fault.status, fault.code)
            await fault.response()(scope, receive, send_with_headers)
