"""The HTML report: figures as in report.json, the loss curve, failures and their kinds, parts missing."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from t2q.databases.base import Result
from t2q.errors import ExecutionFailed, NotReadOnly, QueryError, QueryTimeout, StageError, SyntaxRefused, UnknownName
from t2q.evaluation.comparison import same_result
from t2q.evaluation.predictions import Prediction
from t2q.evaluation.report import write_report
from t2q.evaluation.report.failures import kind
from t2q.evaluation.report.loss_curve import loss_curve
from t2q.evaluation.report.risk_curve import risk_curve
from t2q.evaluation.report.scores import METRICS
from t2q.summary import COLUMNS

from .report_page import DATA, REPORT, Page, Report, evaluated, written


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return evaluated(tmp_path)


@pytest.fixture
def page(folder: Path) -> Page:
    return written(folder)


def percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"


def test_the_table_has_every_score_of_report_json(page: Page) -> None:
    for step, scores in REPORT["steps"].items():
        for metric in METRICS:
            value = scores[metric.key]
            expected = percent(value) if metric.key != "answers_per_second" else f"{value:g}" if value else "–"
            assert page.find("td", data_step=step, data_score=metric.key) == [expected], (step, metric.key)


def test_what_the_schema_put_right_is_shown_where_there_is_any(folder: Path) -> None:
    assert "Put right" not in written(folder).find("th")
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    report["steps"]["tuned"]["mended"] = 0.125
    (folder / "report.json").write_text(json.dumps(report), encoding="utf-8")
    path = folder / "predictions" / "tuned.jsonl"
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    wrong = next(line for line in lines if not line["correct"])
    wrong["mended"] = "SELECT what, was, run"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    page = written(folder)
    assert page.find("td", data_step="tuned", data_score="mended") == ["12.5 %"]
    assert "SELECT what, was, run" in (folder / "report.html").read_text(encoding="utf-8")


def test_scores_are_those_of_the_summary_in_the_terminal() -> None:
    keys = [metric.key for metric in METRICS]
    assert set(COLUMNS.values()) <= set(keys)
    assert set(keys) == {key for key in REPORT["steps"]["tuned"] if not key.endswith("_interval")}


def test_the_headline(page: Page) -> None:
    assert page.find("h1") == ["shop-sql"]
    assert page.find("p", class_="value") == ["75.0 %", "25.0 %", "50.0 %", "50.0 %"]
    assert page.find("p", class_="lead") == ["t2q/pico fine-tuned to write SQL for sqlite:///data/shop.sqlite"]
    assert page.find("dd") == ["4", "2", "cpu", "2026-11-20"]
    [tuned] = page.find("div", class_=["tile", "tuned"][1])[:1]
    assert tuned == "tuned 75.0 % execution accuracy 95 % interval 30.1 to 95.4"


def test_charts_say_their_figures(page: Page) -> None:
    labels = page.labels()
    assert (
        "Execution accuracy: base 25.0 % (95 % interval 4.6 to 69.9), tuned 75.0 % (95 % interval 30.1 to 95.4)"
        in labels
    )
    assert "Google BLEU: base 44.2 %, tuned 88.1 %" in labels
    assert "join: base 100.0 %, tuned 0.0 %, GGUF Q4_K_M 100.0 %; of 1" in labels
    assert any("GGUF Q4_K_M declined, of the unanswerable: GGUF Q4_K_M 50.0 %; of the ans" in label for label in labels)


def test_conversions_against_their_limits(page: Page) -> None:
    rows = page.find("tr")
    assert "HF 75.0 % 0.0 ✓ 0.5 0 0 100.0 % 3.1e-13 0" in rows
    assert "GGUF Q4_K_M 50.0 % 25.0 ✓ 30.0 2 1 – 0.00913 0.857" in rows


def test_a_conversion_within_its_limit_is_good(page: Page) -> None:
    assert page.find("p", class_="good") == ["✓ Every conversion stayed within what the recipe allows it to lose."]


def test_no_praise_where_a_conversion_could_not_be_checked(folder: Path) -> None:
    page = written(folder, lambda report: report["limits"].pop("hf"))
    assert not page.find("p", class_="good") and not page.find("p", class_="bad")


def test_a_conversion_over_its_limit_is_told(folder: Path) -> None:
    page = written(folder, lambda report: report["limits"].update(q4_k_m=0.02))
    assert page.find("p", class_="bad") == ["✗ GGUF Q4_K_M lost 25.0 points, 2.0 are allowed."]
    assert not page.find("p", class_="good")


def test_a_loss_equal_to_the_limit_is_within_it(folder: Path) -> None:
    def change(report: Report) -> None:
        report["steps"]["tuned"]["execution_accuracy"] = report["steps"]["hf"]["execution_accuracy"] = 0.91
        report["steps"]["gguf-q4_k_m"]["execution_accuracy"] = 0.89  # 0.91 - 0.89 is 0.020000000000000018
        report["limits"]["q4_k_m"] = 0.02

    assert written(folder, change).find("p", class_="good")


def test_why_answers_were_wrong(page: Page) -> None:
    assert {"unknown name 1 1 0", "answered the unanswerable 2 0 1", "declined 0 0 1"} <= set(page.find("tr"))


# ── the loss curve


def test_the_loss_curve_has_each_validation(page: Page) -> None:
    titles = page.find("title")
    assert titles[1] == "Loss over 10 steps, logarithmic: train from 2.31 to 0.058, last validation 0.0913"
    assert [title.split()[-1] for title in titles[2:]] == ["2.4", "0.187", "0.0913"]
    assert len(page.find("circle")) == 3


def test_what_a_quantised_training_was_merged_into_is_told(folder: Path) -> None:
    """report.json says which base, and what either would have cost."""
    report = json.loads((folder / "report.json").read_text())
    losses = {"original": 0.0871, "rounded": 0.0854}
    (folder / "report.json").write_text(json.dumps(report | {"merge": {"onto": "rounded", "losses": losses}}))
    told = " ".join(written(folder).find("p"))
    assert "merged into the rounded base: validation loss 0.0854, against 0.0871 into the original one." in told
    (folder / "report.json").write_text(json.dumps(report | {"merge": {"onto": "original"}}))
    assert "merged into the original base." in " ".join(written(folder).find("p"))


def test_without_losses_there_is_no_curve(folder: Path) -> None:
    (folder / "losses.jsonl").unlink()
    assert not written(folder).find("svg")


@pytest.mark.parametrize(
    "lines",
    [
        [{"step": 1, "loss": 0.0}],
        [{"step": 1, "loss": 0.7}, {"step": 2, "loss": 0.7}],
        [{"step": 0, "validation": 0.3}],
        [{"step": i, "loss": 100 / i} for i in range(1, 20_001)],
        [{"step": 1, "loss": float("nan")}, {"step": 2, "loss": 1.0, "validation": None}],
    ],
    ids=["zero", "flat", "validation only", "long", "not finite"],
)
def test_odd_losses_are_drawn_inside_the_picture(lines: list[dict[str, Any]]) -> None:
    curve = loss_curve(lines)
    assert curve is not None
    numbers = [float(n) for path in (curve.train, curve.trend) for n in re.findall(r"-?[\d.]+", path)]
    xs, ys = numbers[::2], numbers[1::2]
    assert all(curve.left <= x <= curve.right for x in xs) and all(curve.top <= y <= curve.bottom for y in ys)
    assert len(numbers) <= 4 * 300
    assert 1 <= len(curve.y_ticks) <= 10 and 1 <= len(curve.x_ticks) <= 10
    assert all(curve.top - 1 <= y <= curve.bottom + 1 for y, _ in curve.y_ticks)


def test_no_finite_loss_no_curve() -> None:
    assert loss_curve([{"step": 1, "loss": float("inf")}]) is None


# ── failures


def test_the_page_carries_every_wrong_answer(page: Page) -> None:
    data = page.data
    lines = {
        (path.stem, line["id"]): line
        for path in (DATA / "predictions").iterdir()
        for line in map(json.loads, path.read_text().splitlines())
    }
    found = {}
    for failure in data["failures"]:
        question = data["questions"][failure["question"]]
        found[data["steps"][failure["step"]]["key"], question["id"]] = (
            question["question"],
            question["gold"],
            *(data["texts"][failure[key]] for key in ("prediction", "text", "reason")),
        )
    assert found == {
        key: tuple(line[part] for part in ("question", "gold", "prediction", "text", "reason"))
        for key, line in lines.items()
        if not line["correct"]
    }
    assert [question["outcomes"] for question in data["questions"]] == ["-+++", "-++-", "-++-", "+--+", "-+++", "-++-"]


def _answer(reason: str, answerable: bool = True, executable: bool = True, declined: bool = False) -> Prediction:
    return Prediction(1, "", "", answerable, "", "", "", False, reason, executable, declined)


def _result(columns: str, *rows: tuple[int, ...]) -> Result:
    return Result(tuple(columns), list(rows))


@pytest.mark.parametrize(
    ("prediction", "expected"),
    [
        (_result("ab", (1, 2), (2, 3)), "wrong number of columns"),
        (_result("a", (1,)), "wrong number of rows"),
        (_result("a", (2,), (1,)), "wrong order"),
        (_result("a", (1,), (3,)), "wrong values"),
    ],
)
def test_kinds_of_the_comparison(prediction: Result, expected: str) -> None:
    verdict = same_result(prediction, _result("a", (1,), (2,)), ordered=True)
    assert kind(_answer(verdict.reason)) == expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (SyntaxRefused, "does not parse"),
        (NotReadOnly, "not read-only"),
        (UnknownName, "unknown name"),
        (QueryTimeout, "timeout"),
        (ExecutionFailed, "execution error"),
    ],
)
def test_kinds_of_the_errors(error: type[QueryError], expected: str) -> None:
    assert kind(_answer(f"{error.kind}: some words", executable=False)) == expected


def test_kinds_without_a_known_reason() -> None:
    assert kind(_answer("whatever", answerable=False)) == "answered the unanswerable"
    assert kind(_answer("whatever", declined=True)) == "declined"
    assert kind(_answer("whatever", executable=False)) == "does not run"
    assert kind(_answer("whatever")) == "other"


# ── parts missing


def _only_names(report: Report) -> None:
    for key in list(report):
        if key not in ("name", "language", "base"):
            del report[key]


def _all_null(report: Report) -> None:
    for scores in report["steps"].values():
        scores.update(dict.fromkeys(scores))
    report.update(
        dict.fromkeys(("n_answerable", "n_unanswerable", "by_intent", "parity", "limits", "database", "made"))
    )


def _nulls_deep(report: Report) -> None:
    report["by_intent"]["tuned"]["join"] = [None, None]
    report["by_intent"]["base"] = None
    report["parity"]["hf"] = dict.fromkeys(report["parity"]["hf"])
    report["limits"]["q4_k_m"] = None
    report["steps"]["tuned"]["execution_accuracy_interval"] = [None, None]
    report["steps"]["hf"] = None


@pytest.mark.parametrize("change", [_only_names, _all_null, _nulls_deep])
def test_parts_may_be_missing_or_null(folder: Path, change: Callable[[Report], None]) -> None:
    page = written(folder, change)
    assert page.find("h1") == ["shop-sql"]
    assert "None" not in page.html.split("<script", 1)[0]


@pytest.mark.parametrize("kept", [["base"], ["tuned"], ["base", "tuned"], ["gguf-q4_k_m"]])
def test_steps_may_be_missing(folder: Path, kept: list[str]) -> None:
    page = written(folder, lambda report: report.update(steps={step: report["steps"][step] for step in kept}))
    assert [step["key"] for step in page.data["steps"]] == kept
    shown = page.find("p", class_="value")
    assert shown[: len(kept)] == [percent(REPORT["steps"][s]["execution_accuracy"]) for s in reversed(kept)]


def test_predictions_of_a_step_may_be_missing(folder: Path) -> None:
    shutil.rmtree(folder / "predictions")
    page = written(folder)
    assert page.data["failures"] == []
    assert page.find("td", data_step="hf", data_score="execution_accuracy") == ["75.0 %"]


def test_what_cannot_be_read_is_one_line(folder: Path) -> None:
    with (folder / "predictions" / "tuned.jsonl").open("a") as file:
        file.write('{"id": "q7", "quest')
    with pytest.raises(StageError, match=r"tuned\.jsonl: line 7 is not JSON"):
        write_report(folder)
    (folder / "report.json").write_text("[]")
    with pytest.raises(StageError, match="holds no JSON object"):
        write_report(folder)
    (folder / "report.json").unlink()
    with pytest.raises(StageError, match=r"report\.json is missing"):
        write_report(folder)


def test_the_risk_is_shown_where_it_was_measured(folder: Path) -> None:
    assert "How sure it has to be" not in written(folder).find("h2")
    path = folder / "report.json"
    report = json.loads(path.read_text(encoding="utf-8"))
    report["abstention"] = {
        "step": "gguf-q4_k_m", "asked_for": 0.95, "threshold": 0.8, "given": 2, "wrong": 0.0, "coverage": 0.5,
        "declined": 1.0, "precision": 1.0, "coverage_at_95": 0.4, "curve": [[0.1, 0.0], [0.2, 0.0], [0.3, 0.3333]],
    }  # fmt: skip
    path.write_text(json.dumps(report), encoding="utf-8")
    page = written(folder)
    assert "How sure it has to be" in page.find("h2")
    [note] = [text for text in page.find("p", class_="note") if text.startswith("Asked of")]
    assert "50.0 % of the answerable questions answered, 100.0 % of the answers right" in note
    assert any("surest first" in text for text in page.find("title"))
    assert "the threshold of this run" in page.find("title")


def test_what_the_guide_does_is_shown_where_it_was_measured(folder: Path) -> None:
    assert "What the guide does" not in written(folder).find("h2")
    path = folder / "report.json"
    report = json.loads(path.read_text(encoding="utf-8"))
    report["abstention"] = {"step": "gguf-q4_k_m"}
    figures = {"questions": 96, "execution_accuracy": 0.75, "invalid": 0.125}
    report["guidance"] = {"free": figures | {"tokens_per_second": 310.4}, "guided": figures, "searched": figures}
    path.write_text(json.dumps(report), encoding="utf-8")
    page = written(folder)
    assert "What the guide does" in page.find("h2")
    assert {"75.0 %", "12.5 %", "310", "–"} <= {text.replace("\xa0", " ") for text in page.find("td")}


@pytest.mark.parametrize("given", [0, 3])
def test_a_run_that_answers_nothing_has_a_curve_without_a_threshold(given: int) -> None:
    curve = risk_curve({"curve": [[0.1, 0.0], [0.2, 0.5], [0.3, 0.3333]], "given": given})
    assert curve is not None and (curve.shipped is None) == (given == 0)
    assert risk_curve({}) is None and risk_curve({"curve": []}) is None
