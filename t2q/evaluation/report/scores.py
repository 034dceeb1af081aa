"""The figures of the report: what each score means, the headline, and the rows of the charts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from t2q.evaluation.report.reading import Evaluation, Interval

ACCURACY = "execution_accuracy"
NONE = "–"  # where there is no figure
NO_BREAK = "\u00a0"


@dataclass(frozen=True)
class Metric:
    """`key` names it in report.json. `is_share`: in 0..1 and shown as per cent."""

    key: str
    title: str
    meaning: str
    lower_is_better: bool = False
    is_share: bool = True

    def show(self, value: float | None) -> str:
        return percent(value) if self.is_share else figure(value)


METRICS = (
    Metric(
        ACCURACY,
        "Execution accuracy",
        "Returns exactly the gold query's rows: duplicates count, order only where asked for. The score to go by.",
    ),
    Metric("executable", "Executable", "The database runs the query without an error, right or wrong."),
    Metric("exact_match", "Exact match", "Equals the gold query once both are normalised. A right query may differ."),
    Metric("token_match", "Token match", "Share of the gold query's distinct words that it has, in whatever order."),
    Metric(
        "google_bleu",
        "Google BLEU",
        "Word sequences shared with the gold queries. High even where one name is wrong: never go by it alone.",
    ),
    Metric(
        "declined_unanswerable",
        "Declined, rightly",
        "Of the questions that the schema cannot answer: “I don't know” instead of a made-up query.",
    ),
    Metric(
        "declined_answerable",
        "Declined, wrongly",
        "“I don't know” to a question that has an answer. Lower is better.",
        lower_is_better=True,
    ),
    Metric("answers_per_second", "Answers per second", "On the machine of this run.", is_share=False),
)

# Shown where there were any.
CORRECTED = (
    Metric(
        "mended",
        "Put right",
        "Queries with a relationship that the schema does not have, where it has exactly one that fits: that one was "
        "run. Exact match, token match and BLEU are of what the model wrote.",
        lower_is_better=True,
    ),
    Metric(
        "refuted",
        "Asked again",
        "Of all questions: “there are no …” of something that the schema has. The model had to write a query.",
        lower_is_better=True,
    ),
)

# What the published benchmarks would say, to stand beside the literature's numbers; never what t2q goes by.
PUBLISHED = (
    Metric("bird_ex", "BIRD EX", "Equal sets of rows: duplicates and order do not count, the order of columns does."),
    Metric("spider_test_suite", "Spider test suite", "Equal bags of rows under some order of the columns."),
    Metric("soft_f1", "BIRD Soft-F1", "Cells in common, rows paired by their place."),
    Metric("sql_eval_exact", "sql-eval exact", "Equal rows without duplicates, columns by name."),
    Metric("sql_eval_subset", "sql-eval subset", "The gold's columns are among the prediction's, by their values."),
    *(
        Metric(f"trustsql_rs_{c}", f"TrustSQL RS({c.upper()})", told, is_share=False)
        for c, told in (
            ("0", "In points: right, or no answer where there is none, less nothing for a wrong one."),
            ("10", "The same less 10 for each wrong answer. No answer at all scores 0 where there is one."),
            ("n", "The same less the number of questions for each wrong answer."),
        )
    ),
)


def shown_metrics(evaluation: Evaluation) -> tuple[Metric, ...]:
    """The rows of the table of all scores."""
    corrected = (m for m in CORRECTED if any(evaluation.score(step, m.key) for step in evaluation.steps))
    return (*METRICS, *corrected, *PUBLISHED)


# What base and tuned are charted by: the shares of which more is better.
COMPARED = tuple(m for m in METRICS if m.is_share and not m.lower_is_better)


def percent(share: float | None) -> str:
    return NONE if share is None else f"{100 * share:.1f}{NO_BREAK}%"


def figure(value: float | None) -> str:
    """Three significant digits, or all of a whole number's; powers of ten only for the very small."""
    if value is None:
        return NONE
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def points(share: float | None, signed: bool = False) -> str:
    """A difference of two shares in percentage points, with a true minus sign."""
    if share is None:
        return NONE
    rounded = round(100 * share, 1) + 0.0  # no -0.0
    return f"{rounded:{'+' if signed else ''}.1f}".replace("-", "−")


def place(share: float | None) -> str:
    """Where a share stands on an axis from 0 to 1, as a CSS percentage."""
    return f"{100 * min(1.0, max(0.0, share or 0.0)):.2f}%"


def label(step: str) -> str:
    """How a step is called on the page: "tuned", "HF", "GGUF Q4_K_M"."""
    return step if step in ("base", "tuned") else step.replace("-", " ").upper()


@dataclass(frozen=True)
class Tile:
    """One figure of the headline. `series` chooses its colour."""

    series: str
    title: str
    value: str
    what: str
    note: str


def tiles(evaluation: Evaluation) -> list[Tile]:
    """The headline: tuned, base and the deployed file by execution accuracy, then what the deployed file declines."""
    tuned, last = evaluation.score("tuned", ACCURACY), evaluation.last_gguf
    shown = [("tuned", "tuned"), ("base", "base"), ("gguf", last)]
    found = []
    for series, step in shown:
        accuracy = evaluation.score(step, ACCURACY)
        if accuracy is None:
            continue
        note = _interval(evaluation.interval(step, ACCURACY))
        if series == "gguf" and tuned is not None:
            note = f"{points(accuracy - tuned, signed=True)} points against tuned"
        found.append(Tile(series, label(step).removeprefix("GGUF "), percent(accuracy), "execution accuracy", note))
    deployed = last or "tuned"
    if (declined := evaluation.score(deployed, "declined_unanswerable")) is not None:
        wrongly = evaluation.score(deployed, "declined_answerable")
        note = "" if wrongly is None else f"and wrongly {percent(wrongly)} of the others"
        name = label(deployed).removeprefix("GGUF ")
        found.append(Tile("refusals", f"“I don't know” · {name}", percent(declined), "of unanswerable declined", note))
    return found


def _interval(bounds: Interval | None) -> str:
    return "" if bounds is None else f"95{NO_BREAK}% interval {100 * bounds[0]:.1f} to {100 * bounds[1]:.1f}"


@dataclass(frozen=True)
class Bar:
    """One bar, or one dot, of a step. `told` says it in words."""

    step: str
    series: str
    value: float | None
    interval: Interval | None = None

    @property
    def told(self) -> str:
        bounds = _interval(self.interval)
        return f"{label(self.step)} {percent(self.value)}{f' ({bounds})' if bounds else ''}"


@dataclass(frozen=True)
class Row:
    """The bars of one thing: a metric, an intent or a step. `total`: of how many questions, where it matters."""

    title: str
    bars: Sequence[Bar]
    total: int | None = None

    @property
    def told(self) -> str:
        return f"{self.title}: {', '.join(bar.told for bar in self.bars)}"


def base_against_tuned(evaluation: Evaluation) -> list[Row]:
    """A row a metric that either has."""
    rows = []
    for metric in COMPARED:
        bars = [
            Bar(step, step, evaluation.score(step, metric.key), evaluation.interval(step, metric.key))
            for step in ("base", "tuned")
            if step in evaluation.steps
        ]
        if any(bar.value is not None for bar in bars):
            rows.append(Row(metric.title, bars))
    return rows


def intents(evaluation: Evaluation) -> list[Row]:
    """A row an intent, base, tuned and the last GGUF in it; the weakest of the tuned model first."""
    series = {"base": "base", "tuned": "tuned", evaluation.last_gguf: "gguf"}
    counts = {step: evaluation.by_intent(step) for step in series if step in evaluation.steps}
    names = dict.fromkeys(intent for found in counts.values() for intent in found)
    rows = []
    for intent in names:
        found = {step: c[intent] for step, c in counts.items() if intent in c}
        bars = [Bar(step, series[step], right / total) for step, (right, total) in found.items()]
        rows.append(Row(intent, bars, max(total for _, total in found.values())))
    return sorted(rows, key=lambda row: (_tuned(row), row.title))


def _tuned(row: Row) -> float:
    return next((bar.value for bar in row.bars if bar.step == "tuned" and bar.value is not None), 2.0)


@dataclass(frozen=True)
class Refusal:
    """How often a step said that it does not know: of the unanswerable questions, and of the answerable ones."""

    step: str
    rightly: Bar
    wrongly: Bar


def refusals(evaluation: Evaluation) -> list[Refusal]:
    key = "declined_unanswerable"
    found = []
    for step in evaluation.steps:
        rightly = Bar(step, "right", evaluation.score(step, key), evaluation.interval(step, key))
        wrongly = Bar(step, "wrong", evaluation.score(step, "declined_answerable"))
        if rightly.value is not None or wrongly.value is not None:
            found.append(Refusal(step, rightly, wrongly))
    return found
