"""Where user names and passwords come from: the environment or a `.env` file, never a recipe, a manifest or a message.

A URL may name variables, `postgresql://${SHOP_USER}:${SHOP_PASSWORD}@host/shop`. A server's URL without credentials
takes NEO4J_USERNAME and NEO4J_PASSWORD for Neo4j, T2Q_DB_USER and T2Q_DB_PASSWORD for SQL. The environment wins over
`.env`, which is looked for in the working directory and above it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, quote, urlencode

from dotenv import dotenv_values, find_dotenv

from t2q.errors import DatabaseError, RecipeError

NEO4J_VARIABLES = ("NEO4J_USERNAME", "NEO4J_PASSWORD")
SQL_VARIABLES = ("T2Q_DB_USER", "T2Q_DB_PASSWORD")

# A password may hold "/" (SQLAlchemy allows it), so the credentials end at the "@", not at the first slash.
_URL = re.compile(r"(?P<scheme>[\w+.-]+)://(?:(?P<user>[^:/@]*)(?::(?P<password>[^@]*))?@)?(?P<rest>.*)", re.DOTALL)
_VARIABLE = re.compile(r"\$\{([A-Za-z_]\w*)\}")
_PASSWORD_OPTION = re.compile(r"pass|pwd|token|secret|api_?key|^auth$|^key$", re.IGNORECASE)
_SECRET_OPTION = re.compile(r"user|uid|pass|pwd|token|secret|key|auth", re.IGNORECASE)


def environment() -> Mapping[str, str]:
    """The process's environment over what a `.env` file adds."""
    added = dotenv_values(find_dotenv(usecwd=True))
    return {**{name: value for name, value in added.items() if value is not None}, **os.environ}


def resolve(url: str) -> str:
    """The URL with variables and credentials filled in, for opening a connection only.

    Raises DatabaseError where a variable is not set.
    """
    variables = environment()
    parts = _URL.fullmatch(url)
    credentials_end = parts.start("rest") if parts and parts["user"] is not None else 0

    def fill(match: re.Match[str]) -> str:
        value = variables.get(match[1])
        if value is None:
            raise DatabaseError(f"{redact(url)} needs the variable {match[1]}: set it, or write {match[1]}=... in .env")
        return quote(value, safe="") if match.start() < credentials_end else value

    return _with_credentials(_VARIABLE.sub(fill, url), variables)


def _with_credentials(url: str, variables: Mapping[str, str]) -> str:
    parts = _URL.fullmatch(url)
    if not parts or parts["user"] is not None or not parts["rest"].split("/")[0]:
        return url
    names = NEO4J_VARIABLES if is_neo4j(url) else SQL_VARIABLES
    user, password = (variables.get(name) for name in names)
    if password and not user and is_neo4j(url):
        user = "neo4j"  # the name every Neo4j server starts with
    if not user:
        return url
    secret = f":{quote(password, safe='')}" if password else ""
    return f"{parts['scheme']}://{quote(user, safe='')}{secret}@{parts['rest']}"


def is_neo4j(url: str) -> bool:
    return re.match(r"(neo4j|bolt)(\+\w+)?:", url) is not None


def redact(url: str) -> str:
    """The URL without user, password and secret options: for manifests, logs and messages."""
    parts = _URL.fullmatch(url)
    if not parts:
        return url
    location, _, options = parts["rest"].partition("?")
    if parts["user"] is not None:  # an "@" that is left belongs to a password that should have been percent-encoded
        location = location.rpartition("@")[2]
    kept = [(name, value) for name, value in parse_qsl(options) if not _SECRET_OPTION.search(name)]
    return f"{parts['scheme']}://{location}" + (f"?{urlencode(kept)}" if kept else "")


def hide(text: str, url: str) -> str:
    """The text without passwords, nor whatever else the URL takes from variables: a driver's words may hold them."""
    variables = environment()
    names = {NEO4J_VARIABLES[1], SQL_VARIABLES[1], *(match[1] for match in _VARIABLE.finditer(url))}
    secrets = {form for name in names if (value := variables.get(name)) for form in (value, quote(value, safe=""))}
    for secret in sorted(secrets, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", "***", text)
    return text


def refuse_inline_password(url: str) -> None:
    """Raises RecipeError where the URL holds a password itself instead of `${NAME}`."""
    parts = _URL.fullmatch(url)
    if not parts:
        return
    options = parse_qsl(parts["rest"].partition("?")[2])
    secrets = [value for name, value in options if _PASSWORD_OPTION.search(name)]
    for secret in (parts["password"], *secrets):
        if secret and not _VARIABLE.fullmatch(secret):
            raise RecipeError(
                f"{redact(url)} holds a password: write ${{NAME}} in its place and NAME=... in .env or the environment"
            )
