"""What a server may be asked for, and how much of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """`key` "" where none is demanded. Lengths are in characters, rates in requests a second."""

    key: str = ""
    question_length: int = 4000
    query_length: int = 20_000
    body_bytes: int = 256 * 1024
    question_seconds: float = 60.0
    questions_at_once: int = 16
    questions_waiting: int = 64
    queries_at_once: int = 4
    queries_waiting: int = 16
    rate: float = 10.0
    burst: int = 60
    connections: int = 256
    request_seconds: float = 10.0
    """For a request to arrive whole."""
    stalled_seconds: float = 30.0
    """For a client to read what it was sent."""
    stopping_seconds: float = 10.0
    """For what was begun when the server is told to stop."""
