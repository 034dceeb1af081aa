"""JSON and server-sent events as they are sent: whatever a database holds, they are valid UTF-8."""

from __future__ import annotations

import json
import math
from typing import Any

from starlette.responses import JSONResponse


def to_json(content: Any) -> bytes:
    """In one line. Numbers that JSON does not have become null, half a surrogate pair a question mark."""
    try:
        text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError:
        text = json.dumps(_finite(content), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


class JsonResponse(JSONResponse):
    def render(self, content: Any) -> bytes:
        return to_json(content)


def event(content: Any, name: str = "") -> bytes:
    """One server-sent event (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""
    data = content.encode() if isinstance(content, str) else to_json(content)
    return (f"event: {name}\n".encode() if name else b"") + b"data: " + data + b"\n\n"


STILL_HERE = b": still here\n\n"  # a comment: proxies end a connection on which nothing comes
EVENT_STREAM = "text/event-stream"
EVENT_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
