"""Answers that join and leave are those of one prompt alone; guessed ones too; what was kept is what was computed."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from pathlib import Path
from threading import Event
from time import sleep
from typing import Any

import pytest

from t2q.models import Completion, Model
from t2q.models.base import Turn
from t2q.models.drafts import Drafts, worth_asking
from t2q.models.kept_prefix import KeptPrefix
from t2q.models.llama_cpp_model import LlamaCppModel
from t2q.models.prefix import common_length
from t2q.models.writers import LONGEST_QUESTION, Continuous, OneByOne, Wish
from t2q.prompt import render
from tests.models.builders import DATABASE, QUESTIONS
from tests.models.conftest import Chain
from tests.models.test_generation import same

PROMPTS = [render(DATABASE, question) for question in QUESTIONS]
LIMIT = 40


@pytest.fixture
def model(chain: Chain) -> Iterator[LlamaCppModel]:
    model = chain.models["f32"]
    assert isinstance(model, LlamaCppModel)
    yield model
    model.sequences.drafts = None


@pytest.fixture
def alone(chain: Chain) -> list[Completion]:
    return [chain.models["lit"].generate([prompt], LIMIT)[0] for prompt in PROMPTS]


def beginning(model: Model) -> list[int]:
    one, other = model.encode(PROMPTS[0]), model.encode(PROMPTS[1])
    return one[: common_length(one, other)]


def continuous(model: LlamaCppModel, kept: Path | None = None, answers: list[list[int]] | None = None) -> Continuous:
    return Continuous(model, beginning(model), KeptPrefix(kept, "0" * 64), lambda: answers or [])


def wish(prompt: str, **more: Any) -> Wish:
    return Wish(prompt, "", LIMIT, **more)


def test_many_threads_get_their_own_answers(model: LlamaCppModel, alone: list[Completion]) -> None:
    writer = continuous(model)
    asked = [(i * 7 + j) % len(PROMPTS) for i in range(4) for j in range(len(PROMPTS))]
    with ThreadPoolExecutor(24) as pool:
        found = list(pool.map(lambda i: writer.write(wish(PROMPTS[i])), asked))
    writer.close()
    assert all(same(one, alone[i]) for i, one in zip(asked, found, strict=True))


def test_guessed_answers_are_the_same(
    model: LlamaCppModel, alone: list[Completion], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guesses that are right, and that are wrong after some tokens."""
    written = [model.encode(f"\n{one.text}")[len(model.encode("\n")) :] for one in alone]
    calls, decode = [], model.sequences._decode
    monkeypatch.setattr(model.sequences, "_decode", lambda items: (calls.append(len(items)), decode(items)))
    steps = []
    for answers in ([], 3 * written, 3 * [ids[:3] + 9 * ids[:1] for ids in written]):
        model.sequences.drafts = Drafts(answers)
        calls.clear()
        found = [model.generate([prompt], LIMIT)[0] for prompt in PROMPTS]
        steps.append(len(calls))
        assert all(same(a, b) for a, b in zip(found, alone, strict=True))
        assert all(same(a, b) for a, b in zip(model.generate(PROMPTS, LIMIT), alone, strict=True))
    assert steps[1] < 0.8 * steps[0]


def test_a_guess_follows_the_longest_end_that_was_seen() -> None:
    drafts = Drafts([[1, 2, 3, 4, 9], [1, 2, 3, 4, 9], [5, 2, 3, 7, 9], [5, 2, 3, 7, 9], [5, 2, 3, 7, 9], [6, 8]])

    def guessed(written: list[int], most: int = 9) -> list[int]:
        return [token for token, _ in drafts.guess(written, most)]

    assert guessed([1, 2], 2) == [3, 4] and guessed([1, 2]) == [3, 4, 9]
    assert guessed([5, 2]) == guessed([8, 2])[:3] == [3, 7, 9]
    assert guessed([])[0] == 5 and drafts.guess([], 1)[0][1] == 3 / 6.5
    chances = [chance for _, chance in drafts.guess([2], 9)]
    assert chances == sorted(chances, reverse=True) and chances[0] == 5 / 5.5
    assert Drafts([]).guess([1, 2], 3) == []


def test_as_many_are_asked_for_as_are_worth_it() -> None:
    sure = [(7, 0.97**n) for n in range(1, 25)]
    assert worth_asking([[]], 1) == worth_asking([[(7, 0.5)]], 1) == [0]
    assert worth_asking([sure[:1]], 1) == [0]  # two at once cost as much as one after the other
    [asked] = worth_asking([sure], 1)
    assert asked > 10
    assert worth_asking([[(7, 0.6)]], 35) == [1]  # beside the reading of a question they cost little
    two = worth_asking([sure, [(7, 0.3), (7, 0.1)]], 2)
    assert two[0] > 10 and two[1] == 0


def test_a_prompt_of_another_beginning_is_answered_as_well(model: LlamaCppModel) -> None:
    other = render("Cypher\nA to C: -[:B]->", "How many?")
    expected = model.generate([other], LIMIT)[0]
    writer = continuous(model)
    assert same(writer.write(wish(other)), expected)
    writer.close()


def test_the_beginning_is_kept_and_what_is_damaged_is_computed_anew(
    model: LlamaCppModel, alone: list[Completion], tmp_path: Path
) -> None:
    def asked() -> Completion:
        model.sequences.read_prefix([])
        writer = continuous(model, tmp_path / "kept")
        found = writer.write(wish(PROMPTS[0]))
        writer.close()
        return found

    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "prefix-old.kv").touch()
    assert same(asked(), alone[0])
    [file] = (tmp_path / "kept").iterdir()
    whole = file.read_bytes()
    model.sequences.read_prefix([])
    assert KeptPrefix(tmp_path / "kept", "0" * 64).read(beginning(model))
    assert not KeptPrefix(tmp_path / "kept", "1" * 64).read(beginning(model))
    for damaged in (whole[:-100], whole[:50] + b"\xff" * 4 + whole[54:], b"", whole):
        file.write_bytes(damaged)
        assert same(asked(), alone[0])
        assert file.read_bytes() == whole


def test_a_folder_that_cannot_be_written_is_no_reason_to_fail(model: LlamaCppModel, alone: list[Completion]) -> None:
    writer = continuous(model, Path("/dev/null/nowhere"))
    assert same(writer.write(wish(PROMPTS[0])), alone[0])
    writer.close()


def test_what_nobody_waits_for_makes_room(model: LlamaCppModel) -> None:
    writer, drafts = continuous(model), []
    with pytest.raises(CancelledError):
        writer.write(wish(PROMPTS[0], on_draft=drafts.append, given_up=lambda: len(drafts) > 1))
    assert len(drafts) == 2 and drafts[1].startswith(drafts[0])
    assert not model.sequences.places
    writer.close()
    with pytest.raises(CancelledError):
        writer.write(wish(PROMPTS[0]))


def test_closing_gives_up_what_is_written(model: LlamaCppModel) -> None:
    writer, begun = continuous(model), Event()

    def slowly(_: str) -> None:
        begun.set()
        sleep(0.2)

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(writer.write, wish(PROMPTS[0], on_draft=slowly))
        assert begun.wait(20)
        writer.close()
        with pytest.raises(CancelledError):
            waiting.result(10)


@pytest.mark.parametrize(
    ("kind", "too_long"),
    [
        ("one by one", r"a prompt has \d+ tokens and the model takes"),
        ("continuous", r"the question is too long: \d+ tokens, and \d+ fit"),
    ],
)
def test_what_goes_wrong_reaches_who_asked_and_nobody_else(
    model: LlamaCppModel, alone: list[Completion], kind: str, too_long: str
) -> None:
    def fails(_: Completion) -> list[Turn]:
        raise RuntimeError("the database is gone")

    writer = OneByOne(model) if kind == "one by one" else continuous(model)
    with ThreadPoolExecutor(4) as pool:
        good = [pool.submit(writer.write, wish(prompt)) for prompt in PROMPTS[:3]]
        with pytest.raises(RuntimeError, match="the database is gone"):
            writer.write(wish(PROMPTS[3], then=fails))
        assert all(same(one.result(), alone[i]) for i, one in enumerate(good))
    with pytest.raises(ValueError, match=too_long):
        writer.write(wish("x " * 2 * LONGEST_QUESTION))
    writer.close()


def test_a_failing_step_fails_what_was_written_and_the_next_is_answered(
    model: LlamaCppModel, alone: list[Completion], monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = continuous(model)
    assert same(writer.write(wish(PROMPTS[1])), alone[1])
    with monkeypatch.context() as patch:
        patch.setattr(model.sequences, "step", lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            writer.write(wish(PROMPTS[0]))
    assert same(writer.write(wish(PROMPTS[0])), alone[0])
    writer.close()
