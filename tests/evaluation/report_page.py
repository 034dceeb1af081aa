"""A report to test with, and its page taken apart."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from t2q.evaluation.report import write_report

DATA = Path(__file__).parent / "data" / "report"
HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=document.title='owned'>\"'&amp;{{7*7}}"
_VOID = {"meta", "link", "input", "br", "line", "circle", "path"}

Report = dict[str, Any]
REPORT: Report = json.loads((DATA / "report.json").read_text())


class Page(HTMLParser):
    """The elements of a page: (tag, attributes, text inside), in the order of their start."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.elements: list[tuple[str, dict[str, str], list[str]]] = []
        self._open: list[tuple[str, dict[str, str], list[str]]] = []
        self.feed(self.html)
        assert not self._open, f"left open: {[tag for tag, _, _ in self._open]}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element: tuple[str, dict[str, str], list[str]] = (tag, {name: value or "" for name, value in attrs}, [])
        self.elements.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID:
            assert self._open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        for _, _, text in self._open:
            text.append(data)

    def find(self, tag: str, **attributes: str) -> list[str]:
        """The texts of the elements with these attributes (class_="a" as one of its classes), white space as one."""
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        return [
            " ".join("".join(text).split())
            for name, has, text in self.elements
            if name == tag
            and all(
                value in has.get(key, "").split() if key == "class" else has.get(key) == value
                for key, value in wanted.items()
            )
        ]

    def labels(self) -> list[str]:
        return [" ".join(a["aria-label"].split()) for _, a, _ in self.elements if "aria-label" in a]

    @property
    def data(self) -> dict[str, Any]:
        """What the page gives its script."""
        [payload] = self.find("script", id="data")
        return json.loads(payload)


def evaluated(tmp_path: Path) -> Path:
    """A folder as the evaluate stage leaves it, to be changed by a test."""
    return Path(shutil.copytree(DATA, tmp_path / "evaluate"))


def written(folder: Path, change: Callable[[Report], Any] | None = None) -> Page:
    """The page of a folder, after a change of its report.json."""
    if change:
        report = json.loads((folder / "report.json").read_text())
        change(report)
        (folder / "report.json").write_text(json.dumps(report))
    write_report(folder)
    return Page((folder / "report.html").read_text(encoding="utf-8"))


def add_hostile_answer(folder: Path, step: str) -> None:
    """A wrong answer of which every text tries to get out of where it is shown."""
    line = dict.fromkeys(("id", "question", "intent", "gold", "text", "prediction", "reason"), HOSTILE)
    with (folder / "predictions" / f"{step}.jsonl").open("a") as file:
        file.write(json.dumps(line | {"answerable": True, "correct": False, "executable": True}) + "\n")
