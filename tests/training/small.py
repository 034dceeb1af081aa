"""A training that takes a second: a small base, a handful of pairs, and the config that LitGPT would read as well."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import lightning as L
import torch

from t2q.training.finetune import make_training
from t2q.training.loop import Training
from tests.models.builders import DATABASE, PAIRS, llama_checkpoint

STEPS = 6


def write_rows(folder: Path) -> Path:
    """Alpaca form, as `prepare` writes it: 24 pairs to train on, 12 to validate with."""
    folder.mkdir()
    rows = [{"instruction": question, "input": DATABASE, "output": answer} for question, answer in PAIRS]
    again = [{**row, "instruction": f"Please: {row['instruction']}"} for row in rows]
    for name, content in (("train", rows + again), ("val", rows)):
        (folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def small_config(folder: Path, **changes: Any) -> dict[str, Any]:
    """With a base and rows of its own in `folder`, made where they are not there yet."""
    if not folder.exists():
        llama_checkpoint(folder / "base", steps=0)
        write_rows(folder / "rows")
    lora = {f"lora_{part}": True for part in ("query", "key", "value", "projection", "mlp")}
    return {
        "checkpoint_dir": str(folder / "base"),
        "precision": "32-true",
        "quantize": None,
        "devices": 1,
        "num_nodes": 1,
        "lora_r": 4,
        "lora_alpha": 8,
        "lora_dropout": 0.1,  # so that random state counts
        **lora,
        "lora_head": False,
        "data": {"init_args": {"json_path": str(folder / "rows"), "seed": 3}},
        "train": {"global_batch_size": 8, "lr_warmup_steps": 2, "max_steps": STEPS},
        "eval": {"interval": 2},
        "optimizer": {"class_path": "torch.optim.AdamW", "init_args": {"lr": 0.01, "fused": True}},
        "seed": 5,
    } | changes


def training(config: dict[str, Any], state: Path | None = None) -> Training:
    """Ready to run in this process; the state is kept after every step."""
    fabric = L.Fabric(accelerator="cpu", devices=1, precision="32-true")
    return make_training(config, fabric, state, keep_every=0.0)


def adapter(trained: Training | Path) -> torch.Tensor:
    """All adapter weights in a row, of a training or of what one has left in a folder."""
    if isinstance(trained, Path):
        weights = torch.load(trained / "final" / "lit_model.pth.lora")["model"]
    else:
        weights = {name: p.detach() for name, p in trained.model.named_parameters() if "lora_" in name}
    return torch.cat([weights[name].flatten() for name in sorted(weights)])
