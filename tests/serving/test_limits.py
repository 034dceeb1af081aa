"""How much one client may send, ask and hold up."""

from __future__ import annotations

import asyncio
import json
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from t2q.serving.app import create_app
from t2q.serving.faults import Fault
from t2q.serving.limits import RateLimit
from t2q.serving.settings import Settings
from tests.serving.server import EVENTS, HOLD, JSON, TEXTS, Scripted, Serving, serving, shop
from tests.serving.test_page_api import error_of
from tests.serving.test_security import raw

HEAD = "POST /ask HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
IN_FLIGHT, WAITING = "t2q_questions_in_flight", "t2q_questions_waiting"


def eventually(condition: Callable[[], object], seconds: float = 5) -> bool:
    end = time.monotonic() + seconds
    while not (met := condition()) and time.monotonic() < end:
        time.sleep(0.01)
    return bool(met)


@contextmanager
def sent(port: int, request: str | bytes) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(request.encode() if isinstance(request, str) else request)
        yield connection


def came(connection: socket.socket, text: bytes) -> bool:
    said = b""
    while text not in said and (more := connection.recv(65536)):
        said += more
    return text in said


def said(content: object) -> dict[str, Any]:
    return {"model": "shop", "messages": [{"role": "user", "content": content}]}


def ask_request(question: str, accept: str = "*/*") -> str:
    body = json.dumps({"question": question})
    return f"{HEAD}Accept: {accept}\r\nContent-Length: {len(body)}\r\n\r\n{body}"


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (b'{"question": ""}', (400, "empty")),
        (b'{"question": " \\n\\t "}', (400, "empty")),
        (b'{"question": "a\\u0000b"}', (400, "not_text")),
        (b'{"question": "a\\u001bb"}', (400, "not_text")),
        (b'{"question": "a\\ud800b"}', (400, "not_json")),
        (b'{"question": "a\xff\xfeb"}', (400, "not_json")),
        (bytes(range(256)), (400, "not_json")),
        (b'{"question": "%s"}' % (b"x" * 100_000), (413, "too_long")),
        (b'{"question": "%s"}' % (b"x" * 300_000), (413, "too_large")),
        (b"", (400, "not_json")),
        (b"{", (400, "not_json")),
        (b"[" * 100_000, (400, "not_json")),
        (b"1" * 100_000, (400, "not_json")),
        (b'"How many?"', (400, "invalid_request")),
        (b"null", (400, "invalid_request")),
        (b"{}", (400, "invalid_request")),
        (b'{"question": null}', (400, "invalid_request")),
        (b'{"question": 7}', (400, "invalid_request")),
        (b'{"question": ["How many?"]}', (400, "invalid_request")),
        (b'{"question": {"$gt": ""}}', (400, "invalid_request")),
    ],
)
@pytest.mark.parametrize("headers", [{}, EVENTS])
def test_what_cannot_be_asked_is_refused_in_one_line(
    client: httpx.Client, body: bytes, wanted: tuple[int, str], headers: dict[str, str]
) -> None:
    assert error_of(client.post("/ask", content=body, headers={**JSON, **headers})) == wanted


@pytest.mark.parametrize(
    ("path", "body", "wanted"),
    [
        ("/query", {"query": "x" * 20_001}, (413, "too_long")),
        ("/query", {"query": "SELECT '\0'"}, (400, "not_text")),
        ("/query", {"query": ""}, (400, "empty")),
        ("/feedback", {"id": "x", "correction": 1}, (400, "invalid_request")),
        ("/feedback", {"id": "\0", "rating": "up"}, (404, "unknown_id")),
        ("/v1/chat/completions", {"model": "shop", "messages": []}, (400, "invalid_request")),
        (
            "/v1/chat/completions",
            {"model": "shop", "messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
            (400, "empty"),
        ),
        (
            "/v1/chat/completions",
            {"model": "shop", "messages": [{"role": "user", "content": "x" * 4001}]},
            (413, "too_long"),
        ),
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "x"}]}, (400, "invalid_request")),
    ],
)
def test_nor_elsewhere(client: httpx.Client, path: str, body: dict[str, Any], wanted: tuple[int, str]) -> None:
    assert error_of(client.post(path, json=body)) == wanted


def test_unusual_text_is_text(client: httpx.Client) -> None:
    question = "Wie viele Bücher über 東京 🚀?\r\n\t‮"
    assert client.post("/ask", json={"question": question}).json()["question"] == question.strip()


def test_a_large_body_is_refused_before_it_is_read(shared: Serving) -> None:
    """Announced, or in pieces without a length: the answer comes while the client still sends."""
    with sent(shared.port, f"{HEAD}Content-Length: 100000000\r\n\r\n") as connection:
        assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")
    piece = b"ffff\r\n" + b"x" * 0xFFFF + b"\r\n"
    with sent(shared.port, f"{HEAD}Transfer-Encoding: chunked\r\n\r\n".encode() + piece * 5) as connection:
        assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")


def test_a_client_that_sends_all_of_a_large_body_reads_why_it_is_refused(client: httpx.Client) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(40):
            yield b"x" * 500_000

    assert error_of(client.post("/ask", content=b"x" * 20_000_000, headers=JSON)) == (413, "too_large")
    assert error_of(client.post("/ask", content=pieces(), headers=JSON)) == (413, "too_large")


@pytest.mark.parametrize("length", ["-1", "1e3", "5, 6", "99999999999999999999999999"])
def test_a_strange_length_is_refused(shared: Serving, length: str) -> None:
    said = raw(shared.port, f"{HEAD}Content-Length: {length}\r\nConnection: close\r\n\r\n".encode())
    assert said.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 413 ")), said


def test_a_bucket_fills_again() -> None:
    now = 0.0
    limit = RateLimit(rate=0.5, burst=2, now=lambda: now)
    limit.take("a")
    limit.take("a")
    limit.take("b")
    with pytest.raises(Fault) as refused:
        limit.take("a")
    assert (refused.value.status, refused.value.headers["Retry-After"]) == (429, "2")
    now = 2.0
    limit.take("a")
    with pytest.raises(Fault):
        limit.take("a")
    now = 1000.0
    for _ in range(2):
        limit.take("a")
    with pytest.raises(Fault):
        limit.take("a")


def test_clients_are_not_remembered_for_ever() -> None:
    limit = RateLimit(rate=1, burst=1)
    for number in range(20_000):
        limit.take(str(number))
    assert len(limit._buckets) == 10_000


def test_a_client_that_asks_too_often_waits_and_others_do_not(tmp_path: Path) -> None:
    """Behind a proxy on this machine a client is who the proxy says it is."""
    with serving(tmp_path, rate=0.1, burst=3) as found, found.client() as client:

        def ask(client_address: str) -> httpx.Response:
            return client.post("/ask", json={"question": "No items"}, headers={"X-Forwarded-For": client_address})

        assert [ask("9.9.9.9").status_code for _ in range(3)] == [200] * 3
        refused = ask("9.9.9.9")
        assert error_of(refused) == (429, "rate_limit") and 1 <= int(refused.headers["retry-after"]) <= 10
        assert client.get("/").status_code == client.get("/page/index.html").status_code == 200
        assert [ask(f"2001:db8::{number}").status_code for number in range(4)] == [200] * 3 + [429]
        assert ask("2001:db8:0:1::").status_code == 200
        assert found.metric('t2q_refused_requests_total{code="rate_limit",status="429"}') == 2


def test_a_full_line_sends_clients_away_and_moves_on(tmp_path: Path) -> None:
    with serving(tmp_path, questions_at_once=2, questions_waiting=1) as found:
        answers: list[httpx.Response] = []

        def ask() -> None:
            with found.client() as client:
                answers.append(client.post("/ask", json={"question": HOLD}))

        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        assert eventually(lambda: (found.metric(IN_FLIGHT), found.metric(WAITING)) == (2, 1))
        with found.client() as client:
            refused = client.post("/ask", json={"question": HOLD})
        assert error_of(refused) == (503, "queue_full") and 1 <= int(refused.headers["retry-after"]) <= 10
        found.asker.release()
        assert eventually(lambda: len(found.asker.held) == 3)
        found.asker.release()
        for thread in threads:
            thread.join()
        assert [answer.status_code for answer in answers] == [200] * 3
        assert (found.metric(IN_FLIGHT), found.metric(WAITING)) == (0, 0)


def test_a_question_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    with serving(tmp_path, question_seconds=0.2, questions_at_once=1) as found, found.client() as client:
        assert error_of(client.post("/ask", json={"question": HOLD})) == (504, "too_slow")
        assert found.asker.held[0].cancelled() and found.metric(IN_FLIGHT) == 0
        found.asker.cancellable = False
        with sent(found.port, ask_request(HOLD)):
            assert eventually(lambda: found.metric(IN_FLIGHT) == 1)
            waited = client.post("/ask", json={"question": "No items"})
            assert error_of(waited) == (504, "too_slow")
        assert found.metric(IN_FLIGHT) == 1  # what cannot be cancelled is still at work
        found.asker.release()
        assert client.post("/ask", json={"question": "No items"}).status_code == 200


@pytest.mark.parametrize("accept", ["*/*", EVENTS["Accept"]])
def test_a_client_that_hangs_up_leaves_its_place(tmp_path: Path, accept: str) -> None:
    with serving(tmp_path, questions_at_once=1, questions_waiting=1) as found:
        with sent(found.port, ask_request(HOLD, accept)) as first:
            assert eventually(lambda: found.metric(IN_FLIGHT) == 1)
            with sent(found.port, ask_request(HOLD, accept)):
                assert eventually(lambda: found.metric(WAITING) == 1)
            assert eventually(lambda: found.metric(WAITING) == 0)
            assert len(found.asker.held) == 1 and not found.asker.held[0].cancelled()
            if accept != "*/*":
                assert came(first, b"event: draft")
        assert eventually(lambda: found.metric(IN_FLIGHT) == 0) and found.asker.held[0].cancelled()
        assert found.metric('t2q_questions_total{kind="",outcome="cancelled"}') == 2
        assert not list(found.log.find())


def test_a_completion_that_nobody_reads_is_cancelled_too(tmp_path: Path) -> None:
    body = json.dumps({"model": "shop", "stream": True, "messages": [{"role": "user", "content": HOLD}]})
    head = HEAD.replace("/ask", "/v1/chat/completions")
    with serving(tmp_path) as found:
        with sent(found.port, f"{head}Content-Length: {len(body)}\r\n\r\n{body}") as connection:
            assert came(connection, b'"role":"assistant"')
            assert found.metric(IN_FLIGHT) == 1
        assert eventually(lambda: found.asker.held[0].cancelled())


def test_a_question_that_is_cancelled_before_it_began_leaves_its_place(tmp_path: Path) -> None:
    asker = Scripted(shop(tmp_path))
    answering = create_app(asker, None, Settings(questions_at_once=1, questions_waiting=0)).state.served.answering

    async def ask_twice() -> str:
        first = answering.begin("All items", "serve")
        first.cancel()
        await asyncio.wait({first})
        return (await answering.begin("All items", "serve")).answer.query

    assert asyncio.run(ask_twice()) == TEXTS["All items"]
    asker.close()


def test_a_request_that_does_not_come_to_its_end_is_dropped(tmp_path: Path) -> None:
    """Though a byte comes now and then."""
    beginnings = [
        b"",
        b"GET / HTTP/1.1\r\nHost: local",
        f"{HEAD}Content-Length: 100\r\n\r\n{{".encode(),
        b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HT",
    ]
    with serving(tmp_path, request_seconds=0.4) as found, ExitStack() as stack:
        start = time.monotonic()
        held = {stack.enter_context(sent(found.port, beginning)): beginning for beginning in beginnings}
        while held and time.monotonic() < start + 5:
            time.sleep(0.05)
            held = {
                connection: beginning for connection, beginning in held.items() if not _dropped(connection, beginning)
            }
            assert len(held) == len(beginnings) or time.monotonic() - start > 0.3
        assert not held


def _dropped(connection: socket.socket, beginning: bytes) -> bool:
    connection.settimeout(0.001)
    try:
        connection.sendall(b"x" if beginning else b"")
        return connection.recv(65536) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def test_a_slow_answer_and_the_next_request_are_no_slow_request(tmp_path: Path) -> None:
    with serving(tmp_path, request_seconds=0.2) as found, found.client() as client:
        with sent(found.port, ask_request(HOLD)) as connection:
            time.sleep(0.4)
            found.asker.release()
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        for _ in range(3):
            time.sleep(0.1)
            assert client.post("/ask", json={"question": "No items"}).status_code == 200


def test_a_client_that_does_not_read_is_dropped(tmp_path: Path) -> None:
    asker = Scripted(shop(tmp_path))
    with closing(sqlite3.connect(asker.path)) as connection:
        connection.execute("UPDATE items SET name = hex(zeroblob(20000))")
        connection.commit()
    body = json.dumps({"query": "SELECT a.name FROM items a, items b, items c, items d, items e"})
    with serving(tmp_path, asker, stalled_seconds=0.1) as found:
        with found.client() as client:
            whole = len(client.post("/query", content=body, headers=JSON).content)
        assert whole > 9_000_000
        request = f"{HEAD.replace('/ask', '/query')}Content-Length: {len(body)}\r\n\r\n{body}"
        with sent(found.port, request) as connection:
            time.sleep(0.5)
            read = 0
            while more := connection.recv(1 << 20):
                read += len(more)
        assert read < whole


def test_connections_are_limited(tmp_path: Path) -> None:
    with serving(tmp_path, connections=3) as found:
        idle = [socket.create_connection(("127.0.0.1", found.port)) for _ in range(3)]
        refused = raw(found.port, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert refused.startswith(b"HTTP/1.1 503 ") and b"\r\nretry-after: 5\r\n" in refused
        idle.pop().close()
        with found.client() as client:
            assert eventually(lambda: client.get("/").status_code == 200)
        for connection in idle:
            connection.close()
