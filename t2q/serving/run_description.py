"""A run as the web page shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from t2q.answering.asker import Asker
from t2q.schema import Field

_FIELD_KEYS = ("name", "type", "key", "nullable", "samples")


def described(asker: Asker, name: str, models: Sequence[str]) -> dict[str, Any]:
    """`threshold`: the confidence from which on an answer is given, above 1 where none is; None where it is not
    known."""
    schema = asker.schema
    return {
        "name": name,
        "language": schema.language,
        "dialect": schema.dialect,
        "title": asker.database.language.title,
        "database": asker.database.url,
        "models": list(models),
        "threshold": asker.confidence and asker.confidence.threshold,
        "entities": [
            {"name": entity.name, "rows": entity.rows, "fields": [_field(field) for field in entity.fields]}
            for entity in schema.entities
        ],
        "links": [asdict(link) | {"fields": [_field(field) for field in link.fields]} for link in schema.links],
    }


def _field(field: Field) -> dict[str, Any]:
    return {key: getattr(field, key) for key in _FIELD_KEYS}
