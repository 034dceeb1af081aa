"""A fine-tuning on a CPU, by stock `litgpt finetune_lora` and by `t2q run`'s training: pairs a second, at which loss.

    python benchmarks/train_cpu.py runs/shop-sql [--steps 40] [--pairs 16] [--rounds 2]

Both are child processes, by turns, on the questions that the run prepared, with the same base, prompt, masked labels,
LoRA, precision, optimizer, learning rates and pairs a step. A way's time is that from its first step to its last.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from t2q.large_pages import LARGE_PAGES, tunables

STEP_OF_LITGPT = re.compile(r"Epoch \d+ \| iter \d+ step \d+ \| .*\(step\)")
END_OF_LITGPT = re.compile(r"Final evaluation \| val loss: ([\d.]+)")


@dataclass
class Seen:
    """What a training printed: when each step ended, in seconds, and the last validation loss."""

    ended: list[float]
    validation: float = float("nan")

    @property
    def seconds(self) -> float:
        """A step, on average."""
        return (self.ended[-1] - self.ended[0]) / (len(self.ended) - 1)


def read_litgpt(line: str, seen: Seen) -> None:
    if STEP_OF_LITGPT.search(line):
        seen.ended.append(time.perf_counter())
    if found := END_OF_LITGPT.search(line):
        seen.validation = float(found[1])


def read_ours(line: str, seen: Seen) -> None:
    entry = json.loads(line) if line.startswith("{") else {}
    if "loss" in entry:
        seen.ended.append(time.perf_counter())
    seen.validation = entry.get("validation", seen.validation)


def train(command: list[str], read: Callable[[str, Seen], None], environment: dict[str, str]) -> Seen:
    seen = Seen([])
    said = []
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", **environment}  # each line when its step ends
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as child:
        assert child.stdout is not None
        for line in child.stdout:
            said.append(line)
            read(line, seen)
    if child.returncode:
        sys.exit("".join(said[-20:]))
    return seen


def configs(run: Path, steps: int, pairs: int, micro: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """LitGPT's own data module, `micro` pairs at a time, and ours; otherwise alike."""
    ours = yaml.safe_load((run / "train" / "litgpt.yaml").read_text(encoding="utf-8"))
    ours["train"] |= {
        "global_batch_size": pairs,
        "micro_batch_size": pairs,
        "max_steps": steps,
        "lr_warmup_steps": max(1, steps // 10),
    }
    ours["eval"] |= {"interval": 10**6, "initial_validation": False}
    rows = {"json_path": str(run / "prepare" / "litgpt"), "mask_prompt": True}
    style = {"class_path": "t2q.training.prompt_style.T2QPrompt"}
    stock = {
        **ours,
        "train": {**ours["train"], "micro_batch_size": micro},
        "data": {"class_path": "litgpt.data.JSON", "init_args": {**rows, "prompt_style": style}},
    }
    return stock, ours


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--pairs", type=int, default=16, help="a step")
    parser.add_argument("--micro", type=int, help="pairs that LitGPT takes at a time; all where absent")
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    stock, ours = configs(given.run, given.steps, given.pairs, given.micro or given.pairs)
    ways = {
        "litgpt finetune_lora": (stock, ["litgpt", "finetune_lora"], read_litgpt, {}),
        "t2q": (ours, ["t2q.training.finetune"], read_ours, {"GLIBC_TUNABLES": tunables(LARGE_PAGES)}),
    }
    found: dict[str, list[Seen]] = {name: [] for name in ways}
    with tempfile.TemporaryDirectory() as place:
        for turn in range(given.rounds):
            for name, (config, module, read, environment) in ways.items():
                path = Path(place, f"{turn}-{module[0]}.yaml")
                path.write_text(yaml.safe_dump(config), encoding="utf-8")
                words = ["--config", str(path), "--out_dir", str(path.with_suffix(""))]
                found[name].append(train([sys.executable, "-m", *module, *words], read, environment))
    seconds = {name: statistics.median(seen.seconds for seen in rounds) for name, rounds in found.items()}
    first = next(iter(seconds.values()))
    print(f"{ours['precision']}, {given.pairs} pairs a step, {given.steps} steps, {given.rounds} rounds")
    for name, rounds in found.items():
        print(
            f"{name:21} {seconds[name]:6.2f} s a step, {given.pairs / seconds[name]:6.1f} pairs/s, "
            f"{first / seconds[name]:5.1f} times; validation loss {rounds[-1].validation:.3f}"
        )


if __name__ == "__main__":
    main()
