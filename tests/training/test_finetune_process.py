"""The fine-tuning as a process: killed, told to end, on a full disk, and as several processes."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lightning as L
import pytest
import torch
import yaml

from t2q.child import STOPPED, die_with_parent
from t2q.stages.train import launcher
from t2q.training import loop
from t2q.training.finetune import make_fabric, make_training, tell
from t2q.training.loop import Training
from t2q.training.memory import Thrift
from t2q.training.packed_model import answer_loss
from t2q.training.precision import PRECISIONS
from t2q.training.state import save_state
from tests.training.small import STEPS, adapter, small_config, training

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}
FORK = multiprocessing.get_context("fork")  # a process that need not import PyTorch anew


def start(config: dict[str, Any], out: Path) -> subprocess.Popen[str]:
    out.mkdir(parents=True, exist_ok=True)
    (out / "litgpt.yaml").write_text(yaml.safe_dump(config))
    words = ["--config", str(out / "litgpt.yaml"), "--out_dir", str(out), "--state", str(out / "state.pth")]
    command = [sys.executable, "-m", "t2q.training.finetune", *words, "--keep_every", "0"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)


def told(process: subprocess.Popen[str], code: int = 0) -> list[dict[str, Any]]:
    """What is printed from now on, when the process has ended."""
    output, errors = process.communicate(timeout=120)
    assert process.returncode == code, errors
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


@pytest.mark.slow
def test_told_to_end_it_goes_on_where_it_was(folder: Path, whole: Training, tmp_path: Path) -> None:
    """A machine that is taken away sends SIGTERM first."""
    process = start(small_config(folder), tmp_path)
    assert process.stdout is not None
    seen = ""
    while '"step": 3, "loss"' not in seen:
        seen = process.stdout.readline()
        assert seen, process.communicate()
    process.send_signal(signal.SIGTERM)
    told(process, STOPPED)
    again = told(start(small_config(folder), tmp_path))
    notes = [entry["note"] for entry in again if "note" in entry]
    assert len(notes) == 1 and notes[0].startswith("going on after step ")
    assert [entry for entry in again if "note" not in entry] == whole.history
    assert torch.equal(adapter(tmp_path), adapter(whole))


@pytest.mark.slow
def test_killed_at_ten_random_moments(folder: Path, whole: Training, tmp_path: Path) -> None:
    chance = random.Random(1)
    kills = 0
    while kills < 10:
        process = start(small_config(folder), tmp_path)
        time.sleep(chance.uniform(3.0, 8.0))
        kills += process.poll() is None
        process.kill()
        process.communicate()
        if process.returncode == 0:  # it had come to its end; from the start again
            assert torch.equal(adapter(tmp_path), adapter(whole))
            (tmp_path / "state.pth").unlink()
    told(start(small_config(folder), tmp_path))
    assert torch.equal(adapter(tmp_path), adapter(whole))


def forked(work: Callable[[int], Any], processes: int = 1) -> list[Any]:
    """What `work(rank)` returns, or raises as text, in as many processes."""
    results = FORK.Queue()

    def run(rank: int) -> None:
        try:
            results.put((rank, work(rank)))
        except BaseException as error:
            results.put((rank, repr(error)))

    children = [FORK.Process(target=run, args=(rank,)) for rank in range(processes)]
    for child in children:
        child.start()
    found = dict(results.get(timeout=120) for _ in children)
    for child in children:
        child.join()
    return [found[rank] for rank in range(processes)]


def test_a_full_disk_costs_the_state_and_not_the_training(folder: Path, whole: Training, tmp_path: Path) -> None:
    """A file of the adapter's size fits; the state, with the optimizer's, does not."""
    room = 2 * 4 * len(adapter(whole))

    def work(_: int) -> Any:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
        part, notes = training(small_config(folder), tmp_path / "state.pth"), []
        part.tell = lambda entry: notes.append(entry["note"]) if "note" in entry else None
        assert part.run()
        return notes, adapter(part).numpy()

    [(notes, weights)] = forked(work)
    assert len(notes) == STEPS and all("could not be kept" in note and "free some space" in note for note in notes)
    assert not list(tmp_path.iterdir())
    assert torch.equal(torch.from_numpy(weights), adapter(whole))


def free_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


def forked_together(work: Callable[[int], Any]) -> list[Any]:
    """`work(rank)` in two processes that can train together."""
    port = free_port()

    def run(rank: int) -> Any:
        os.environ |= {"LOCAL_RANK": str(rank), "NODE_RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        return work(rank)

    return forked(run, 2)


@pytest.mark.parametrize("quantize", [None, "bnb.nf4"])
def test_two_processes_learn_what_one_learns(folder: Path, quantize: str | None) -> None:
    """LitGPT refuses nf4 on more than one device."""
    precision = "bf16-true" if quantize else "32-true"
    config = small_config(folder, lora_dropout=0.0, quantize=quantize, precision=precision)
    alone = make_training(config, L.Fabric(accelerator="cpu", precision=PRECISIONS[precision][1]), None, 1e9)  # type: ignore[arg-type]
    assert alone.run()

    def work(_: int) -> Any:
        shared = config | {"devices": 2}
        part = make_training(shared, make_fabric(shared), None, 1e9)
        assert part.run()
        return part.history, adapter(part).numpy()

    (history, weights), (other_history, other_weights) = forked_together(work)
    assert (weights == other_weights).all() and history == other_history
    for mine, theirs in zip(history, alone.history, strict=True):
        assert mine == pytest.approx(theirs, abs=1e-3)


def test_of_two_processes_none_ends_before_the_state_is_kept(folder: Path, tmp_path: Path) -> None:
    """Lightning kills the others when one has ended otherwise than with exit code 0."""
    state = tmp_path / "state.pth"

    def work(_: int) -> Any:
        def slowly(content: dict[str, Any], path: Path) -> None:
            time.sleep(1)
            save_state(content, path)

        loop.save_state = slowly
        config = small_config(folder, devices=2)
        part = make_training(config, make_fabric(config), state, 1e9)
        part.stop()
        return part.run(), state.is_file()

    assert forked_together(work) == [(False, True), (False, True)]


def test_processes_begin_anew_together(folder: Path, tmp_path: Path) -> None:
    """Where only one of them can read a state, as without a shared disk."""
    part = training(small_config(folder), tmp_path / "0.pth")
    part.tell = lambda _: part.stop()
    assert not part.run()

    def work(rank: int) -> Any:
        config = small_config(folder, devices=2)
        shared = make_training(config, make_fabric(config), tmp_path / f"{rank}.pth", 1e9)
        assert shared.run()
        return shared.step, adapter(shared).numpy()

    (step, weights), (other_step, other_weights) = forked_together(work)
    assert step == other_step == STEPS and (weights == other_weights).all()


def test_what_one_device_has_no_memory_for_both_do_with_less(folder: Path) -> None:
    def work(rank: int) -> Any:
        def limited(model: Any, row: dict[str, torch.Tensor], recompute: bool = False) -> torch.Tensor:
            if rank == 1 and not recompute:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
            return answer_loss(model, row, recompute)

        loop.answer_loss = limited
        config = small_config(folder, devices=2, lora_dropout=0.0)
        shared = make_training(config, make_fabric(config), None, 1e9)
        assert shared.run()
        return shared.thrift, adapter(shared).numpy()

    (thrift, weights), (other_thrift, other_weights) = forked_together(work)
    assert thrift == other_thrift == Thrift(recompute=True) and (weights == other_weights).all()
    alone = training(small_config(folder, lora_dropout=0.0))
    assert alone.run()
    torch.testing.assert_close(torch.from_numpy(weights), adapter(alone), rtol=0, atol=1e-3)


def test_a_process_whose_starter_is_gone_ends() -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    said = forked(lambda _: die_with_parent(gone.pid))
    assert said == ["SystemExit('the process that started this one is gone')"]
    here = os.getpid()
    assert forked(lambda _: die_with_parent(here)) == [None]


def test_a_line_is_written_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process's warning in the midst of a line would lose a step, and so the whole training."""
    writes: list[str] = []
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(write=writes.append, flush=lambda: None))
    tell({"step": 1, "loss": 2.5})
    assert writes == ['{"step": 1, "loss": 2.5}\n']


def test_devices_are_those_that_the_rest_of_the_run_knows(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An Apple GPU has no float64, and no kernels of bitsandbytes."""
    monkeypatch.setattr("lightning.fabric.accelerators.mps.MPSAccelerator.is_available", lambda: True)
    assert make_fabric(small_config(folder)).device.type in ("cpu", "cuda")


@pytest.mark.slow
def test_two_machines_learn_what_one_learns(folder: Path, tmp_path: Path) -> None:
    """torchrun on each, as the run says; here both are this machine."""
    alone = training(small_config(folder, lora_dropout=0.0))
    assert alone.run()
    path = tmp_path / "litgpt.yaml"
    path.write_text(yaml.safe_dump(small_config(folder, lora_dropout=0.0, num_nodes=2)))
    torchrun = launcher(2, 1, f"127.0.0.1:{free_port()}", "test")
    words = ["-m", "t2q.training.finetune", "--config", str(path), "--out_dir", str(tmp_path)]
    machines = [
        subprocess.Popen(
            [sys.executable, *torchrun, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT,
        )
        for _ in range(2)
    ]
    first, second = sorted((told(machine) for machine in machines), key=len, reverse=True)
    assert second == []  # one of them tells
    for mine, theirs in zip(first, alone.history, strict=True):
        assert mine == pytest.approx(theirs, abs=1e-3)
    torch.testing.assert_close(adapter(tmp_path), adapter(alone), rtol=0, atol=1e-3)
