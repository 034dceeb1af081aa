"""Where t2q keeps what it made once and can use again."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder(kind: str) -> Path:
    """`$T2Q_CACHE/KIND`, or `~/.cache/t2q/KIND`; there or not."""
    return Path(os.environ.get("T2Q_CACHE") or "~/.cache/t2q").expanduser() / kind
