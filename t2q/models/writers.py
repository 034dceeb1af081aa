"""Who writes the answers to questions that come one by one, at any time, from any thread."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import CancelledError, Future, InvalidStateError, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from t2q.guiding import Guided
from t2q.models.base import Completion, Model, Turn
from t2q.models.drafts import Drafts
from t2q.models.kept_prefix import KeptPrefix
from t2q.models.llama_cpp_model import LlamaCppModel
from t2q.models.llama_sequences import SEQUENCES
from t2q.models.queue import Asked
from t2q.models.writing import Writing

LONGEST_QUESTION = 1024  # tokens
LEARN_AFTER_SECONDS = 0.3  # so that the first answer, which still has to be run and told, does not wait
ANSWER = 256  # tokens that an answer and its question usually have together
FEW, MANY = LONGEST_QUESTION + ANSWER, SEQUENCES * ANSWER  # cells beside those of the prefix
Then = Callable[[Completion], Sequence[Turn]]


@dataclass(frozen=True)
class Wish:
    """An answer that somebody waits for. `question` stands in the prompt. `guide`, `then`: as of `Model.generate`.

    `on_draft` is told what is written so far each time it has grown; `given_up` says whether nobody waits any more.
    """

    prompt: str
    question: str
    limit: int
    guide: Callable[[], Guided] | None = None
    then: Then | None = None
    on_draft: Callable[[str], None] | None = None
    given_up: Callable[[], bool] = lambda: False


class Writer(Protocol):
    def write(self, wish: Wish) -> Completion:
        """Waits for the answer. Raises ValueError on a prompt that leaves no room for one, CancelledError where it was
        given up or the writer was closed."""
        ...

    def repair(self, wish: Wish, text: str, error: str) -> Completion | None:
        """Another answer, where the query in `text` failed with `error`; None from one that never learnt to."""
        ...

    def close(self) -> None: ...


class OneByOne:
    """Any model, one answer after the other."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._lock = threading.Lock()

    def write(self, wish: Wish) -> Completion:
        then = wish.then
        with self._lock:
            if wish.given_up():
                raise CancelledError
            [found] = self._model.generate(
                [wish.prompt], wish.limit, guide=wish.guide, then=then and (lambda _, found: then(found))
            )
        if wish.on_draft:
            wish.on_draft(found.text)
        return found

    def repair(self, wish: Wish, text: str, error: str) -> None:  # noqa: ARG002
        return None

    def close(self) -> None:
        pass


@dataclass(eq=False)
class _Job:
    """A wish on its way. `ids`: its prompt."""

    wish: Wish
    ids: list[int]
    asked: Asked
    answer: Future[Completion] = field(default_factory=Future)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def cells(self) -> int:
        return len(self.ids) + self.asked.limit

    def fail(self, error: BaseException) -> None:
        with suppress(InvalidStateError):  # it was answered or failed before
            self.answer.set_exception(error)


class Continuous:
    """A GGUF file that writes many answers at once: one joins as soon as it is wished for, beside those that are being
    written, and all share what their prompts begin with.

    That beginning is kept in the folder `kept` from one process to the next. `answers` gives answers (token ids) that
    others are guessed from; they are asked for once there was something to write, since they take time themselves.
    """

    def __init__(
        self, model: LlamaCppModel, prefix: list[int], kept: KeptPrefix, answers: Callable[[], Iterable[list[int]]]
    ) -> None:
        self._model, self._prefix, self._kept, self._answers = model, prefix, kept, answers
        self._cells = FEW  # the first answer does not wait for the memory of many
        self._short = False  # whether that was too little
        # What is to be written, no answer of a job for which that is all, None at the end.
        self._inbox: queue.SimpleQueue[tuple[_Job, Writing | None] | None] = queue.SimpleQueue()
        self._taking = ThreadPoolExecutor(4, "t2q-taking")  # of whole answers, which asks the database about them
        self._entering = threading.Lock()
        self._ended: BaseException | None = None  # why nothing more is written
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="t2q-writing", daemon=True)
        self._thread.start()

    def write(self, wish: Wish) -> Completion:
        ids = self._model.encode(wish.prompt)
        own, fit = len(ids) - len(self._prefix), self._model.max_length - len(self._prefix) - 1
        if own > min(LONGEST_QUESTION, fit):
            raise ValueError(f"the question is too long: {own} tokens, and {min(LONGEST_QUESTION, fit)} fit")
        limit = min(wish.limit, self._model.max_length - len(ids))
        file = self._model.file
        job = _Job(wish, ids, Asked(limit, file.piece, file.decode, wish.guide, wish.then))
        self._enter(job, job.asked.begin())
        return job.answer.result()

    def repair(self, wish: Wish, text: str, error: str) -> None:  # noqa: ARG002
        return None  # it has tried other queries on the database already

    def close(self) -> None:
        """What is being written is given up."""
        self._closed.set()
        self._inbox.put(None)
        self._thread.join()
        self._taking.shutdown()

    def _enter(self, job: _Job, answer: Writing | None) -> None:
        with self._entering:
            if self._ended:
                job.fail(self._ended)
            else:
                self._inbox.put((job, answer))

    def _run(self) -> None:
        waiting: deque[tuple[_Job, Writing]] = deque()
        jobs: dict[int, _Job] = {}  # by the id of what is written
        ended: BaseException = CancelledError()
        try:
            self._begin()
            while self._receive(waiting, block=not jobs and not waiting):
                try:
                    if self._short and not jobs:
                        self._grow()
                    self._admit(waiting, jobs)
                    if jobs:
                        self._step(jobs)
                except Exception as error:
                    _fail(jobs, waiting, error)
                    self._begin()
        except Exception as error:
            ended = error
        with self._entering:
            self._ended = ended
            while not self._inbox.empty():
                job, answer = self._inbox.get() or (None, None)
                if job and answer:
                    waiting.append((job, answer))
        _fail(jobs, waiting, ended)

    def _begin(self) -> None:
        sequences = self._model.sequences
        kept = self._taking.submit(self._kept.read, self._prefix)
        self._reserve()
        state = kept.result()
        if not (state and sequences.restore(state, self._prefix)):
            sequences.read_prefix(self._prefix)
            self._kept.save(sequences)

    def _reserve(self) -> None:
        cells = len(self._prefix) + self._cells
        self._model.sequences.reserve(cells, min(self._model.max_length, cells))

    def _grow(self) -> None:
        sequences = self._model.sequences
        self._short = False
        state = sequences.state()
        self._cells = MANY
        self._reserve()
        if not sequences.restore(state, self._prefix):
            sequences.read_prefix(self._prefix)

    def _receive(self, waiting: deque[tuple[_Job, Writing]], block: bool) -> bool:
        """Takes what was wished for since; whether to go on."""
        while True:
            try:
                item = self._inbox.get(block=block)
            except queue.Empty:
                return True
            if item is None:
                return False
            job, answer = item
            if answer:
                waiting.append((job, answer))
                block = False
            else:
                self._model.sequences.forget(job.ids)

    def _admit(self, waiting: deque[tuple[_Job, Writing]], jobs: dict[int, _Job]) -> None:
        """Lets those go that nobody waits for, and others join in the order in which they came."""
        sequences = self._model.sequences
        for place in [place for place in sequences.places if jobs[id(place.answer)].wish.given_up()]:
            sequences.leave(place)
            self._give_up(jobs.pop(id(place.answer)))
        while waiting and not self._short:
            job, answer = waiting[0]
            if job.wish.given_up() or job.answer.done():
                self._give_up(job)
            else:
                used = sum(job.cells - len(self._prefix) for job in jobs.values())
                if jobs and used + job.cells - len(self._prefix) > self._cells:
                    self._short = self._cells < MANY
                    return
                if not sequences.has_room(job.ids, answer):
                    return
                sequences.join(job.ids, answer)
                jobs[id(answer)] = job
            waiting.popleft()

    def _give_up(self, job: _Job) -> None:
        job.fail(CancelledError())
        self._model.sequences.forget(job.ids)

    def _step(self, jobs: dict[int, _Job]) -> None:
        for place in self._model.sequences.step():
            self._taking.submit(self._take, jobs.pop(id(place.answer)), place.answer)
        for place in self._model.sequences.places:
            job = jobs[id(place.answer)]
            if job.wish.on_draft and job.asked.first is None:
                job.wish.on_draft(self._model.file.decode(place.answer.written))

    def _take(self, job: _Job, answer: Writing) -> None:
        try:
            with job.lock:
                more = job.asked.ended(answer)
                done = job.asked.done
            for one in more:
                self._enter(job, one)
            if done and job.asked.first:
                with suppress(InvalidStateError):  # nobody waits any more
                    job.answer.set_result(job.asked.first)
                self._enter(job, None)
                self._learn()
        except Exception as error:
            job.fail(error)
            self._enter(job, None)

    def _learn(self) -> None:
        """After the first answer: what others are guessed from."""
        if self._model.sequences.drafts is None and not self._ended:
            self._model.sequences.drafts = Drafts([])
            if not self._closed.wait(LEARN_AFTER_SECONDS):
                self._model.sequences.drafts = Drafts(self._answers())


def _fail(jobs: dict[int, _Job], waiting: deque[tuple[_Job, Writing]], error: BaseException) -> None:
    for job in (*jobs.values(), *(job for job, _ in waiting)):
        job.fail(error)
    jobs.clear()
    waiting.clear()
