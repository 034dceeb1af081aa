"""The end of a server: what was begun is answered, and what was answered is kept."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import httpx
import pytest

from tests.serving.server import EVENTS, HOLD, Serving, events_of, serving
from tests.serving.test_limits import IN_FLIGHT, WAITING, eventually
from tests.serving.test_page_api import error_of


def test_what_was_begun_is_answered_and_what_waited_is_sent_away(tmp_path: Path) -> None:
    with serving(tmp_path, questions_at_once=1) as found:
        answers: dict[str, httpx.Response] = {}
        begun = _asking(found, answers, "begun")
        assert eventually(lambda: found.metric(IN_FLIGHT) == 1)
        waiting = _asking(found, answers, "waiting")
        assert eventually(lambda: found.metric(WAITING) == 1)
        found.server.should_exit = True
        waiting.join(5)
        assert error_of(answers["waiting"]) == (503, "stopping") and answers["waiting"].headers["retry-after"] == "5"
        with pytest.raises(httpx.ConnectError), found.client() as client:
            client.get("/")
        assert begun.is_alive()
        found.asker.release()
        begun.join(5)
        assert answers["begun"].json()["rows"] == [[1]]
        found.thread.join(5)
        assert [kept.id for kept in found.log.find()] == [answers["begun"].json()["id"]]


@pytest.mark.parametrize("headers", [{}, EVENTS])
def test_what_takes_too_long_is_told_so(tmp_path: Path, headers: dict[str, str]) -> None:
    with serving(tmp_path, stopping_seconds=0.1) as found:
        answers: dict[str, httpx.Response] = {}
        asking = _asking(found, answers, "x", headers)
        assert eventually(lambda: found.metric(IN_FLIGHT) == 1)
        found.server.should_exit = True
        asking.join(5)
        found.thread.join(5)
        assert not found.thread.is_alive() and found.asker.held[0].cancelled()
        if headers:
            assert events_of(answers["x"].text)[-1][1]["error"]["code"] == "stopping"
        else:
            assert error_of(answers["x"]) == (503, "stopping")


def test_an_open_connection_does_not_hold_it_up(tmp_path: Path) -> None:
    with serving(tmp_path) as found, found.client() as client:
        assert client.get("/health").status_code == 200
        start = time.monotonic()
        found.stop()
        assert time.monotonic() - start < 3


def _asking(
    found: Serving, answers: dict[str, httpx.Response], name: str, headers: dict[str, str] | None = None
) -> threading.Thread:
    def ask() -> None:
        with found.client() as client:
            answers[name] = client.post("/ask", json={"question": HOLD}, headers=headers)

    thread = threading.Thread(target=ask)
    thread.start()
    return thread
