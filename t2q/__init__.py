"""t2q: fine-tune, convert, evaluate and serve a model that turns questions into SQL or Cypher."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from t2q.answering.chain import QueryChain

__version__ = "0.1.0"
__all__ = ["QueryChain"]


def __getattr__(name: str) -> Any:
    """LangChain takes a second to import, which no command line should wait for."""
    if name == "QueryChain":
        from t2q.answering.chain import QueryChain

        return QueryChain
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
