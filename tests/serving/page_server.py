"""A server with what the page must be able to show; only the model's words are made up."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

from t2q.answering.answer import Answer, answer
from t2q.answering.asker import OnDraft
from tests.serving.server import Scripted

HOSTILE = "</script><img src=x onerror=document.title='owned'>"
LONG = "A text that nobody would want to see whole in a table, and that somebody wants to read all the same."
TABLES = f"""
CREATE TABLE orders (id INTEGER PRIMARY KEY, status TEXT, ordered_on DATE, total REAL, note TEXT);
CREATE TABLE "{HOSTILE}" ("{HOSTILE}" TEXT);
INSERT INTO "{HOSTILE}" VALUES ('{HOSTILE.replace("'", "''")}');
CREATE TABLE numbers (n INTEGER);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) INSERT INTO numbers SELECT i FROM n;
"""
ORDERS = [
    ("open", "2024-01-05", 10.5, None),
    ("paid", "2024-02-11", 9.0, ""),
    ("paid", "2024-03-02", 100.0, LONG),
    ("shipped", "2024-04-20", 2.25, HOSTILE),
    ("shipped", "2024-05-01", 33.0, "12"),
    ("shipped", "2024-06-30", 7.0, "=1+2"),
]
PER_STATUS = "SELECT status, COUNT(*) FROM orders GROUP BY status"
TEXTS = {
    "How many orders are there for each status?": PER_STATUS,
    "How many orders are there?": "SELECT COUNT(*) FROM orders",
    "All orders": "SELECT id, total, note FROM orders",
    "Many numbers": "SELECT n FROM numbers",
    "Names": f'SELECT "{HOSTILE}" FROM "{HOSTILE}"',
    "What is the weather?": "I don't know: this is not about the database",
    "Delete all": "DELETE FROM orders",
    "Old orders": "SELECT id FROM orders WHERE ordered_on < '2000-01-01'",
    HOSTILE: f"I don't know: {HOSTILE}",
}
MORE: dict[str, dict[str, Any]] = {
    "How many orders are there for each status?": {"words": "Most of the orders are shipped.", "confidence": 0.934},
    "How many orders are there?": {"written": "MATCH (o:Order) RETURN count(o)", "refuted": "there are no orders"},
}
UNSURE = Answer(
    query=PER_STATUS, abstained=True, reason="it is not sure of this query", kind="unsure", confidence=0.613
)


class Writer(Scripted):
    """Writes what `TEXTS` says, word by word: the first half, and the rest once `going_on` is set."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.going_on = threading.Event()
        self.going_on.set()

    def _fulfil(self, future: Future[Answer], question: str, on_draft: OnDraft | None) -> None:
        text = TEXTS.get(question)
        if text is None:
            return super()._fulfil(future, question, on_draft) if question != "Unsure" else future.set_result(UNSURE)
        words = text.split(" ")
        for i in range(len(words)):
            if i == len(words) // 2:
                self.going_on.wait(10)
            if on_draft:
                on_draft(" ".join(words[: i + 1]))
        found = answer(text, self.schema, self.database)
        future.set_result(replace(found, seconds={"write": 0.42, "run": 0.003}, **MORE.get(question, {})))


def writer(folder: Path) -> Writer:
    path = folder / "shop.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript(TABLES)
        connection.executemany("INSERT INTO orders (status, ordered_on, total, note) VALUES (?, ?, ?, ?)", ORDERS)
        connection.commit()
    return Writer(path)
