"""`t2q serve`: a run over HTTP."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from rich.console import Console

from t2q.answering.asker import Asker
from t2q.databases.credentials import environment
from t2q.errors import LogError, T2QError
from t2q.log.interaction import Log
from t2q.log.store import open_log
from t2q.serving.app import create_app
from t2q.serving.lifecycle import serve
from t2q.serving.listening import listening
from t2q.serving.security import is_here
from t2q.serving.settings import Settings

KEY_VARIABLE = "T2Q_API_KEY"
_SHORTEST_KEY = 16
_MAKE_ONE = "python -c 'import secrets; print(secrets.token_urlsafe())'"


def serve_command(run: Path, host: str, port: int, threshold: float | None = None) -> None:
    """Serves until it is interrupted. `threshold`: see `open_run`. Raises T2QError where the run, the key or the
    address will not do."""
    settings = Settings(key=_key(host))
    sockets = listening(host, port)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    with Asker.open(run, threshold) as asker, _log(run) as log:
        app = create_app(asker, log, settings)
        shown = f"[{host}]" if ":" in host else host
        url = f"http://{shown}:{sockets[0].getsockname()[1]}"
        serve(app, sockets, lambda: _say(url, app.state.served.models, run))


@contextmanager
def _log(run: Path) -> Iterator[Log | None]:
    """None where it cannot be written: then questions are answered all the same."""
    try:
        log = open_log(run)
    except LogError as error:
        logging.warning("questions are not logged, and feedback cannot be given: %s", error)
        yield None
        return
    with closing(log):
        yield log


def _key(host: str) -> str:
    """From the environment or `.env`: a command's arguments can be read by everybody on the machine."""
    key = environment().get(KEY_VARIABLE, "").strip()
    if not key and not is_here(host):
        raise T2QError(
            f"--host {host} lets other machines ask: set {KEY_VARIABLE} in .env or the environment to a key that they "
            f"must send, such as {_MAKE_ONE} makes"
        )
    if key and (len(key) < _SHORTEST_KEY or not key.isascii() or not key.isprintable()):
        raise T2QError(
            f"{KEY_VARIABLE} must have at least {_SHORTEST_KEY} characters, all ASCII: {_MAKE_ONE} makes one"
        )
    return key


def _say(url: str, models: tuple[str, str], run: Path) -> None:
    say = Console(highlight=False, soft_wrap=True, markup=False).print
    say(f"{models[0]} answers at {url} until Ctrl-C")
    say(f"OpenAI-compatible at {url}/v1: models {' (in words, with rows) and '.join(models)} (the query alone)")
    say(f"other servers for the same model: t2q serve {run} --how")
