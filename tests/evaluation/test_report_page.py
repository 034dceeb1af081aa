"""The HTML report as a page: escaped, self-contained, accessible, and working in a browser."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import struct
import subprocess
from pathlib import Path

import pytest

from t2q.evaluation.report.failures import LONGEST
from tests import chromium
from tests.contrast import colours, contrast

from .report_page import HOSTILE, Page, Report, add_hostile_answer, evaluated, written


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return evaluated(tmp_path)


@pytest.fixture
def page(folder: Path) -> Page:
    return written(folder)


def _hostile(report: Report) -> None:
    report.update(dict.fromkeys(("name", "base", "database", "profile", "language"), HOSTILE))
    report["by_intent"]["tuned"][HOSTILE] = [1, 2]


def test_every_text_is_escaped(folder: Path) -> None:
    add_hostile_answer(folder, "tuned")
    page = written(folder, _hostile)
    assert page.find("h1") == [HOSTILE]
    assert len(page.find("script")) == 2
    assert not page.find("img")
    assert page.data["questions"][-1]["question"] == HOSTILE
    assert HOSTILE in page.data["texts"]


def test_the_page_loads_nothing(page: Page) -> None:
    for tag, attributes, _ in page.elements:
        assert "src" not in attributes and "srcset" not in attributes, tag
        assert attributes.get("href", "#").startswith(("#", "data:,")), tag
        assert not [name for name in attributes if name.startswith("on")], tag
    [style] = page.find("style")
    assert "url(" not in style and "@import" not in style
    [policy] = [a["content"] for _, a, _ in page.elements if a.get("http-equiv") == "Content-Security-Policy"]
    script = page.html.rsplit('<script type="module">', 1)[1].split("</script>")[0]
    assert f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" in policy
    assert policy.startswith("default-src 'none';")


def test_250_wrong_answers_in_6_steps_stay_under_2_mb(folder: Path) -> None:
    report = json.loads((folder / "report.json").read_text())
    report["steps"] = {f"step-{i}": report["steps"]["base"] for i in range(6)}
    (folder / "report.json").write_text(json.dumps(report))
    for step in report["steps"]:
        lines = []
        for i in range(250):
            query = f"SELECT {step}, {', '.join(f'column_{n + i}' for n in range(35))} FROM t"
            line = {"id": i, "question": f"question {i}", "intent": "list", "answerable": True, "gold": query}
            lines.append(line | {"text": f"```sql\n{query}\n```", "prediction": query, "reason": "other values"})
        lines[0]["text"] = "x" * 100_000
        (folder / "predictions" / f"{step}.jsonl").write_text("\n".join(map(json.dumps, lines)))
    page = written(folder)
    assert len(page.data["failures"]) == 1500
    assert f"{'x' * LONGEST} … ({100_000 - LONGEST} more characters)" in page.data["texts"]
    assert (folder / "report.html").stat().st_size < 2_000_000


def test_ids_are_unique_and_labels_lead_somewhere(page: Page) -> None:
    ids = [attributes["id"] for _, attributes, _ in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for tag, attributes, _ in page.elements:
        assert attributes.get("aria-labelledby", ids[0]) in ids
        if attributes.get("role") == "img":
            assert attributes.get("aria-label") or attributes.get("aria-labelledby"), tag
    assert len(page.find("label")) == len(page.find("select")) + len(page.find("input"))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_contrast_is_aa(page: Page, theme: str) -> None:
    [style] = page.find("style")
    shown = colours(style, theme)
    texts = ("ink", "muted", "tuned", "gguf", "good", "bad")
    pairs = [(text, ground, 4.5) for text in texts for ground in ("card", "page")]
    pairs += [(text, "well", 4.5) for text in ("ink", "muted", "bad", "keyword", "string", "number")]
    pairs += [(text, "mark", 4.5) for text in ("ink", "keyword", "string", "number")]
    pairs += [(shape, "card", 3.0) for shape in ("base", "tuned", "gguf", "good", "bad", "range")]
    for one, two, least in pairs:
        assert contrast(shown[one], shown[two]) >= least, (one, two)


# ── in a real browser


def browse(folder: Path, address: str = "") -> tuple[Page, list[str]]:
    """The page once its script has run, and what the browser's console says."""
    url = f"{(folder / 'report.html').as_uri()}#{address}"
    command = [chromium.PATH or "", *chromium.FLAGS, "--enable-logging=stderr"]
    command += [f"--user-data-dir={folder / 'browser'}", "--dump-dom", url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=True)
    return Page(done.stdout), [line for line in done.stderr.splitlines() if "CONSOLE" in line]


@chromium.wanted
def test_the_address_filters_the_failures(folder: Path) -> None:
    written(folder)
    page, console = browse(folder, "step=gguf-q4_k_m&kind=wrong+number+of+columns&q=Gen%C3%A8ve")
    assert console == []
    assert page.find("p", class_="count") == ["1 failure"]
    assert page.find("h3") == ["which customers live in Genève"]
    assert page.find("mark") == [",", "city"]
    assert "✗ GGUF Q4_K_M" in page.find("li", class_="wrong") and "✓ HF" in page.find("li", class_="right")
    # each filter offers what the others leave
    assert {"every step (1)", "GGUF Q4_K_M (1)", "tuned (0)", "list (1)", "top (0)"} <= set(page.find("option"))


@chromium.wanted
def test_a_hostile_answer_is_shown_and_not_run(folder: Path) -> None:
    add_hostile_answer(folder, "tuned")
    written(folder, _hostile)
    page, console = browse(folder, "step=tuned&kind=nonsense&q=owned")
    assert console == []
    assert page.find("p", class_="count") == ["1 failure"]
    assert page.find("h3") == [HOSTILE]
    assert page.find("title")[0] == f"{HOSTILE} · t2q report"
    assert not page.find("img")


@chromium.wanted
def test_a_script_that_got_in_would_not_run(folder: Path) -> None:
    html = written(folder).html.replace("</body>", "<script>document.title = 'owned'</script></body>")
    (folder / "report.html").write_text(html)
    page, console = browse(folder)
    assert page.find("title")[0] == "shop-sql · t2q report"
    assert len(console) == 1 and "Content Security Policy" in console[0]


@chromium.wanted
def test_the_form_filters_and_writes_the_address(folder: Path) -> None:
    """With the policy taken out, so that a script of the test can use the form."""
    use = """
    const form = document.querySelector("form"), seen = [];
    const look = () => seen.push(`${document.querySelector(".count").textContent} ${location.hash}`);
    const change = (name, value) => {
      form.elements[name].value = value;
      form.elements[name].dispatchEvent(new Event(name === "q" ? "input" : "change", { bubbles: true }));
      look();
    };
    look();
    change("step", "base"); change("intent", "list"); change("q", "MÜLLER"); change("intent", ""); change("step", "");
    form.querySelector("button").click(); look();
    const told = Object.assign(document.createElement("pre"), { id: "seen", textContent: JSON.stringify(seen) });
    document.body.append(told);
    """
    html = re.sub(r"<meta http-equiv=[^>]*>", "", written(folder).html)
    (folder / "report.html").write_text(html.replace("</body>", f'<script type="module">{use}</script></body>'))
    page, console = browse(folder)
    assert console == []
    assert json.loads(page.find("pre", id="seen")[0]) == [
        "1 failure ",
        "5 failures #step=base",
        "1 failure #step=base&intent=list",
        "0 failures #step=base&intent=list&q=M%C3%9CLLER",
        "1 failure #step=base&q=M%C3%9CLLER",
        "3 failures #q=M%C3%9CLLER",
        "10 failures #step=",
    ]


@chromium.wanted
def test_the_picture_for_the_readme(folder: Path) -> None:
    written(folder)
    script = Path(__file__).parents[2] / "scripts" / "picture.sh"
    subprocess.run([script, folder / "report.html", folder / "picture.png"], timeout=240, check=True)
    head = (folder / "picture.png").read_bytes()[:24]
    assert head.startswith(b"\x89PNG") and struct.unpack(">II", head[16:]) == (1280, 1190)
