"""The report of a run: one HTML file that needs nothing beside it.

`write_report(folder)` reads what the evaluate stage left in the folder (report.json, predictions/STEP.jsonl,
losses.jsonl) and writes report.html. What is on the page is in report.html, report.css and report.js here; it shares
colours, type and the highlighting of queries with the page of `t2q serve`.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

import t2q
from t2q.evaluation.report import scores
from t2q.evaluation.report.conversions import conversions
from t2q.evaluation.report.failures import failures, reasons
from t2q.evaluation.report.loss_curve import loss_curve
from t2q.evaluation.report.reading import Evaluation, read_evaluation
from t2q.evaluation.report.risk_curve import risk_curve

_TEMPLATES = Path(__file__).parent
_SHARED = Path(t2q.__file__).parent / "serving" / "page"


def write_report(folder: Path) -> None:
    """Writes folder/report.html. Raises StageError where report.json or a line of the others cannot be read."""
    (folder / "report.html").write_text(render(read_evaluation(folder)), encoding="utf-8")


def render(evaluation: Evaluation) -> str:
    """The page. Every text of the evaluation is escaped: models and databases may write anything."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": scores.percent,
        "points": scores.points,
        "place": scores.place,
        "figure": scores.figure,
    }
    script = _text(_SHARED / "highlight.js", _TEMPLATES / "report.js")
    return environment.get_template("report.html").render(
        evaluation=evaluation,
        metrics=scores.shown_metrics(evaluation),
        tiles=scores.tiles(evaluation),
        pairs=scores.base_against_tuned(evaluation),
        intents=scores.intents(evaluation),
        refusals=scores.refusals(evaluation),
        label=scores.label,
        conversions=conversions(evaluation),
        curve=loss_curve(evaluation.losses),
        risk=risk_curve(evaluation.abstention),
        reasons=reasons(evaluation),
        failures=failures(evaluation),
        style=Markup(_text(_SHARED / "tokens.css", _TEMPLATES / "report.css")),
        script=Markup(script),
        # The one script that the page's content security policy lets run, whatever else a text may smuggle in.
        script_digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def _text(*files: Path) -> str:
    return "".join(file.read_text(encoding="utf-8") for file in files)
