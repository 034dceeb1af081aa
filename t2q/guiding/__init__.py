"""Keeps what a model writes within its database, token by token: see `guide.py`."""

from t2q.guiding.guide import Guide, Guided

__all__ = ["Guide", "Guided"]
