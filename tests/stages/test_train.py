"""What the train stage refuses before its child works, and what it reads of it. Whole runs are in test_whole_run."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TextIO

import pytest
import torch
from rich.console import Console

from t2q.bases import litgpt_checkpoint
from t2q.data.pairs import Pair, write_pairs
from t2q.data.wording import SPLITS
from t2q.errors import StageError
from t2q.prepared import Prepared, Shown
from t2q.progress import Progress
from t2q.recipe import Recipe
from t2q.schema import Schema
from t2q.stages import train
from t2q.stages.train import check_rows, training_config
from t2q.training.losses import LossReader


def reader(kept: TextIO, notes: list[str]) -> LossReader:
    with Progress(Console(file=io.StringIO())).task("training", total=2) as task:
        return LossReader(task, kept, notes.append)


def prepared(folder: Path, database: str, **questions: str) -> Prepared:
    """One question a split, "How many?" where none is given."""
    for split in SPLITS:
        write_pairs(folder / f"{split}.jsonl", [Pair(questions.get(split, "How many?"), "SELECT 1", "count")] * 3)
    return Prepared(folder, {"": Shown(Schema("sql", "sqlite", ()), database)})


@pytest.mark.parametrize("split", SPLITS)
def test_a_question_that_does_not_fit_is_named_before_the_training(tmp_path: Path, split: str) -> None:
    checkpoint = litgpt_checkpoint("t2q/pico-small")
    assert check_rows(prepared(tmp_path, "t: a integer"), checkpoint)[0]["train"] == 3
    with pytest.raises(
        StageError, match=rf"3 of 9 questions do not fit .* of 2048 tokens .* \({split}, \d+ .*'Is a, a"
    ):
        check_rows(prepared(tmp_path, "t: a integer", **{split: "Is a" + ", a" * 2100}), checkpoint)
    with pytest.raises(StageError, match=r"9 of 9 questions do not fit .* \(\d{4,} of them are the schema's\)"):
        check_rows(prepared(tmp_path, "t: a integer, " * 900), checkpoint)


def test_losses_are_kept_step_by_step() -> None:
    kept, notes = io.StringIO(), list[str]()
    read = reader(kept, notes)
    entries = [
        {"step": 0, "validation": 2.5},
        {"step": 1, "loss": 2.513},
        {"note": "out of memory in step 2: going on with one row a step, activations computed again"},
        {"step": 2, "loss": 1.25},
        {"step": 2, "validation": 0.75},
    ]
    for line in ("Using bfloat16 Automatic Mixed Precision (AMP)", "{not json", *map(json.dumps, entries)):
        read(line)
    assert [json.loads(line) for line in kept.getvalue().splitlines()] == [e for e in entries if "note" not in e]
    assert (read.first_validation, read.validation, read.steps) == (2.5, 0.75, 2)
    assert notes == [entry["note"] for entry in entries if "note" in entry]


def test_litgpt_is_told_the_steps_of_few_pairs(tmp_path: Path) -> None:
    """LitGPT divides by the warm-up steps, and by the steps of an epoch."""
    path = tmp_path / "recipe.yaml"
    path.write_text("name: x\ndatabase: sqlite:///x.sqlite\nbase: t2q/pico-small\ntrain: {epochs: 2, batch_size: 16}\n")
    config = training_config(Recipe.load(path), Path("checkpoints/t2q/pico-small"), tmp_path, pairs=[3])
    train = config["train"]
    assert (train["global_batch_size"], train["max_steps"], train["lr_warmup_steps"]) == (3, 2, 1)


def test_one_step_is_refused_since_litgpt_would_divide_by_zero(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text("name: x\ndatabase: sqlite:///x.db\ntrain: {epochs: 1, batch_size: 3}\n")
    with pytest.raises(StageError, match="1 training step is too few"):
        training_config(Recipe.load(path), Path("checkpoints/t2q/pico-small"), tmp_path, pairs=[3])


def test_memory_is_held_beside_what_the_user_has_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.check=0")
    variables = train._on_cpu(SimpleNamespace(log=print))  # type: ignore[arg-type]
    assert variables["GLIBC_TUNABLES"] == "glibc.malloc.check=0:glibc.malloc.hugetlb=1"


@pytest.mark.parametrize(("free", "waits"), [(2.0, {}), (1.8, {}), (1.0, {"OMP_WAIT_POLICY": "PASSIVE"})])
def test_threads_sleep_while_they_wait_where_others_want_the_cores(
    free: float, waits: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    monkeypatch.setattr(train, "free_cores", lambda: free)
    told: list[str] = []
    variables = train._on_cpu(SimpleNamespace(log=told.append))  # type: ignore[arg-type]
    assert {name: value for name, value in variables.items() if name.startswith("OMP")} == waits
    assert [line.startswith("other programs leave 1.0 of ") for line in told] == [True] * bool(waits)


def test_a_config_that_a_full_disk_cut_off_is_not_taken_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context: Any = SimpleNamespace(scratch=tmp_path, recipe=None)
    monkeypatch.setattr(train, "training_config", lambda *_: {"train": {"max_steps": 7}})

    def full(path: Path, text: str, **_: Any) -> None:
        path.write_bytes(text.encode()[:5])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk, pytest.raises(OSError, match="No space"):
        disk.setattr(Path, "write_text", full)
        train._config_file(context, tmp_path, tmp_path, [])
    path = train._config_file(context, tmp_path, tmp_path, [])
    assert path.read_text(encoding="utf-8") == "train:\n  max_steps: 7\n"
