"""The fine-tuning loop: interrupted, short of memory or shared out, it learns what it would have learnt."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch

from t2q.errors import StageError
from t2q.prompt import STYLES, PromptStyle, render
from t2q.training import loop, packed_model, packed_row, validation
from t2q.training.groups import cycle, shares
from t2q.training.loop import Training
from t2q.training.memory import Thrift, is_out_of_memory
from t2q.training.state import read_state
from tests.training.small import STEPS, adapter, small_config, training


def test_it_learns_and_tells(whole: Training) -> None:
    losses = [entry["loss"] for entry in whole.history if "loss" in entry]
    validations = {entry["step"]: entry["validation"] for entry in whole.history if "validation" in entry}
    assert len(losses) == STEPS and list(validations) == [0, 2, 4, 6]
    assert validations[6] < 0.9 * validations[0]


def test_stopped_after_every_step_it_ends_in_the_same_weights(folder: Path, whole: Training, tmp_path: Path) -> None:
    """Adapter, optimizer, learning rate, place in the data and dropout: all as if nothing had happened."""
    state = tmp_path / "state.pth"
    for reached in range(1, STEPS + 1):
        part = training(small_config(folder), state)
        told: list[dict[str, Any]] = []

        def stop_there(
            entry: dict[str, Any], part: Training = part, told: list[Any] = told, reached: int = reached
        ) -> None:
            told.append(entry)
            if "loss" in entry and entry["step"] == reached:
                part.stop()

        part.tell = stop_there
        assert part.run() == (reached == STEPS)
        assert part.step == reached
    assert torch.equal(adapter(part), adapter(whole))
    assert part.history == whole.history
    assert [entry for entry in told if "note" not in entry] == whole.history  # those from before are told again


@pytest.mark.parametrize("thrift", [Thrift(recompute=True), Thrift(True, 8), Thrift(False, 50)])
def test_with_less_memory_the_steps_are_the_same(folder: Path, thrift: Thrift) -> None:
    usual, thrifty = (training(small_config(folder, lora_dropout=0.0)) for _ in range(2))
    thrifty.thrift = thrift
    assert usual.run() and thrifty.run()
    torch.testing.assert_close(adapter(thrifty), adapter(usual), rtol=0, atol=2e-4)
    for mine, theirs in zip(thrifty.history, usual.history, strict=True):
        assert mine == pytest.approx(theirs, abs=1e-4)


def answer_tokens(row: dict[str, torch.Tensor]) -> int:
    return int((row["labels"] != packed_row.IGNORE).sum())


def out_of_memory_above(tokens: int) -> Any:
    """`answer_loss` on a device without room for more answer tokens in a row, or for activations that are kept."""

    def limited(model: Any, row: dict[str, torch.Tensor], recompute: bool = False) -> torch.Tensor:
        if torch.is_grad_enabled() and (answer_tokens(row) > tokens or not recompute):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return packed_model.answer_loss(model, row, recompute)

    return limited


def test_out_of_memory_is_met_with_less_at_a_time(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config, state = small_config(folder, lora_dropout=0.0), tmp_path / "state.pth"
    usual, limited = training(config), training(config, state)
    assert usual.run()
    groups = list(islice(cycle(limited.data.train_groups(), 0), STEPS))

    def tokens(pairs: list[int]) -> int:
        return answer_tokens(packed_row.pack([limited.train_dataset[number] for number in pairs]))

    room = max(tokens(half) for group in groups for half in (group[:4], group[4:]))
    assert room < tokens(groups[0])
    monkeypatch.setattr(loop, "answer_loss", out_of_memory_above(room))
    told: list[dict[str, Any]] = []
    limited.tell = told.append
    assert limited.run()
    assert limited.thrift == Thrift(recompute=True, parts=2)
    notes = [entry["note"] for entry in told if "note" in entry]
    assert notes == [
        "out of memory in step 1: going on with one row a step, activations computed again",
        "out of memory in step 1: going on with 2 rows a step, activations computed again",
    ]
    torch.testing.assert_close(adapter(limited), adapter(usual), rtol=0, atol=2e-4)
    again = training(config, state)
    again.run()
    assert again.thrift == limited.thrift  # an interrupted training does not find out anew


def test_a_validation_out_of_memory_takes_less_at_a_time(
    folder: Path, whole: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    def limited(model: Any, row: dict[str, torch.Tensor]) -> torch.Tensor:
        if answer_tokens(row) > room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return packed_model.answer_loss(model, row)

    made = training(small_config(folder))
    lengths = [answer_tokens(made.validation_dataset[number]) for number in range(12)]
    room = max(lengths)
    monkeypatch.setattr(validation, "answer_loss", limited)
    assert made.run()
    for mine, usual in zip(made.history, whole.history, strict=True):
        assert mine == pytest.approx(usual, abs=1e-4)
    room -= 1
    with pytest.raises(StageError, match="out of memory even with one pair at a time"):
        training(small_config(folder)).run()


@pytest.mark.parametrize(
    "said",
    [
        "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to …",
        "CUDA error: out of memory\nSearch for `cudaErrorMemoryAllocation' in …",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    ],
)
def test_memory_that_a_message_only_tells_of(said: str) -> None:
    assert is_out_of_memory(RuntimeError(said))


def test_memory_that_one_pair_does_not_fit_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "answer_loss", out_of_memory_above(10))
    with pytest.raises(StageError, match=r"out of memory even with one pair at a time: CUDA .*; take a smaller base"):
        training(small_config(folder)).run()


def test_what_goes_wrong_otherwise_is_not_taken_for_memory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> torch.Tensor:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(loop, "answer_loss", broken)
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        training(small_config(folder)).run()


def test_a_loss_that_is_no_number_ends_the_training(folder: Path) -> None:
    rate = {"class_path": "torch.optim.SGD", "init_args": {"lr": 1e30}}
    with pytest.raises(StageError, match=r"the (training|validation) loss is (nan|inf): lower train\.learning_rate"):
        training(small_config(folder, optimizer=rate)).run()


def test_a_base_that_gives_no_number_is_not_the_learning_rates_fault(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numbers too large for float16, as some bases have them."""
    monkeypatch.setattr(validation, "answer_loss", lambda *_: torch.tensor(float("nan")))
    with pytest.raises(StageError, match=r"the validation loss is nan: set another train\.precision in the recipe"):
        training(small_config(folder)).run()


def test_pairs_without_an_answer_end_the_training(folder: Path) -> None:
    """LitGPT would go on, at a loss of zero, and end with exit code 0."""
    masked = training(small_config(folder))
    samples = [masked.train_dataset[number] for number in range(24)]
    for sample in samples:
        sample["labels"][:] = packed_row.IGNORE
    masked.train_dataset = samples  # type: ignore[assignment]
    with pytest.raises(StageError, match="step 1: none of its 8 pairs has an answer to learn from"):
        masked.run()


def test_a_state_that_cannot_be_written_costs_nothing_but_itself(folder: Path, whole: Training, tmp_path: Path) -> None:
    """A folder in its place, as a full disk would be: the training goes on, and says so."""
    part = training(small_config(folder), tmp_path / "missing" / "state.pth")
    told: list[dict[str, Any]] = []
    part.tell = told.append
    assert part.run()
    assert torch.equal(adapter(part), adapter(whole))
    notes = [entry["note"] for entry in told if "note" in entry]
    assert len(notes) == STEPS and notes[0].startswith("the state of step 1 could not be kept ([Errno 2] No such file")


def test_a_state_that_cannot_be_read_is_done_without(folder: Path, whole: Training, tmp_path: Path) -> None:
    """A disk that lost its end would otherwise be in the way for ever."""
    state = tmp_path / "state.pth"
    torch.save({"step": 1}, state)
    broken = (state.read_bytes()[:-100], b"", b"hello", bytes(1000))
    for content in broken:
        state.write_bytes(content)
        with pytest.raises(StageError, match=r"state\.pth cannot be read"):
            read_state(state)
    part = training(small_config(folder), state)
    told: list[dict[str, Any]] = []
    part.tell = told.append
    assert part.run()
    assert torch.equal(adapter(part), adapter(whole))
    assert told[0] == {"note": f"{state} cannot be read (RuntimeError): beginning anew"}


def test_an_epoch_ends_where_it_ends_wherever_one_begins() -> None:
    class Epochs:
        number = 0

        def __iter__(self) -> Any:
            self.number += 1
            return iter([self.number * 10, self.number * 10 + 1, self.number * 10 + 2])

    steps = cycle(Epochs(), 0)
    seen = [next(steps) for _ in range(7)]
    for start in range(7):
        assert next(cycle(Epochs(), start)) == seen[start]


def test_pairs_are_shared_out_as_equally_as_can_be() -> None:
    assert [list(part) for part in shares(range(8), 3)] == [[0, 1], [2, 3, 4], [5, 6, 7]]
    assert [list(part) for part in shares([1], 3)] == [[], [], [1]]


@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES)
def test_it_learns_from_prompts_of_the_form_that_is_asked_for(folder: Path, style: PromptStyle) -> None:
    config = small_config(folder)
    config["data"]["init_args"]["prompt"] = style.name
    made = training(config)
    sample, row = made.train_dataset[0], made.train_dataset.data[0]
    assert made.data.tokenizer is not None
    text = made.data.tokenizer.decode(sample["input_ids"])
    assert text.startswith(render(row["input"], row["instruction"], style) + row["output"])
