"""Judges a model's text against a pair: by what its query returns, and by whether it declines when it should."""

from __future__ import annotations

from t2q.answering.answer import REFUSED, Answer, answer, cut
from t2q.data.pairs import Pair
from t2q.databases.base import Database, Result
from t2q.errors import StageError
from t2q.evaluation.comparison import same_result
from t2q.evaluation.field_verdicts import field_verdicts
from t2q.evaluation.metrics import exact_match, token_match
from t2q.evaluation.predictions import Prediction
from t2q.models.base import Completion
from t2q.schema import Schema


class Judge:
    """Keeps what queries returned, so that each distinct one is executed once for all models."""

    def __init__(self, pairs: list[Pair], schema: Schema, database: Database) -> None:
        """Executes every gold query. Raises StageError where one fails: the test would be wrong, not the model."""
        self.pairs, self.schema, self.database = pairs, schema, database
        self.answers: dict[str, Answer] = {}
        self.gold: dict[int, Result] = {}
        for number, pair in enumerate(pairs):
            if pair.answerable:
                found = self._answer(pair.query)
                if found.abstained:
                    raise StageError(f"the gold query {pair.query!r} fails: {found.reason}")
                self.gold[number] = Result(found.columns, found.rows, found.truncated)

    def _answer(self, text: str) -> Answer:
        if text not in self.answers:
            self.answers[text] = answer(text, self.schema, self.database)
        return self.answers[text]

    def read(self, completion: Completion) -> Answer:
        """What a model's text comes to."""
        return self._answer(completion.text) if completion.finished else cut(completion.text)

    def judge(self, number: int, completion: Completion) -> Prediction:
        """The verdict on a model's text for pair `number`."""
        pair, language = self.pairs[number], self.database.language
        found = self.read(completion)
        declined = found.kind == REFUSED
        verdicts: dict[str, float] = {}
        if not pair.answerable:
            correct = declined
            told = f"no answer ({found.kind}: {found.reason})" if found.abstained else "answered"
            reason = "" if correct else f"{told}, but {pair.reason}"
        elif found.abstained:
            correct, reason = False, f"{found.kind}: {found.reason}"
        else:
            result = Result(found.columns, found.rows, found.truncated)
            ordered = language.ordered(pair.query)
            verdict = same_result(result, self.gold[number], ordered)
            correct, reason = verdict.ok, "" if verdict.ok else f"other rows: {verdict.reason}"
            verdicts = field_verdicts(result, self.gold[number], ordered)
        own = found.written or found.query
        return Prediction(
            id=number,
            question=pair.question,
            intent=pair.intent,
            answerable=pair.answerable,
            gold=pair.query,
            text=completion.text,
            prediction=own,
            refuted=completion.refuted,
            mended=found.query if found.written else "",
            correct=correct,
            reason=reason,
            executable=not found.abstained,
            declined=declined,
            exact=pair.answerable and exact_match(own, pair.query, language),
            token_match=token_match(own, pair.query, language) if pair.answerable else 0.0,
            finished=completion.finished,
            logprob=round(completion.logprob, 4),
            verdicts=verdicts,
        )
