"""The table at the end of a run, from its report.json."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from t2q.databases.urls import spider_folder
from t2q.run import Planned

# column title: key of a step in report.json
COLUMNS = {
    "execution accuracy": "execution_accuracy",
    "executable": "executable",
    "exact": "exact_match",
    "tokens": "token_match",
    "BLEU": "google_bleu",
    "declined right": "declined_unanswerable",
    "declined wrong": "declined_answerable",
}
_INTERVAL = "execution_accuracy_interval"


def summary_table(report: Mapping[str, Any]) -> Table:
    """One line a step; shares as per cent. A step without a value shows a dash."""
    questions = f"{report['n_answerable']} answerable and {report['n_unanswerable']} unanswerable questions"
    title = f"{report['name']} · {report['language']} · {report['base']}"
    caption = "\n".join([questions, *_intervals(report["steps"]), *_as_asked(report.get("abstention") or {})])
    table = Table(title=title, caption=caption, box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column("step", no_wrap=True)
    for title in COLUMNS:
        table.add_column(title.replace(" ", "\n"), justify="right", no_wrap=True)
    for step, scores in report["steps"].items():
        table.add_row(step, *(_percent(scores.get(key)) for key in COLUMNS.values()))
    return table


def _intervals(steps: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A line with the 95 % intervals of the accuracy: of the tuned weights and of the last step, the deployed one."""
    shown = [step for step in dict.fromkeys(("tuned", list(steps)[-1])) if steps.get(step, {}).get(_INTERVAL)]
    told = [f"{step} {100 * low:.1f} to {100 * high:.1f} %" for step in shown for low, high in [steps[step][_INTERVAL]]]
    return [f"95 % intervals: {', '.join(told)}"] if told else []


def _as_asked(abstention: Mapping[str, Any]) -> list[str]:
    """A line with what a user gets who asks the run."""
    if not abstention:
        return []
    answered, wrong, declined = (_percent(abstention.get(key)) for key in ("coverage", "wrong", "declined"))
    return [
        f"asked, {abstention['step']} answers {answered} of the answerable, and wrongly {wrong} of all; "
        f"it declines {declined} of the unanswerable"
    ]


def plan_table(planned: Sequence[Planned]) -> Table:
    """What a run would do with each stage, and why."""
    table = Table("stage", "", "why")
    for step in planned:
        table.add_row(step.stage.name, "run" if step.reasons else "up to date", "\n".join(step.reasons))
    return table


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"


def print_summary(folder: Path, console: Console) -> None:
    """The table and where the report is. Prints nothing where the run has no report yet."""
    path = folder / "report.json"
    if not path.is_file():
        return
    report = json.loads(path.read_text(encoding="utf-8"))
    console.print(summary_table(report))
    console.print(f"report: {folder / 'report.html'}", markup=False, soft_wrap=True)
    if not spider_folder(report.get("database", "")):  # of many databases, none is the one to ask
        console.print(f'ask:    t2q ask "…" --run {folder}', markup=False, soft_wrap=True)
