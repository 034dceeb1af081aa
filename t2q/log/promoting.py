"""`t2q log promote`: liked answers and corrected ones become pairs for the next training.

What counts is the latest judgement of a query as the answer to a question. A query that stands is run once more; where
two stand that return different things, neither is taken.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import typer

from t2q.answering.answer import REFUSED, Answer, run_query
from t2q.data.audit import Seen
from t2q.data.importers.plain import GIVEN, NO_REASON
from t2q.data.pairs import Pair, folded
from t2q.data.triage import TIMEOUT_SECONDS
from t2q.databases import Database, Result, open_database
from t2q.errors import ExecutionFailed, QueryTimeout
from t2q.evaluation.comparison import same_result
from t2q.languages import Language
from t2q.log.interaction import Interaction, Log
from t2q.log.promoted import PROMOTED, PromotedPair, read_promoted, write_promoted
from t2q.log.showing import printable
from t2q.log.store import open_log
from t2q.prepared import Prepared, database_url
from t2q.schema import Schema

SHOWN = 10  # questions that were left out for one reason
# Kinds of abstention that say nothing of the data: that one was liked does not make its question unanswerable.
GAVE_UP = {QueryTimeout.kind, ExecutionFailed.kind, "cut", "too long"}

TESTED = "the run's test asks the same question or query"
DISAGREE = "answers that disagree were called right"
FAILS = "the query no longer runs"
SAYS_NOTHING = "liked, but it gave up for a reason that is none of the data's"


@dataclass(frozen=True)
class Judgement:
    """What somebody said of a query ("": of declining) as the answer to a question; `how`, in a word or two."""

    pair: PromotedPair
    good: bool
    how: str


@dataclass
class Promotion:
    """The pairs, how many came about how, and the questions that were left out, by reason."""

    pairs: list[PromotedPair] = field(default_factory=list)
    taken: Counter[str] = field(default_factory=Counter)
    left_out: dict[str, list[str]] = field(default_factory=dict)

    def leave_out(self, why: str, question: str, *notes: str) -> None:
        self.left_out.setdefault(why, []).append(": ".join((question, *notes)))


def promote_command(run: Path) -> None:
    """Writes the pairs and says what was taken, what was left out, and why."""
    url = database_url(run)
    test = Prepared.load(run / "prepare").pairs("test")
    promotion = Promotion()
    with open_log(run) as log, open_database(url) as database:
        standing = still_standing(judged(log, read_promoted(run), promotion), database.language)
        promote(promotion, standing, Seen(test, database.language), database.schema(), database)
    write_promoted(run, promotion.pairs)
    for line in _told(promotion, run / PROMOTED):
        typer.echo(line)


def judged(log: Log, before: Sequence[PromotedPair], promotion: Promotion) -> list[Judgement]:
    """Every judgement in the log, and the pairs promoted before whose interactions grew too old for it."""
    promoted = {pair.id: pair for pair in before}
    judgements: list[Judgement] = []
    for found in log.find():
        promoted.pop(found.id, None)
        if found.rating == "up" and not found.correction and found.kind in GAVE_UP:
            promotion.leave_out(SAYS_NOTHING, found.question, found.kind)
        elif found.judged and found.question.strip():
            judgements += _judgements(found, found.judged.isoformat(timespec="microseconds"))
    return judgements + [Judgement(pair, True, "promoted before") for pair in promoted.values()]


def _judgements(found: Interaction, time: str) -> Iterator[Judgement]:
    """What was said against the answer first: where the correction is that very query, the latter holds."""
    question = " ".join(found.question.split())
    reason = " ".join(found.reason.split()) if found.kind == REFUSED else ""  # else it is about a query
    declined = PromotedPair(question, "", reason or NO_REASON, found.id, time)
    answer = declined if found.abstained else replace(declined, query=found.query, reason="")
    if found.rating == "down" or (found.correction and found.rating is None):
        yield Judgement(answer, False, "disliked")
    if found.correction:
        yield Judgement(replace(declined, query=found.correction, reason=""), True, "corrected")
    elif found.rating == "up":
        yield Judgement(answer, True, "rightly declined" if found.abstained else "liked")


def still_standing(judgements: Iterable[Judgement], language: Language) -> list[list[Judgement]]:
    """By question, what was last called right, the latest last."""
    latest: dict[tuple[str, str], Judgement] = {}
    for judgement in sorted(judgements, key=lambda j: j.pair.judged):
        query = judgement.pair.query and language.normalize(judgement.pair.query)
        about = (folded(judgement.pair.question), query)
        latest.pop(about, None)  # so that the order is that of the latest
        latest[about] = judgement
    standing: dict[str, list[Judgement]] = {}
    for (question, _), judgement in latest.items():
        if judgement.good:
            standing.setdefault(question, []).append(judgement)
    return list(standing.values())


def promote(
    promotion: Promotion, standing: Iterable[Sequence[Judgement]], test: Seen, schema: Schema, database: Database
) -> None:
    """Adds to the promotion what may be learnt. Raises DatabaseError where the database is gone."""
    for judgements in standing:
        runs: list[tuple[Judgement, Answer | None]] = []
        for judgement in judgements:
            query = judgement.pair.query
            answer = run_query(query, schema, database, TIMEOUT_SECONDS) if query else None
            if answer and answer.abstained:
                promotion.leave_out(FAILS, judgement.pair.question, query, answer.reason)
            else:
                runs.append((judgement, answer))
        if runs:
            _take(promotion, runs, test, database.language)


def _take(
    promotion: Promotion, runs: Sequence[tuple[Judgement, Answer | None]], test: Seen, language: Language
) -> None:
    """The latest of what is called right of one question, where the others do not contradict it."""
    judgement, answer = runs[-1]
    found = replace(judgement.pair, query=answer.query if answer else "")
    pair = Pair(found.question, found.query, GIVEN, reason=found.reason)
    if not all(_agree(other, answer, language) for _, other in runs):
        promotion.leave_out(DISAGREE, pair.question, " / ".join(j.pair.query or "no answer" for j, _ in runs))
    elif test.question(pair) or test.query(pair):
        promotion.leave_out(TESTED, pair.question)
    else:
        promotion.pairs.append(found)
        promotion.taken[judgement.how] += 1


def _agree(one: Answer | None, other: Answer | None, language: Language) -> bool:
    """Whether both answers decline, or return the same."""
    if one is None or other is None:
        return one is other
    mine, theirs = (Result(answer.columns, answer.rows, answer.truncated) for answer in (one, other))
    return same_result(mine, theirs, ordered=language.ordered(other.query)).ok


def _told(promotion: Promotion, path: Path) -> Iterator[str]:
    if promotion.pairs:
        taken = ", ".join(f"{number} {how}" for how, number in promotion.taken.items())
        yield f"promoted to {path}: {taken}; the next `t2q run` of the recipe learns them"
    else:
        yield "nothing to promote: no answer that was liked or corrected can be learnt"
    for why, questions in promotion.left_out.items():
        yield f"left out, {len(questions)}: {why}"
        yield from (f"  {printable(question)}" for question in questions[:SHOWN])
        if len(questions) > SHOWN:
            yield f"  … and {len(questions) - SHOWN} more"
