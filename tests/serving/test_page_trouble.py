"""The web page in a real browser: what others wrote, and what goes wrong."""

from __future__ import annotations

import re
import threading
import time
from pathlib import Path

from t2q.serving.app import PAGE
from tests import chromium
from tests.chromium import Tab
from tests.serving.browsing import ANSWERED, ask, cells, opened, run, shown, write
from tests.serving.page_server import HOSTILE
from tests.serving.server import GONE, HOLD, Serving, serving

pytestmark = chromium.wanted

# ── what others wrote


def test_what_a_database_or_a_model_wrote_stays_text(tab: Tab, page: Serving) -> None:
    ask(tab, "Names")
    assert cells(tab) == [HOSTILE] or tab.text("#result .fold") == HOSTILE
    assert tab.text("#result th span") == HOSTILE
    ask(tab, HOSTILE)
    assert HOSTILE in tab.text(".declined .reason")
    ask(tab, "All orders")
    assert HOSTILE in tab.text("#result table")
    run(tab, "SELECT note, COUNT(*) FROM orders GROUP BY note")
    tab.wait("document.querySelector('.chart')")
    write(tab, "#schema input", "onerror")
    assert HOSTILE in tab.text("#schema .entities")
    tab.click("#schema .name")
    assert HOSTILE in tab.js("document.querySelector('#question').value")
    tab.click("#tab-history")
    assert HOSTILE in tab.text("#history ol")
    opened(tab, page)
    assert tab.js("document.title") == "shop · t2q"
    assert tab.js("document.querySelectorAll('img, iframe, object, script:not([src])').length") == 0


def test_a_script_that_got_in_would_not_run(tab: Tab) -> None:
    """Neither by the policy of the server nor past the types that the page itself asks for."""
    tab.js("document.body.append(Object.assign(document.createElement('a'), { id: 'x' }))")
    said = tab.js(
        "(() => { try { document.querySelector('#x').innerHTML = '<b>'; } catch (error) { return error.name; } })()"
    )
    assert said == "TypeError"
    assert any("TrustedHTML" in line for line in tab.console)
    tab.console.clear()
    sources = "".join(file.read_text() for file in PAGE.glob("*.js"))
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|https?://(?!www\.w3\.org/2000/svg)", sources
    )


# ── trouble


def test_a_server_that_wants_a_key(browser: Tab, tmp_path: Path) -> None:
    key = "a key of the test's own"
    with serving(tmp_path, key=key) as server:
        browser.open(server.url)
        browser.wait("document.querySelector('#key').open")
        write(browser, "#key input", "ключ")  # cannot be sent
        browser.press("Enter")
        for given, why in (("something else", "wants its key"), (key, "not the server's key")):
            browser.wait("document.querySelector('#key').open")
            assert why in browser.text("#why-key")
            write(browser, "#key input", given)
            browser.press("Enter")
            browser.wait("!document.querySelector('#key').open")
        browser.wait("document.querySelector('#run').textContent === 'shop'")
        opened(browser, server)
        browser.js("sessionStorage.clear()")
        browser.open(server.url)
        browser.wait("document.querySelector('#key').open")
        browser.click("#key .cancel")
        browser.wait("document.querySelector('#trouble').checkVisibility()")
        assert "wants its key" in browser.text("#trouble .told")


def test_a_full_line_is_said_with_the_time_to_try_again(browser: Tab, tmp_path: Path) -> None:
    with serving(tmp_path, questions_at_once=1, questions_waiting=1) as server, server.client() as client:
        opened(browser, server)
        held = [threading.Thread(target=client.post, args=("/ask",), kwargs={"json": {"question": HOLD}}) for _ in "12"]
        for thread in held:
            thread.start()
        while server.metric("t2q_questions_waiting") < 1:
            time.sleep(0.01)
        write(browser, "#question", "All items")
        browser.press("Enter")
        browser.wait("document.querySelector('#trouble').checkVisibility()")
        assert browser.text("#trouble .told") == "Too many are waiting for an answer: try again later."
        assert re.fullmatch(r"Trying again in \d s\.", browser.text("#trouble .wait"))
        while any(thread.is_alive() for thread in held):
            server.asker.release()
            time.sleep(0.01)
        browser.click("#trouble .retry")
        browser.wait(ANSWERED)
        assert len(cells(browser)) == 3 and not shown(browser, "#trouble")


def test_when_the_time_has_come_the_page_tries_again(browser: Tab, tmp_path: Path) -> None:
    with serving(tmp_path, rate=0.5, burst=1) as server:
        opened(browser, server)
        ask(browser, "No items")
        write(browser, "#question", "All items")
        browser.press("Enter")
        browser.wait("document.querySelector('#trouble').checkVisibility()")
        assert browser.text("#trouble .told") == "Too many requests: try again later."
        assert browser.text("#trouble .wait") in ("Trying again in 1 s.", "Trying again in 2 s.")
        browser.wait(ANSWERED)
        assert len(cells(browser)) == 3 and not shown(browser, "#trouble")


def test_a_database_and_a_server_that_are_gone(browser: Tab, tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        opened(browser, server)
        write(browser, "#question", GONE)
        browser.press("Enter")
        browser.wait("document.querySelector('#trouble').checkVisibility()")
        assert browser.text("#trouble .told") == "It is gone." and not shown(browser, "#answer")
        server.stop()
        browser.click("#trouble .retry")
        browser.wait("document.querySelector('#trouble .told').textContent.includes('cannot be reached')")
        assert shown(browser, "#send")
