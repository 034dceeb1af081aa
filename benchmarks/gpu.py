"""Fine-tuning a 7B base in nf4 on one GPU: stock LitGPT, Hugging Face PEFT (QLoRA) and t2q, at the same pairs a step.

    python benchmarks/gpu.py                                             # CodeLlama's shape, random weights
    python benchmarks/gpu.py --shape tiny --device cpu --steps 4         # does it run at all?

No network is used: the base is random in a real base's shape, the tokenizer pico's, the questions those that a run has
prepared (`--rows`, made by `t2q run recipes/sql.yaml --to prepare`). A bare machine needs this repository (of
checkpoints/ only t2q/pico's tokenizer files; PYTHONPATH=. where t2q is not installed), the rows, and the packages that
the script names as missing. Each way is a process of its own, which prints its figures as JSON; the table is printed at
the end.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from gpu_base import SHAPES, make_base
from gpu_ways import WAYS, Figures

NEEDED = (
    "torch",
    "litgpt",
    "lightning",
    "jsonargparse",
    "bitsandbytes",
    "transformers",
    "peft",
    "accelerate",
    "sqlglot",
)


def matrix_rate(device: str) -> float:
    """Operations a second of a large bf16 matrix product."""
    import torch

    size, rounds = (8192, 20) if device == "cuda" else (1024, 5)
    a = torch.randn(size, size, device=device, dtype=torch.bfloat16)
    a @ a
    if device == "cuda":
        torch.cuda.synchronize()
    began = time.perf_counter()
    for _ in range(rounds):
        a @ a
    if device == "cuda":
        torch.cuda.synchronize()
    return 2 * size**3 * rounds / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--shape", choices=SHAPES, default="codellama-7b")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--rows", type=Path, default=Path("runs/shop-sql/prepare/litgpt"))
    parser.add_argument("--pairs", type=int, default=16, help="a step")
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--base", type=Path, help="where the random base is, or is to be made")
    parser.add_argument("--child", choices=WAYS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        figures = WAYS[given.child](given, given.base)
        print(json.dumps(asdict(figures)))
        return
    if missing := [name for name in NEEDED if importlib.util.find_spec(name) is None]:
        sys.exit(f"not installed: {', '.join(missing)}; on a machine without a network, carry their wheels there")
    if not (given.rows / "train.json").is_file():
        sys.exit(f"{given.rows} holds no train.json: make it with `t2q run recipes/sql.yaml --to prepare`")
    with tempfile.TemporaryDirectory() as place:
        base = given.base or Path(place) / "base"
        if not (base / "hf" / "config.json").is_file():
            make_base(base, given.shape, given.device)
        found = {}
        for way in given.ways:
            command = [sys.executable, __file__, *sys.argv[1:], "--base", str(base), "--child", way]
            child = subprocess.run(command, stdout=subprocess.PIPE, text=True)
            if child.returncode:
                print(f"{way}: failed with exit code {child.returncode}; see above")
                continue
            found[way] = Figures(**json.loads(child.stdout.splitlines()[-1]))
        table(given, found, base)


def table(given: argparse.Namespace, found: dict[str, Figures], base: Path) -> None:
    import torch
    from litgpt.config import Config

    config = Config.from_file(base / "model_config.yaml")
    matrices = (
        config.n_layer
        * config.n_embd
        * (2 * config.n_embd + 2 * config.n_query_groups * config.head_size + 3 * config.intermediate_size)
    )  # weights of a token's products: queries and output, keys and values, the gated layers
    rate, device = matrix_rate(given.device), torch.cuda.get_device_name() if given.device == "cuda" else "CPU"
    print(
        f"{device}, {given.shape}, {given.pairs} pairs a step, {given.steps} steps; "
        f"bf16 products {rate / 1e12:.1f} TFLOP/s"
    )
    slowest = max((figures.seconds for figures in found.values()), default=0.0)
    for way, figures in found.items():
        done = 4 * matrices * figures.tokens / figures.seconds  # forwards and back through the inputs, counted once
        print(
            f"{way:21} {figures.seconds:7.3f} s a step, {given.pairs / figures.seconds:7.1f} pairs/s "
            f"({slowest / figures.seconds:4.1f} times), {figures.tokens / figures.seconds:8.0f} tokens/s, "
            f"{figures.peak / 2**30:5.1f} GiB, {done / rate:4.0%} of the rate; "
            f"loss {figures.losses[0]:.3f} to {figures.losses[-1]:.3f}"
        )


if __name__ == "__main__":
    main()
