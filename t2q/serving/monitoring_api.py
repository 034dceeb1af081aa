"""For whoever keeps the server running."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from t2q.serving.encoding import JsonResponse
from t2q.serving.metrics import CONTENT_TYPE
from t2q.serving.state import served

router = APIRouter()


@router.get("/health")
async def health(request: Request) -> Response:
    this = served(request)
    await this.health.check()
    return JsonResponse({"status": "ok", "run": this.name, "database": "ok"})


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    return Response(served(request).metrics.text(), media_type=CONTENT_TYPE)
