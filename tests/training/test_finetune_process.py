"""The fine-tuning as a process: killed, told to end, on a full disk, and as several processes."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from t2q.child import STOPPED
from tests.training.small import STEPS, adapter, small_config

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("finetune") / "made"
    small_config(place)
    return place


def start(config: dict[str, Any], out: Path, **how: Any) -> subprocess.Popen[str]:
    out.mkdir(parents=True, exist_ok=True)
    (out / "litgpt.yaml").write_text(yaml.safe_dump(config))
    words = ["--config", str(out / "litgpt.yaml"), "--out_dir", str(out), "--state", str(out / "state.pth")]
    command = [sys.executable, "-m", "t2q.training.finetune", *words, "--keep_every", "0"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT, **how)


def told(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


def losses(output: str) -> list[float]:
    return [entry["loss"] for entry in told(output) if "loss" in entry]


def ended(process: subprocess.Popen[str], code: int = 0) -> str:
    output, errors = process.communicate(timeout=120)
    assert process.returncode == code, errors
    return output


@pytest.fixture(scope="module")
def whole(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    out = tmp_path_factory.mktemp("whole")
    return out, ended(start(small_config(folder), out))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_ended_in_the_middle_it_goes_on(
    folder: Path, whole: tuple[Path, str], tmp_path: Path, number: signal.Signals
) -> None:
    """A machine that is taken away sends SIGTERM first."""
    process = start(small_config(folder), tmp_path)
    assert process.stdout is not None
    seen = []
    while '"step": 3, "loss"' not in (seen[-1] if seen else ""):
        seen.append(process.stdout.readline())
    process.send_signal(number)
    ended(process, STOPPED if number == signal.SIGTERM else -number)
    output = ended(start(small_config(folder), tmp_path))
    assert next(entry["note"] for entry in told(output) if "note" in entry).startswith("going on after step ")
    assert losses(output) == losses(whole[1]) and len(losses(output)) == STEPS
    assert torch.equal(adapter(tmp_path), adapter(whole[0]))


@pytest.mark.slow
def test_killed_at_ten_random_moments(folder: Path, whole: tuple[Path, str], tmp_path: Path) -> None:
    chance = random.Random(1)
    kills = 0
    while kills < 10:
        process = start(small_config(folder), tmp_path)
        time.sleep(chance.uniform(3.0, 7.0))
        kills += process.poll() is None
        process.kill()
        process.communicate()
        if process.returncode == 0:  # it had come to its end; from the start again
            assert torch.equal(adapter(tmp_path), adapter(whole[0]))
            (tmp_path / "state.pth").unlink()
    ended(start(small_config(folder), tmp_path))
    assert torch.equal(adapter(tmp_path), adapter(whole[0]))


def test_a_full_disk_costs_the_state_and_not_the_training(
    folder: Path, whole: tuple[Path, str], tmp_path: Path
) -> None:
    """The adapter fits, the state, with the optimizer's, does not."""
    size = (whole[0] / "final" / "lit_model.pth.lora").stat().st_size

    def no_larger_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2 * size, 2 * size))

    output = ended(start(small_config(folder), tmp_path, preexec_fn=no_larger_files))
    notes = [entry["note"] for entry in told(output) if "note" in entry]
    assert len(notes) == STEPS and all("could not be kept" in note and "free some space" in note for note in notes)
    assert not list(tmp_path.glob("state*"))
    assert torch.equal(adapter(tmp_path), adapter(whole[0]))


@pytest.mark.parametrize("quantize", [None, "bnb.nf4"])
def test_two_processes_learn_what_one_learns(folder: Path, tmp_path: Path, quantize: str | None) -> None:
    """LitGPT refuses nf4 on more than one device."""
    precision = "bf16-true" if quantize else "32-true"
    alike = {"lora_dropout": 0.0, "quantize": quantize, "precision": precision}
    one, two = (
        ended(start(small_config(folder, devices=devices, **alike), tmp_path / str(devices))) for devices in (1, 2)
    )
    assert losses(two) == pytest.approx(losses(one), abs=1e-3)
    validations = [[entry["validation"] for entry in told(output) if "validation" in entry] for output in (one, two)]
    assert validations[1] == pytest.approx(validations[0], abs=1e-3)
