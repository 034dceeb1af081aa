"""What is known against a query before it runs: for a model's queries and for those that people give."""

from __future__ import annotations

from t2q.errors import UnknownName
from t2q.languages.base import Language
from t2q.schema import Schema


def refuse(query: str, schema: Schema, language: Language) -> None:
    """Raises QueryError where it does not parse, is not proven to only read, or names what the schema does not have."""
    language.prove_read_only(query)
    unknown = language.unknown(query, schema)
    if unknown:
        raise UnknownName(f"the database has no {', no '.join(unknown)}")
