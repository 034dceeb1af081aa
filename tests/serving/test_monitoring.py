"""What is told to whoever keeps a server running."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Event

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from t2q.databases import open_database
from t2q.errors import DatabaseError
from t2q.schema import Entity, Field, Schema
from t2q.serving import health
from tests.serving.server import GONE, Scripted, Serving, serving, shop
from tests.serving.test_page_api import error_of


def test_questions_are_counted_by_what_came_of_them(tmp_path: Path) -> None:
    with serving(tmp_path) as found, found.client() as client:
        for question in ("How many items are there?", "All items", "What is the weather?", "Delete all", GONE):
            client.post("/ask", json={"question": question})
        text = client.get("/metrics")
        assert text.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        samples = {
            (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(text.text)
            for sample in family.samples
        }
    questions = {key[1:]: value for key, value in samples.items() if key[0] == "t2q_questions_total"}
    assert questions == {
        ("", "answered"): 2,
        ("refused", "abstained"): 1,
        ("not read-only", "abstained"): 1,
        ("database", "failed"): 1,
    }
    assert samples["t2q_write_seconds_count",] == samples["t2q_question_seconds_count",] == 4
    assert samples["t2q_write_seconds_sum",] == pytest.approx(0.4)
    assert samples["t2q_run_seconds_bucket", "0.25"] == 4 and samples["t2q_run_seconds_bucket", "0.1"] == 0
    assert samples["t2q_tokens_total", "completion"] == 4 + 8 + 9 + 3
    assert samples["t2q_refused_requests_total", "database", "503"] == 1
    assert ("process_resident_memory_bytes",) in samples


def test_a_healthy_server_says_so(client: httpx.Client) -> None:
    assert client.get("/health").json() == {"status": "ok", "run": "shop", "database": "ok"}


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_FRESH_SECONDS", 0.0)
    monkeypatch.setattr(health, "_PATIENCE_SECONDS", 0.2)


@pytest.mark.usefixtures("impatient")
def test_a_database_that_changes_while_it_is_served_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with serving(tmp_path) as found, found.client() as client:
        assert client.get("/health").status_code == 200
        with closing(sqlite3.connect(found.path)) as connection:
            connection.execute("ALTER TABLE items RENAME COLUMN price TO cost")
            connection.commit()
        for _ in range(2):
            assert error_of(response := client.get("/health")) == (503, "database")
        assert "is no longer what the run was made for: it has no items.price;" in response.json()["error"]["message"]
        assert len([record for record in caplog.records if "items.price" in record.message]) == 1
        with closing(sqlite3.connect(found.path)) as connection:
            connection.execute("ALTER TABLE items RENAME COLUMN cost TO price")
            connection.execute("CREATE TABLE more (x)")
            connection.commit()
        assert client.get("/health").status_code == 200


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(("trouble", "says"), [("gone", "it is gone"), ("hangs", "does not answer within 0.2 s")])
def test_a_database_that_does_not_answer_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: str, says: str
) -> None:
    over = Event()

    def lacks(_: Schema) -> list[str]:
        if trouble == "gone":
            raise DatabaseError("it is gone")
        over.wait(10)
        return []

    asker = Scripted(shop(tmp_path))
    monkeypatch.setattr(asker.database, "lacks", lacks)  # before the server looks for the first time
    with serving(tmp_path, asker) as found, found.client() as client:
        assert says in client.get("/health").json()["error"]["message"]
        assert client.post("/ask", json={"question": "No items"}).status_code == 200
        over.set()


def test_one_look_is_enough_for_all_who_ask_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(health, "_FRESH_SECONDS", 0.0)
    monkeypatch.setattr(health, "drift", lambda _: time.sleep(0.01) or "")

    async def ask() -> None:
        checks = health.Health(asker)
        for _ in range(20):
            await asyncio.gather(*(checks.check() for _ in range(5)))
        checks.close()

    with closing(Scripted(shop(tmp_path))) as asker:
        asyncio.run(ask())  # nobody is told that the database does not answer


@pytest.mark.parametrize(
    ("change", "lacks"),
    [
        (lambda names: names, []),
        (lambda names: {**names, "books": ["title"]}, ["books", "books.title"]),
        (lambda names: {**names, "items": ["name", "size"]}, ["items.size"]),
    ],
)
def test_a_database_says_which_names_it_lacks(
    shared: Serving, change: Callable[[dict[str, list[str]]], dict[str, list[str]]], lacks: list[str]
) -> None:
    wanted = change({"items": ["name", "price"]})
    entities = tuple(Entity(name, tuple(Field(field, "text") for field in fields)) for name, fields in wanted.items())
    with open_database(f"sqlite:///{shared.path}") as database:
        assert database.lacks(Schema("sql", "sqlite", entities)) == lacks
