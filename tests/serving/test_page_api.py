"""What the web page asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from t2q.errors import LogError
from t2q.log.interaction import Interaction, Wanted
from tests.serving.server import BROKEN, EVENTS, GONE, HOLD, Serving, events_of, serving

SAMPLES = ["Box", "Cup", "a|b <i>"]
COUNTED = {
    "question": "How many items are there?",
    "query": "SELECT COUNT(*) FROM items",
    "columns": ["COUNT(*)"],
    "rows": [[3]],
    "truncated": False,
    "abstained": False,
    "reason": "",
    "kind": "",
    "words": "So it is.",
    "confidence": None,
    "written": "",
    "refuted": "",
    "seconds": {"write": 0.1, "run": 0.2},
}


def logged(shared: Serving, id: str) -> Interaction:
    (found,) = shared.log.find(Wanted(ids=[id]))
    return found


def asked(client: httpx.Client, question: str, **more: Any) -> dict[str, Any]:
    response = client.post("/ask", json={"question": question}, **more)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def error_of(response: httpx.Response) -> tuple[int, str]:
    error = response.json()["error"]
    assert set(error) == {"message", "type", "code", "param"} and "\n" not in error["message"]
    return response.status_code, error["code"]


def test_a_question_is_answered_and_kept(shared: Serving, client: httpx.Client) -> None:
    found = asked(client, "  How many items are there? ")
    kept = logged(shared, found.pop("id"))
    assert found == COUNTED
    assert (kept.source, kept.question, kept.query, kept.rows) == (
        "serve",
        "How many items are there?",
        "SELECT COUNT(*) FROM items",
        1,
    )
    assert (kept.schema, kept.model) == (shared.asker.schema.digest, "m" * 64)


def test_an_answer_comes_as_events_after_its_drafts(shared: Serving, client: httpx.Client) -> None:
    response = client.post("/ask", json={"question": "How many items are there?"}, headers=EVENTS)
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    *drafts, (name, found) = events_of(response.text)
    assert {kind for kind, _ in drafts} == {"draft"} and drafts[-1][1] == {"text": COUNTED["query"]}
    assert name == "answer" and logged(shared, found.pop("id")).source == "serve" and found == COUNTED


@pytest.mark.parametrize(
    ("question", "status", "code"), [(GONE, 503, "database"), (BROKEN, 500, "internal"), ("", 400, "empty")]
)
def test_what_goes_wrong_is_told(client: httpx.Client, question: str, status: int, code: str) -> None:
    assert error_of(client.post("/ask", json={"question": question})) == (status, code)


def test_what_goes_wrong_after_events_have_begun_is_one_of_them(client: httpx.Client) -> None:
    response = client.post("/ask", json={"question": GONE}, headers=EVENTS)
    assert response.status_code == 200
    assert events_of(response.text) == [
        ("error", {"error": {"message": "it is gone", "type": "server_error", "code": "database", "param": None}})
    ]


def test_a_question_without_room_is_refused_before_events_begin(tmp_path: Path) -> None:
    with (
        serving(tmp_path, questions_at_once=1, questions_waiting=0) as full,
        full.client() as client,
        client.stream("POST", "/ask", json={"question": HOLD}, headers=EVENTS),
    ):
        response = client.post("/ask", json={"question": "All items"}, headers=EVENTS)
    assert error_of(response) == (503, "queue_full") and int(response.headers["retry-after"]) >= 1


def test_a_run_says_what_can_be_asked(client: httpx.Client, shared: Serving) -> None:
    assert client.get("/run").json() == {
        "name": "shop",
        "language": "sql",
        "dialect": "sqlite",
        "title": "SQLite",
        "database": f"sqlite:///{shared.path}",
        "models": ["shop", "shop:query"],
        "threshold": 0.9,
        "entities": [
            {
                "name": "items",
                "rows": 3,
                "fields": [
                    {
                        "name": "name",
                        "type": "text",
                        "key": False,
                        "nullable": False,
                        "samples": ["Box", "Cup", "a|b <i>"],
                    },
                    {"name": "price", "type": "float", "key": False, "nullable": True, "samples": [2.0, 3.5]},
                ],
            }
        ],
        "links": [],
    }


@pytest.mark.parametrize(
    ("query", "kind", "rows"),
    [
        ("SELECT name FROM items WHERE price > 3", "", [["Cup"]]),
        ("DELETE FROM items", "not read-only", []),
        ("SELECT nothing FROM items", "unknown name", []),
        ("SELECT FROM WHERE", "syntax", []),
    ],
)
def test_an_edited_query_runs_under_the_same_guard(
    client: httpx.Client, query: str, kind: str, rows: list[Any]
) -> None:
    found = client.post("/query", json={"query": query}).json()
    assert (found["kind"], found["rows"], found["query"]) == (kind, rows, query)
    assert found["words"] == (f"No rows: {found['reason']}" if kind else "Cup.")


def test_feedback_is_kept_changed_and_taken_back(shared: Serving, client: httpx.Client) -> None:
    id = asked(client, "All items")["id"]

    def say(**said: Any) -> tuple[int, str | None, str]:
        status = client.post("/feedback", json={"id": id, **said}).status_code
        kept = logged(shared, id)
        return status, kept.rating, kept.correction

    assert say(rating="up") == (204, "up", "")
    assert say(correction="SELECT name FROM items") == (204, "up", "SELECT name FROM items")
    assert say(rating="down", correction="SELECT 1 FROM items") == (204, "down", "SELECT 1 FROM items")
    assert say(rating=None) == (204, None, "SELECT 1 FROM items")
    assert say(rating="up", correction="DROP TABLE items") == (422, None, "SELECT 1 FROM items")
    assert say(correction="SELECT gone FROM items") == (422, None, "SELECT 1 FROM items")
    assert say(correction="") == (204, None, "")
    assert say(rating="sideways") == (400, None, "")
    assert say() == (400, None, "")


def test_a_refused_correction_says_why_and_an_unknown_id_is_404(client: httpx.Client) -> None:
    id = asked(client, "All items")["id"]
    refused = client.post("/feedback", json={"id": id, "correction": "DELETE FROM items"})
    assert error_of(refused) == (422, "not_read_only") and "DELETE" in refused.json()["error"]["message"]
    assert error_of(client.post("/feedback", json={"id": "0" * 32, "rating": "up"})) == (404, "unknown_id")


def test_an_answer_is_not_lost_where_the_log_fails(
    shared: Serving, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for trouble in (LogError("the disk is full"), OSError("unforeseen")):

        def fail(*_: object, trouble: Exception = trouble) -> str:
            raise trouble

        with monkeypatch.context() as patch:
            patch.setattr(shared.log, "record", fail)
            before = shared.metric("t2q_log_failures_total")
            found = asked(client, "How many items are there?")
        assert found == {"id": None, **COUNTED}
        assert shared.metric("t2q_log_failures_total") == before + 1


def test_the_page_is_there(client: httpx.Client) -> None:
    assert client.get("/").headers["content-type"].startswith("text/html")
    assert client.get("/page/index.html").text == client.get("/").text
    assert client.head("/").status_code == 200
    assert error_of(client.get("/page/gone.js"))[0] == 404 and error_of(client.put("/ask"))[0] == 405
