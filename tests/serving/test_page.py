"""The web page in a real browser: asking, rows, drawings, editing, feedback."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from t2q.log.interaction import Wanted
from tests import chromium
from tests.chromium import Tab
from tests.serving.browsing import ANSWERED, GROUPS, ask, cells, run, shown, texts, value, write
from tests.serving.page_server import HOSTILE, LONG, PER_STATUS, TEXTS, Writer
from tests.serving.server import HOLD, Serving

pytestmark = chromium.wanted

# ── asking


def test_a_query_appears_as_it_is_written_and_then_its_rows(tab: Tab, page: Serving) -> None:
    asker = page.asker
    assert isinstance(asker, Writer)
    asker.going_on.clear()
    try:
        write(tab, "#question", GROUPS)
        tab.press("Enter")
        half = " ".join(PER_STATUS.split(" ")[:4])
        tab.wait(f"document.querySelector('#query textarea').value === {json.dumps(half)}")
        assert shown(tab, "#stop") and not shown(tab, "#send") and not shown(tab, "#result")
    finally:
        asker.going_on.set()
    tab.wait(ANSWERED)
    assert value(tab, "#query textarea") == PER_STATUS
    assert texts(tab, "#query .keyword") == ["SELECT", "COUNT", "FROM", "GROUP", "BY"]
    assert tab.text(".words") == "Most of the orders are shipped."
    assert tab.text("#confidence") == "93 % sure"
    assert tab.text("#timing") == "Written in 0.4 s, run in 3 ms"
    assert (cells(tab), cells(tab, 1)) == (["open", "paid", "shipped"], ["1", "2", "3"])
    assert tab.text("#count") == "3 rows"
    assert tab.text("#said") == "Most of the orders are shipped."
    assert texts(tab, ".chart > title") == [
        "Bar chart of COUNT(*) by status: 3 values, from 1 (open) to 3 (shipped). The table has all of them."
    ]
    assert texts(tab, ".chart .axis") == ["status", "COUNT(*)"] and texts(tab, ".chart .value") == ["1", "2", "3"]


def test_examples_are_made_from_the_schema_and_can_be_asked(tab: Tab) -> None:
    examples = texts(tab, "#examples button")
    assert examples[:2] == [GROUPS, "What is the average n of the numbers?"]
    assert examples[2] == "How many orders have the status shipped?"
    tab.click("#examples button")
    tab.wait(ANSWERED)
    assert cells(tab) == ["open", "paid", "shipped"] and not shown(tab, "#examples")
    assert tab.js("document.activeElement.id") == "answer"


def test_what_was_mended_and_what_was_asked_again_is_said(tab: Tab) -> None:
    ask(tab, "How many orders are there?")
    assert tab.text("#notes").splitlines() == [
        "Asked again, since the schema has it. At first the model said: there are no orders",
        "Put right by the schema. The model wrote: MATCH (o:Order) RETURN count(o)",
    ]
    assert tab.text(".figure .value") == "6" and not shown(tab, ".table")


@pytest.mark.parametrize(
    ("question", "reason", "kind", "query"),
    [
        ("What is the weather?", "This is not about the database.", "The model declined.", ""),
        ("Delete all", "Only SELECT may run, not DELETE.", "Stopped by the guard.", "DELETE FROM orders"),
        ("Unsure", "It is not sure of this query.", "Not sure enough.", PER_STATUS),
    ],
)
def test_why_there_is_no_answer(tab: Tab, question: str, reason: str, kind: str, query: str) -> None:
    ask(tab, question)
    assert tab.text(".declined .value") == "I don't know"
    assert reason in tab.text(".declined .reason")
    assert tab.text(".declined .kind") == kind and tab.text(".declined .hint")
    assert tab.text("#said").startswith("I don't know: ") and reason in tab.text("#said")
    assert shown(tab, "#query") == bool(query) and value(tab, "#query textarea") == query
    assert not shown(tab, ".both") and not shown(tab, "#takeaway")


def test_a_query_that_the_model_was_not_sure_of_can_be_run(tab: Tab) -> None:
    ask(tab, "Unsure")
    assert tab.text("#confidence .told") == "61 % sure; an answer is given from 90 %"
    tab.click("#rerun")
    tab.wait("document.querySelector('.chart')")
    assert cells(tab) == ["open", "paid", "shipped"] and not shown(tab, ".declined")
    assert tab.text("#h-feedback") == "Was the model right?"


def test_an_answer_without_rows_is_no_refusal(tab: Tab) -> None:
    ask(tab, "Old orders")
    assert tab.text("#count") == "The query ran, and nothing fits it: no rows."
    assert not shown(tab, ".declined") and not shown(tab, "#download")


def test_a_question_can_be_stopped(tab: Tab) -> None:
    write(tab, "#question", HOLD)
    tab.press("Enter")
    tab.wait("document.querySelector('#query textarea').value === 'SELECT'")
    tab.press("Escape")
    tab.wait("document.querySelector('#said').textContent === 'Stopped.'")
    assert shown(tab, "#send") and tab.text("#timing") == "Stopped."


def test_a_new_question_takes_the_place_of_the_one_before(tab: Tab, page: Serving) -> None:
    write(tab, "#question", HOLD)
    tab.press("Enter")
    tab.wait("document.querySelector('#query textarea').value === 'SELECT'")
    ask(tab, GROUPS)
    page.asker.release()
    ask(tab, "How many orders are there?")
    assert tab.text(".figure .value") == "6" and value(tab, "#query textarea") == "SELECT COUNT(*) FROM orders"
    assert not shown(tab, "#trouble")


# ── rows


def test_rows_can_be_sorted_and_null_is_told_from_empty(tab: Tab) -> None:
    ask(tab, "All orders")
    header = "#result th:nth-child({})"
    for column, direction, first in (
        (2, "ascending", ["2.25", "7", "9", "10.5", "33", "100"]),
        (2, "descending", ["100", "33", "10.5", "9", "7", "2.25"]),
        (2, "none", ["10.5", "9", "100", "2.25", "33", "7"]),
    ):
        tab.click(f"{header.format(column)} button")
        assert tab.js(f"document.querySelector('{header.format(column)}').ariaSort") == direction
        assert cells(tab, 1) == first
    tab.click(f"{header.format(3)} button")
    assert cells(tab, 2)[0] == "empty text" and cells(tab, 2)[-1] == "null"
    aligned = "getComputedStyle(document.querySelector('#result td:nth-child({})')).textAlign"
    assert [tab.js(aligned.format(column)) for column in (1, 2, 3)] == ["right", "right", "left"]


def test_a_long_text_is_folded_and_can_be_read(tab: Tab) -> None:
    ask(tab, "All orders")
    tab.click(".fold")
    assert shown(tab, "#whole") and tab.text("#whole pre") == LONG and tab.text("#h-whole") == "note"
    tab.press("Escape")
    assert not shown(tab, "#whole") and tab.js("document.activeElement.className") == "fold"


def test_what_is_not_folded_is_seen_whole(tab: Tab) -> None:
    ask(tab, GROUPS)
    run(tab, f"SELECT '{'W' * 48}', '{'漢' * 48}' AS a, 'i' AS b, 1 AS \"{'wide name ' * 20}\"")
    cut = (
        "[...document.querySelectorAll('#result td')].filter(e => e.scrollWidth > e.clientWidth).map(e => e.innerText)"
    )
    assert tab.js(cut) == [] and tab.js("document.querySelectorAll('#result td').length") == 4
    assert tab.js("document.documentElement.scrollWidth <= innerWidth")


def test_only_the_rows_in_sight_are_in_the_page(tab: Tab) -> None:
    ask(tab, "Many numbers")
    assert tab.text("#count") == "The first 1,000 rows; there are more."
    assert len(cells(tab)) < 60
    tab.js("document.querySelector('.scroll').scrollTop = 1e6")
    tab.wait("[...document.querySelectorAll('#result td')].some(e => e.textContent === '1000')")
    assert len(cells(tab)) < 60
    took = tab.js("""(async () => {
      const { Rows } = await import('/page/table.js');
      const place = document.querySelector('.scroll');
      const rows = Array.from({ length: 20000 }, (_, i) => [i, `name ${i * 7919 % 20000}`, null, i / 3]);
      const start = performance.now();
      const table = new Rows(place, () => {});
      table.show(['a', 'b', 'c', 'd'], rows);
      document.querySelector('#result th:nth-child(2) button').click();
      place.scrollTop = 300000;
      await new Promise(requestAnimationFrame);
      return [performance.now() - start, place.querySelectorAll('tr').length, table.inOrder[19999][1]];
    })()""")
    assert took[0] < 2000 and took[1] < 70 and took[2] == "name 19999"


def test_rows_can_be_taken_away(tab: Tab, tmp_path: Path, page: Serving) -> None:
    tab.call("Browser.grantPermissions", permissions=["clipboardReadWrite"], origin=page.url)
    tab.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    ask(tab, "All orders")
    tab.click("#result th:nth-child(2) button")
    lines = ["id,total,note", f'4,2.25,"{HOSTILE}"', "6,7,'=1+2", '2,9,""', "1,10.5,", "5,33,12", f'3,100,"{LONG}"']
    lines = [line.replace(f'"{HOSTILE}"', HOSTILE) for line in lines]
    tab.click("[data-copy=csv]")
    tab.wait("document.querySelector('#said').textContent === '6 rows copied.'")
    assert tab.js("navigator.clipboard.readText()").splitlines() == lines
    tab.click("[data-copy=tsv]")
    tab.wait("navigator.clipboard.readText().then(text => text.startsWith('id\\ttotal\\tnote'))")
    tab.click("#download")
    file = tmp_path / "all-orders.csv"
    end = time.monotonic() + 10
    while not file.exists() and time.monotonic() < end:
        time.sleep(0.02)
    assert file.read_text(encoding="utf-8-sig").splitlines() == lines


SHAPES: list[tuple[list[str], list[list[Any]], tuple[str, list[str]] | None]] = [
    (["n"], [[7]], ("figure", [])),
    (["name"], [["Ada"]], None),
    (["city", "n"], [["Oslo", 3], ["Bergen", 1]], ("bars", ["Oslo", "Bergen"])),
    (["n", "city"], [[3, "Oslo"], [1, None]], ("bars", ["Oslo", "null"])),
    (["city", "n"], [["Oslo", 3], ["Oslo", 1]], None),
    (["city", "n"], [["Oslo", 3], ["Bergen", None]], None),
    (["name", "customer_id"], [["Ada", 3], ["Bob", 1]], None),
    (["city", "n"], [[str(i), i] for i in range(40)], None),
    (
        ["day", "n"],
        [["2024-03-01", 1], ["2024-01-01", 2], ["2024-02-01", 3]],
        ("line", ["2024-01-01", "2024-02-01", "2024-03-01"]),
    ),
    (["year", "n"], [[2023, 1], [2021, 2], [2022, 3]], ("line", ["2021", "2022", "2023"])),
    (["year", "n"], [["2023", 1], ["2024", 2]], ("bars", ["2023", "2024"])),
    (["x", "y"], [[3, 1], [2, 5], [1, 9]], ("line", ["1", "2", "3"])),
    (["x", "y"], [[3, 1], [1, 5], [2, 9]], None),
    (["id", "y"], [[1, 1], [2, 5], [3, 9]], None),
    (["a", "b", "n"], [["x", "y", 1], ["z", "y", 2]], None),
]


def test_a_drawing_is_made_where_the_result_has_its_shape(tab: Tab) -> None:
    for columns, rows, wanted in SHAPES:
        found = tab.js(f"import('/page/shape.js').then(m => m.shapeOf({json.dumps(columns)}, {json.dumps(rows)}))")
        assert (found and (found["kind"], [p["label"] for p in found.get("points", [])])) == wanted, (columns, rows)


def test_a_line_is_drawn_over_dates_and_again_where_the_window_is_narrower(tab: Tab) -> None:
    ask(tab, GROUPS)
    run(tab, "SELECT ordered_on, total FROM orders ORDER BY total")
    assert texts(tab, ".chart g title")[:2] == ["2024-01-05: 10.5", "2024-02-11: 9"]
    assert texts(tab, ".chart > title")[0].startswith("Line chart of total by ordered_on: 6 values, from 2.25 (")
    before = tab.js("document.querySelector('.chart').clientWidth")
    tab.size(400, 900)
    tab.wait(f"document.querySelector('.chart').clientWidth < {before}")
    tab.wait("document.querySelector('.chart').getAttribute('width') <= document.querySelector('.drawing').clientWidth")


def test_numbers_of_any_size_fit_beside_their_bars(tab: Tab) -> None:
    tab.size(320, 900)
    ask(tab, GROUPS)
    run(tab, "SELECT status, SUM(total) * (CASE status WHEN 'paid' THEN -1 ELSE 1 END) * 1e12 FROM orders GROUP BY 1")
    assert texts(tab, ".chart .value") == ["10.5T", "-109T", "42.25T"]
    sides = (
        "[...document.querySelectorAll('.chart .bar')].map(e => e.getBoundingClientRect()).map(r => [r.left, r.right])"
    )
    (zero, first), (negative, end), (start, last) = tab.js(sides)
    assert 0 < negative < end == zero == start < first < last < 320


# ── editing, rating, correcting


def test_a_query_can_be_edited_and_run_again(tab: Tab) -> None:
    ask(tab, "How many orders are there?")
    run(tab, PER_STATUS)
    assert cells(tab) == texts(tab, ".chart .label") == ["open", "paid", "shipped"]
    assert texts(tab, "#notes li") == []
    run(tab, "SELECT stattus FROM orders")
    assert tab.text(".declined .value") == "Stopped by the guard"
    assert tab.text(".declined .reason") == "The database has no column orders.stattus."
    tab.click("#undo-edit")
    assert value(tab, "#query textarea") == TEXTS["How many orders are there?"]
    tab.click("#rerun")
    tab.wait("document.querySelector('.figure').checkVisibility()")
    assert tab.text(".figure .value") == "6"


def test_integers_beyond_those_of_javascript_stay_exact(tab: Tab) -> None:
    ask(tab, GROUPS)
    run(tab, "SELECT id, 9007199254740993 AS big, 103.46 - 100 AS small FROM orders WHERE id < 3")
    assert (cells(tab, 1), cells(tab, 2)) == (["9007199254740993"] * 2, ["3.46"] * 2)


def test_an_answer_can_be_rated_and_the_rating_taken_back(tab: Tab, page: Serving) -> None:
    ask(tab, GROUPS)
    up, down = "[data-rating=up]", "[data-rating=down]"
    for click, pressed, rating in (
        (up, [True, False], "up"),
        (down, [False, True], "down"),
        (down, [False, False], None),
    ):
        before = tab.text("#thanks")
        tab.click(click)
        tab.wait(f"document.querySelector('#thanks').textContent !== {json.dumps(before)}")
        assert tab.js("[...document.querySelectorAll('[data-rating]')].map(e => e.ariaPressed === 'true')") == pressed
        assert next(page.log.find(Wanted(text=GROUPS))).rating == rating


def test_a_correction_is_tried_before_it_is_kept(tab: Tab, page: Serving) -> None:
    ask(tab, "How many orders are there?")
    tab.click("#correct")
    assert value(tab, "#correction textarea") == TEXTS["How many orders are there?"]
    write(tab, "#correction textarea", "DROP TABLE orders")
    tab.click("#correction .primary")
    tab.wait("document.querySelector('#refused').textContent")
    assert tab.failed == [422] and shown(tab, "#correction")
    write(tab, "#correction textarea", "SELECT COUNT(*) FROM orders WHERE total > 5")
    tab.press("Control+Enter")
    tab.wait("document.querySelector('#thanks').textContent.startsWith('Kept')")
    assert not shown(tab, "#correction")
    [kept] = page.log.find(Wanted(corrected=True))
    assert kept.correction == "SELECT COUNT(*) FROM orders WHERE total > 5"
