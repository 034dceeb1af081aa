"""An answer in Markdown, as a program that shows Markdown reads it."""

from __future__ import annotations

import re
from html import unescape

import pytest
from markdown_it import MarkdownIt

from t2q.answering.answer import Answer
from t2q.serving.markdown import in_words


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        (None, "–"),
        (1.5, "1.5"),
        ("a | b || c", None),
        ("two\n\n    lines\t", "two lines"),
        ("![x](http://evil/?q=1) [y](javascript:alert(1))", None),
        ("<img src=x onerror=alert(1)> </td><script>1</script> <!-- x -->", None),
        ("`code` ``more`` *bold* _it_ __b__ ~~no~~ ~ &lt; &#60; & <3", None),
        ("unit_price_2 < 3 & a > b", None),
        ("back\\slash \\\\| \\` \\", None),
        ("# x", None),
        ("240. of them", None),
        ("> 3) - + x", None),
        ("-1.5", None),
        ({"a": [1, "<b>", None]}, '{"a": [1, "<b>", null]}'),
    ],
)
def test_stored_text_stays_text(cell: object, shown: str | None) -> None:
    """As markdown-it reads it, with HTML, tables and strikethrough on."""
    found = in_words(Answer("SELECT x", (str(cell), "b"), [(cell, "next")], words=str(cell or "")), "sql")
    html = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(found)
    assert [unescape(text) for text in re.findall("<td>(.*?)</td>", html)] == [shown or cell, "next"]
    assert set(re.findall(r"<(\w+)", html)) <= {"p", "pre", "code", "table", "thead", "tbody", "tr", "th", "td"}
    assert html.count("<code") == 1


def test_a_query_cannot_leave_its_block() -> None:
    query = "SELECT '```\n# heading'"
    assert in_words(Answer(query, ("x",), []), "sql") == f"````sql\n{query}\n````\n\nNo rows."


@pytest.mark.parametrize(
    ("rows", "truncated", "says"),
    [(20, False, None), (23, False, "… 3 more rows"), (23, True, "… more than 3 more rows")],
)
def test_the_first_rows_are_shown(rows: int, truncated: bool, says: str | None) -> None:
    found = in_words(Answer("SELECT x", ("x",), [(n,) for n in range(rows)], truncated), "sql").splitlines()
    assert found.count("| 19 |") == 1 and "| 20 |" not in found
    assert found[-1] == (says or "| 19 |")


def test_words_come_first_and_a_refusal_is_all_there_is() -> None:
    assert in_words(Answer("Q", ("x",), [], words="There are *none*."), "cypher") == (
        "There are \\*none\\*.\n\n```cypher\nQ\n```"
    )
    assert in_words(Answer("Q", ("n",), [(240,)], words="240."), "sql").startswith("240\n\n```sql\n")
    assert in_words(Answer("Q", abstained=True, reason="no boats"), "sql") == "I don't know: no boats"
