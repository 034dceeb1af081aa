"""The web page in a real browser: schema, history, dark and narrow, with the keyboard, and for screen readers."""

from __future__ import annotations

import pytest

from t2q.serving.app import PAGE
from tests import chromium
from tests.chromium import Tab
from tests.contrast import colours, contrast
from tests.serving.browsing import ANSWERED, GROUPS, ask, cells, focused, opened, run, shown, texts, value, write
from tests.serving.page_server import PER_STATUS
from tests.serving.server import Serving

pytestmark = chromium.wanted

# ── beside the page


def test_the_history_outlives_a_reload_and_is_searched_asked_again_and_cleared(tab: Tab, page: Serving) -> None:
    for question in (GROUPS, "What is the weather?"):
        ask(tab, question)
    opened(tab, page)
    tab.click("#tab-history")
    listed = "#history .again span"
    assert texts(tab, listed) == ["What is the weather?", GROUPS]
    write(tab, "#history input", "GROUP by")
    assert texts(tab, listed) == [GROUPS]
    assert "3 rows" in tab.text("#history .again small")
    tab.click("#history .again")
    tab.wait(ANSWERED)
    assert cells(tab) == ["open", "paid", "shipped"] and value(tab, "#question") == GROUPS
    write(tab, "#history input", " ")
    tab.click("#history .clear")
    assert texts(tab, listed) == [] and "kept here" in tab.text("#history .none")
    tab.click("#history .undo")
    assert texts(tab, listed) == [GROUPS, "What is the weather?"]
    tab.click("#history li .plain")
    assert texts(tab, listed) == ["What is the weather?"]


def test_names_are_found_in_the_schema_and_put_into_the_question(tab: Tab) -> None:
    write(tab, "#schema input", "ORDERED")
    listed = "[...document.querySelectorAll('#schema .name')].filter(e => e.checkVisibility()).map(e => e.textContent)"
    assert tab.js(listed) == ["orders", "id", "status", "ordered_on", "total", "note"]
    about = ["ordered_on", "date", "2024-01-05, 2024-02-11, 2024-03-02"]
    assert tab.text("#schema .fields li:nth-child(3)").splitlines() == about
    write(tab, "#question", "Sum of by month")
    tab.js("document.querySelector('#question').setSelectionRange(6, 6)")
    tab.click("#schema .fields li:nth-child(4) .name")
    assert value(tab, "#question") == "Sum of total by month" and focused(tab) == "Your question"


def test_dark_and_light(tab: Tab, page: Serving) -> None:
    looks = "[document.body, document.querySelector('.card')].map(e => getComputedStyle(e).backgroundColor)"
    light = tab.js(looks)
    tab.click("#theme")
    dark = tab.js(looks)
    assert light == ["rgb(244, 245, 247)", "rgb(255, 255, 255)"] and dark == ["rgb(15, 19, 24)", "rgb(24, 30, 38)"]
    opened(tab, page)
    assert tab.js(looks) == dark and tab.js("document.querySelector('#theme').ariaPressed") == "true"
    tab.js("localStorage.clear()")
    tab.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    opened(tab, page)
    assert tab.js(looks) == dark
    tab.click("#theme")
    assert tab.js(looks) == light
    tab.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-reduced-motion", "value": "reduce"}])
    moving = "getComputedStyle(document.querySelector('#query code'), '::after').animationName"
    tab.js("document.querySelector('#answer').ariaBusy = 'true'")
    assert tab.js(moving) == "none"
    tab.call("Emulation.setEmulatedMedia", features=[])
    assert tab.js(moving) == "blink"


def test_a_narrow_window(tab: Tab) -> None:
    tab.size(380, 800)
    ask(tab, "All orders")
    assert tab.js("document.documentElement.scrollWidth <= innerWidth")
    assert not shown(tab, "#side")
    tab.click("#browse")
    assert shown(tab, "#side") and tab.js("document.querySelector('main').inert")
    tab.press("Escape")
    assert not shown(tab, "#side") and focused(tab) == "Schema, history"
    tab.click("#browse")
    tab.click("#schema .name")
    assert not shown(tab, "#side") and focused(tab) == "Your question"


# ── with the keyboard, and for screen readers


def test_all_of_it_goes_with_the_keyboard(tab: Tab) -> None:
    assert focused(tab) == "Your question"
    tab.type(GROUPS)
    tab.press("Enter")
    tab.wait(ANSWERED)
    passed = []
    for _ in range(12):
        tab.press("Tab")
        passed.append(focused(tab))
    assert passed[:5] == ["Ask", "Query", "Copy", "Run again", "Rows"]
    assert passed[5:] == ["status", "COUNT(*)", "Copy CSV", "Copy TSV", "Download", "Right", "Wrong"]
    assert tab.js("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    tab.press("?")
    assert shown(tab, "#help") and "Go to the question" in tab.text("#help")
    tab.press("Escape")
    for key, name in {"/": "Your question", "e": "Query", "s": "Search the schema", "h": "Search the history"}.items():
        tab.js("document.activeElement.blur()")
        tab.press(key)
        assert focused(tab) == name and shown(tab, ":focus")
    right = "document.querySelector('[data-rating=up]').ariaPressed === 'true'"
    tab.press("y")
    assert value(tab, "#history input") == "y" and not tab.js(right)
    tab.js("document.activeElement.blur()")
    tab.press("y")
    tab.wait(right)
    tab.js("document.querySelector('#tab-history').focus()")
    tab.press("ArrowLeft")
    assert focused(tab) == "Schema" and shown(tab, "#schema")


def test_shortcuts_of_one_key_can_be_switched_off(tab: Tab, page: Serving) -> None:
    tab.click("#shortcuts")
    tab.click("#single-keys")
    tab.press("Escape")
    opened(tab, page)
    tab.js("document.activeElement.blur()")
    tab.press("?")
    assert not shown(tab, "#help")


NAMED = {"article", "button", "dialog", "heading", "image", "link", "region", "searchbox", "tab", "tabpanel", "textbox"}
PLACES = {"main", "banner", "complementary", "table", "columnheader", "status", "tablist"}
LEADING = """[...document.querySelectorAll("*")].flatMap(e =>
  ["for", "aria-labelledby", "aria-controls", "aria-describedby"].map(name => e.getAttribute(name)).filter(Boolean))"""


def test_everything_has_a_name_and_a_place(tab: Tab) -> None:
    ask(tab, "All orders")
    run(tab, PER_STATUS)
    tab.click("#correct")
    tab.click("#schema .toggle")
    found = tab.names()
    tab.click("#tab-history")
    tab.click("#shortcuts")
    found += tab.names()
    tab.press("Escape")
    assert [role for role, name in found if role in NAMED and not name.strip()] == []
    assert {role for role, _ in found} >= {*NAMED, *PLACES}
    ids = tab.js("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids)) and set(tab.js(LEADING)) <= set(ids)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_contrast_is_aa(theme: str) -> None:
    """Of what the page has beside the report, whose test holds the colours that both use."""
    css = "".join((PAGE / name).read_text() for name in ("tokens.css", "style.css"))
    seen = colours(css, theme)
    pairs = [("on-accent", "tuned", 4.5), ("muted", "well", 4.5), ("ink", "hover", 4.5), ("muted", "hover", 4.5)]
    pairs += [("muted", "page", 4.5), ("base", "card", 3.0), ("tuned", "well", 3.0), ("gguf", "card", 4.5)]
    for one, two, least in pairs:
        assert contrast(seen[one], seen[two]) >= least, (one, two)
