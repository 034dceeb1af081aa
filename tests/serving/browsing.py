"""What somebody does with the web page."""

from __future__ import annotations

import json

from tests.chromium import Tab
from tests.serving.server import Serving

GROUPS = "How many orders are there for each status?"
ANSWERED = "document.querySelector('#answer').ariaBusy === 'false' && !document.querySelector('#result').hidden"


def opened(tab: Tab, server: Serving) -> None:
    tab.open(server.url)
    tab.wait("document.querySelector('#run').textContent === 'shop'")


def ask(tab: Tab, question: str) -> None:
    write(tab, "#question", question)
    tab.press("Enter")
    tab.wait(ANSWERED)


def run(tab: Tab, query: str) -> None:
    write(tab, "#query textarea", query)
    tab.press("Control+Enter")
    tab.wait(ANSWERED)


def write(tab: Tab, selector: str, text: str) -> None:
    """In place of what stands there."""
    tab.js(f"document.querySelector({json.dumps(selector)}).select()")
    tab.type(text)


def cells(tab: Tab, column: int = 0) -> list[str]:
    rows = "document.querySelectorAll('#result tbody tr:not(.gap)')"
    return tab.js(f"[...{rows}].map(row => row.children[{column}].innerText)")


def shown(tab: Tab, selector: str) -> bool:
    return tab.js(f"document.querySelector({json.dumps(selector)}).checkVisibility()")


def texts(tab: Tab, selector: str) -> list[str]:
    """Of all such elements, also of those that are drawn."""
    return tab.js(f"[...document.querySelectorAll({json.dumps(selector)})].map(element => element.textContent)")


def value(tab: Tab, selector: str) -> str:
    """What stands in a field."""
    return tab.js(f"document.querySelector({json.dumps(selector)}).value")


def focused(tab: Tab) -> str:
    """What a screen reader calls the control that has the focus."""
    return tab.js(
        "(e => e.labels?.[0]?.innerText || e.ariaLabel || e.innerText.split('\\n')[0])(document.activeElement)"
    )
