"""Answers questions about one database, each in four steps: a text is written, its query is checked and run, it is
weighed how sure one may be of the rows, and they are put into words."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from types import TracebackType

from t2q.answering.answer import NOTHING_FOUND, UNSURE, Answer, answer, cut, run_query
from t2q.answering.completing import complete_one
from t2q.answering.confidence import Confidence
from t2q.answering.finished_run import open_run
from t2q.answering.searching import Trials
from t2q.answering.words import in_words, not_stored
from t2q.databases import Database
from t2q.errors import DatabaseError, ExecutionFailed, SyntaxRefused, T2QError, UnknownName
from t2q.guiding import Guide
from t2q.models import Completion, Model
from t2q.models.writers import OneByOne, Wish, Writer
from t2q.prepared import Shown
from t2q.prompt import OWN, PromptStyle, render
from t2q.schema import Schema, first_names

AT_ONCE = 64  # questions that may be on their way; most of their time they wait
MAX_NEW_TOKENS = 256
NAMES_SHOWN = 3
# Log probability of a whole answer, where the run has no confidence of its own. Of t2q/pico's on Spider's questions 160
# of 290 right ones are as likely, and 71 of 653 wrong ones that run.
LEAST_SURE = -2.0
OTHER_WORDS = "say the question in other words, closer to the names that the database has"
REPAIRED = (SyntaxRefused.kind, UnknownName.kind, ExecutionFailed.kind)  # what a model may be told to write anew

OnDraft = Callable[[str], None]


@dataclass(frozen=True)
class Written:
    """What a model wrote to a question, `too_long` (a sentence) where it could not be asked. `trials`: what came of
    queries that were tried meanwhile."""

    wish: Wish
    completion: Completion
    seconds: float
    trials: Trials
    too_long: str = ""


class Asker:
    """May be asked from several threads; use as a context manager, which closes model and database.

    `name` is the run's, `model_digest` the SHA-256 of the file that answers ("" where there is none). `model` is None
    where something else writes.
    """

    def __init__(
        self,
        model: Model | None,
        database: Database,
        shown: Shown,
        style: PromptStyle = OWN,
        name: str = "",
        model_digest: str = "",
        writer: Writer | None = None,
        confidence: Confidence | None = None,
    ) -> None:
        assert model or writer
        self.model, self.database, self.shown, self.style = model, database, shown, style
        self.name, self.model_digest, self.confidence = name, model_digest, confidence
        self._guide = Guide(shown.schema)
        self._writer: Writer = writer or OneByOne(model)  # type: ignore[arg-type]
        self._asking = ThreadPoolExecutor(AT_ONCE, "t2q-asking")
        self._closed = False

    @classmethod
    def open(cls, run: Path, threshold: float | None = None) -> Asker:
        """See `open_run`."""
        return cls(**vars(open_run(run, threshold)))

    @property
    def schema(self) -> Schema:
        return self.shown.schema

    def ask(self, question: str) -> Answer:
        """One answer; a question too long for the model is declined, not cut. Raises DatabaseError where the database
        is gone or is not what the run was made for."""
        return self.submit(question).result()

    def submit(self, question: str, on_draft: OnDraft | None = None) -> Future[Answer]:
        """As `ask`, without waiting. `on_draft` is told the text so far each time it has grown, from another thread;
        what it was told may differ from the answer. A future that is cancelled is answered no further."""
        promised: Future[Answer] = Future()

        def keep() -> None:
            try:
                written = self.write(question, on_draft, promised.cancelled)
                found = self.tell(self.weigh(written, self.read(written)))
            except CancelledError:
                promised.cancel()
            except BaseException as error:
                if promised.set_running_or_notify_cancel():
                    promised.set_exception(error)
            else:
                if promised.set_running_or_notify_cancel():
                    promised.set_result(found)

        self._asking.submit(keep)
        return promised

    def run_query(self, query: str) -> Answer:
        """The rows of a query that somebody wrote, under the same guard. Raises DatabaseError as `ask` does."""
        start = perf_counter()
        found = run_query(query, self.schema, self.database)
        found = replace(found, seconds={"run": perf_counter() - start})
        return replace(found, words=f"No rows: {found.reason}") if found.abstained else self.tell(found)

    def write(
        self, question: str, on_draft: OnDraft | None = None, given_up: Callable[[], bool] = lambda: False
    ) -> Written:
        """First step. Raises CancelledError where it was given up, T2QError once the asker has been closed."""
        if self._closed:
            raise T2QError("this run has been closed: open it again to ask it")
        start = perf_counter()
        prompt = render(self.shown.text, question, self.style)
        wish = Wish(prompt, question, MAX_NEW_TOKENS, on_draft=on_draft, given_up=given_up)
        trials = Trials(self.database, self.schema)
        try:
            completion = complete_one(self._writer, wish, self.schema, self._guide, trials)
        except ValueError as error:
            return Written(wish, Completion("", 0, 0.0, finished=False), 0.0, trials, too_long=str(error))
        return Written(wish, completion, perf_counter() - start, trials)

    def read(self, written: Written) -> Answer:
        """Second step: where the query fails, a writer that can is told so, and writes once more."""
        if written.too_long:
            return Answer(abstained=True, reason=written.too_long, kind="too long")
        start = perf_counter()
        found = self._tried(written) or self._read(written.completion)
        if found.kind in REPAIRED:
            again = self._writer.repair(written.wish, written.completion.text, found.reason)
            if again:
                found = replace(self._read(again), written=found.query)
        if found.kind == ExecutionFailed.kind:  # though it names only what the schema has that the model learnt
            self._refuse_another_schema()
        seconds = {"write": written.seconds, "run": perf_counter() - start}
        return replace(found, refuted=written.completion.refuted, seconds=seconds)

    def _tried(self, written: Written) -> Answer | None:
        return written.trials.whole(written.completion.text) if written.completion.finished else None

    def _read(self, completion: Completion) -> Answer:
        return answer(completion.text, self.schema, self.database) if completion.finished else cut(completion.text)

    def weigh(self, written: Written, found: Answer) -> Answer:
        """Third step: with how sure one may be of it; without its rows where that is too little."""
        if found.abstained:
            return found
        if self.confidence is None:
            sure, enough = None, written.completion.logprob >= LEAST_SURE
        else:
            sure = self.confidence.of(written.wish.question, written.completion, found)
            enough = sure >= self.confidence.threshold
        found = replace(found, confidence=sure)
        if enough:
            return found
        missing = "" if found.rows else not_stored(found.query, self.schema, self.database)
        reason = f"{NOTHING_FOUND}. {missing}" if missing else self._not_sure(sure)
        return replace(found, columns=(), rows=[], truncated=False, abstained=True, reason=reason, kind=UNSURE)

    def _not_sure(self, sure: float | None) -> str:
        if self.confidence is None or sure is None or self.confidence.threshold > 1:
            return f"the model is not sure of this query; {OTHER_WORDS}"
        percents = (
            f"{math.floor(100 * sure)} % sure of this query, and from {math.ceil(100 * self.confidence.threshold)} %"
        )
        return f"the model is only {percents} on an answer is given; {OTHER_WORDS}"

    def tell(self, found: Answer) -> Answer:
        """Last step."""
        return replace(found, words=in_words(found, self.schema, self.database))

    def _refuse_another_schema(self) -> None:
        """Raises DatabaseError where the database lacks what the run was made for."""
        gone = self.database.lacks(self.schema)
        if gone:
            raise DatabaseError(
                f"{self.database.url} is not what the run was made for: it has no "
                f"{first_names(gone, NAMES_SHOWN)}; make the run again with `t2q run RECIPE`"
            )

    def close(self) -> None:
        self._closed = True
        self._writer.close()
        self._asking.shutdown(cancel_futures=True)
        if self.model:
            self.model.close()
        self.database.close()

    def __enter__(self) -> Asker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
