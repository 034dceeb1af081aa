"""What a server says instead of an answer, in the shape that OpenAI's clients read."""

from __future__ import annotations

import logging
import math
from typing import Any

from t2q.serving.encoding import JsonResponse

_logger = logging.getLogger(__name__)
_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    500: "server_error",
    503: "server_error",
    504: "timeout_error",
}


class Fault(Exception):
    """A request that is not answered. `message` is one line, `retry_after` in seconds."""

    def __init__(self, status: int, code: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, " ".join(message.split())
        self.headers: dict[str, str] = {}
        if retry_after is not None:
            self.headers["Retry-After"] = str(max(1, math.ceil(retry_after)))
        if status == 401:
            self.headers["WWW-Authenticate"] = "Bearer"

    def as_object(self) -> dict[str, Any]:
        kind = _TYPES.get(self.status, "invalid_request_error")
        return {"error": {"message": self.message, "type": kind, "code": self.code, "param": None}}

    def response(self) -> JsonResponse:
        return JsonResponse(self.as_object(), self.status, self.headers)


def mistake(error: Exception) -> Fault:
    """Of t2q's own: its traceback is printed."""
    _logger.error("a request failed", exc_info=error)
    return Fault(500, "internal", f"a mistake in t2q: {type(error).__name__}; what the server printed says where")
