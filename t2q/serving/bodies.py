"""What a client sent, as one of the models that say what may be sent."""

from __future__ import annotations

from typing import TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from t2q.serving.faults import Fault

M = TypeVar("M", bound=BaseModel)


async def body_of(request: Request, model: type[M]) -> M:
    """Raises Fault with the first mistake."""
    try:
        return model.model_validate_json(await request.body())
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        raise Fault(400, "not_json", f"the body is not JSON: {first['msg'].removeprefix('Invalid JSON: ')}")
    where = ".".join(str(part) for part in first["loc"])
    raise Fault(400, "invalid_request", f"{where or 'the body'}: {first['msg']}")
