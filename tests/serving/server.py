"""A real server in a thread, over a small SQLite database; only the model's words are made up."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from t2q.answering.answer import Answer, answer
from t2q.answering.asker import Asker, OnDraft
from t2q.answering.confidence import Confidence
from t2q.answering.unsaid import Carried
from t2q.databases import open_database
from t2q.errors import DatabaseError
from t2q.log.interaction import Log
from t2q.log.store import open_log
from t2q.prepared import Shown
from t2q.prompt import OWN
from t2q.serving.app import create_app
from t2q.serving.lifecycle import Server
from t2q.serving.listening import listening
from t2q.serving.settings import Settings

JSON = {"Content-Type": "application/json"}
EVENTS = {"Accept": "text/event-stream"}
TEXTS = {
    "How many items are there?": "SELECT COUNT(*) FROM items",
    "All items": "SELECT name, price FROM items ORDER BY name",
    "No items": "SELECT name FROM items WHERE price < 0",
    "What is the weather?": "I don't know: this is not about the database",
    "Delete all": "DELETE FROM items",
}
HOLD = "wait"  # a question that is answered when the test says so
GONE, BROKEN = "the database goes away", "a mistake"


class Words:
    """A model as far as a server asks it itself: each word is a token."""

    def encode(self, text: str) -> list[int]:
        return [0] * len(text.split())


class Scripted(Asker):
    """Writes what `TEXTS` says, and runs it as every asker does."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.model: Any = Words()
        self.database = open_database(f"sqlite:///{path}")
        self.shown, self.style = Shown(self.database.schema(), "SQLite\nitems: name text, price float"), OWN
        self.name, self.model_digest = "shop", "m" * 64
        self.confidence = Confidence("gguf-q4_k_m", 0.95, 0.9, 0.0, (), (), Carried(frozenset()))
        self.held: list[Future[Answer]] = []
        self.cancellable = True

    def submit(self, question: str, on_draft: OnDraft | None = None) -> Future[Answer]:
        future: Future[Answer] = Future()
        if question == HOLD:
            if not self.cancellable:
                future.set_running_or_notify_cancel()
            self.held.append(future)
            if on_draft:
                on_draft("SELECT")
        else:
            threading.Thread(target=self._fulfil, args=(future, question, on_draft)).start()
        return future

    def _fulfil(self, future: Future[Answer], question: str, on_draft: OnDraft | None) -> None:
        if question in (GONE, BROKEN):
            future.set_exception(DatabaseError("it is gone") if question == GONE else KeyError("x"))
            return
        text = TEXTS.get(question, f"I don't know: {question}")
        if on_draft:
            on_draft(text[:6])
            on_draft(text)
        found = answer(text, self.schema, self.database)
        future.set_result(replace(found, words="So it is." * found.rows.__len__(), seconds={"write": 0.1, "run": 0.2}))

    def release(self) -> None:
        for future in self.held:
            if not future.done():
                future.set_result(Answer("SELECT 1", ("1",), [(1,)]))

    def close(self) -> None:
        self.database.close()


@dataclass
class Serving:
    url: str
    asker: Scripted
    log: Log
    server: Server
    thread: threading.Thread
    path: Path

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def client(self, **more: Any) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=10, verify=False, **more)  # certificates take a while to load

    def metric(self, line: str) -> float:
        """A sample of /metrics, 0 where it is not there yet."""
        with self.client() as client:
            text = client.get("/metrics").text
        return float(next((row.rpartition(" ")[2] for row in text.splitlines() if row.startswith(f"{line} ")), 0))

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(20)
        assert not self.thread.is_alive()


def shop(folder: Path) -> Path:
    path = folder / "shop.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE items (name TEXT, price REAL)")
        connection.executemany("INSERT INTO items VALUES (?, ?)", [("Cup", 3.5), ("Box", 2.0), ("a|b <i>", None)])
        connection.commit()
    return path


@contextlib.contextmanager
def serving(folder: Path, asker: Scripted | None = None, **settings: Any) -> Iterator[Serving]:
    """A server of its own on a free port. No client of a test is too fast for it unless the test says so."""
    chosen = Settings(**{"rate": 1e6, "burst": 10**6, **settings})
    asker, log = asker or Scripted(shop(folder)), open_log(folder)
    sockets = listening("127.0.0.1", 0)
    started = threading.Event()
    server = Server(create_app(asker, log, chosen), started.set)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets)))
    thread.start()
    try:
        assert started.wait(10)
        url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
        yield Serving(url, asker, log, server, thread, asker.path)
    finally:
        asker.release()
        server.should_exit = True
        thread.join(20)
        asker.close()
        log.close()
    assert not thread.is_alive()


def events_of(text: str) -> list[tuple[str, Any]]:
    """Server-sent events, read as https://html.spec.whatwg.org/multipage/server-sent-events.html says."""
    found = []
    for block in text.split("\n\n"):
        fields = [line.partition(": ")[::2] for line in block.splitlines() if not line.startswith(":")]
        if fields:
            named = dict(fields)
            found.append((named.get("event", ""), json.loads(named["data"])))
    return found
