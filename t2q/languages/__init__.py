"""Query languages: `language_for(dialect)` gives the implementation."""

from __future__ import annotations

from t2q.languages.base import Identifiers, Language

__all__ = ["Identifiers", "Language", "language_for"]


def language_for(dialect: str) -> Language:
    """The language of a dialect: "cypher", or any SQL dialect by its SQLAlchemy name."""
    if dialect == "cypher":
        from t2q.languages.cypher import Cypher

        return Cypher()
    from t2q.languages.sql import Sql

    return Sql(dialect)
