"""URLs of databases that are files: SQLite, DuckDB and the embedded graph; and of folders with many."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

EXAMPLES = (
    "sqlite:///data/shop.sqlite, graph:data/shop.json, bolt://host:7687 "
    "or postgresql://${PGUSER}:${PGPASSWORD}@host/name"
)
_FILE_URL = re.compile(r"((?:sqlite|duckdb)(?:\+\w+)?:///|graph:)([^?]+)")
_PREFIXES = {".json": "graph:", ".duckdb": "duckdb:///"}


def database_file(url: str) -> Path | None:
    """The file that the URL names, there or not; None for a server."""
    match = _FILE_URL.match(url)
    return Path(match[2]) if match else None


def spider_folder(url: str) -> Path | None:
    """The folder of questions about many databases that the URL names, there or not; None for one database."""
    scheme, _, folder = url.partition(":")
    return Path(folder) if scheme == "spider" else None


def with_file_in(url: str, folder: Path) -> str:
    """The URL with its relative path taken from `folder`, where the file is there; else as it was."""
    match = _FILE_URL.match(url)
    if match is None or not (folder / match[2]).is_file():
        return url
    return f"{match[1]}{folder / match[2]}{url[match.end() :]}"


def for_example(text: str) -> str:
    """What to write in place of a text that is no URL: the URL of the file of that name, where there is one."""
    with suppress(OSError):  # a name that no file can have
        if Path(text).is_file():
            return _PREFIXES.get(Path(text).suffix.lower(), "sqlite:///") + text
    return EXAMPLES
