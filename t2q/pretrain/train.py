"""The pretraining loop: LitGPT's GPT under Lightning Fabric on packed rows, resumable to the step."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import lightning as L
import numpy as np
import torch
from litgpt.config import Config
from litgpt.model import GPT

from t2q.pretrain.growth import grown_base
from t2q.pretrain.loss import attend_rows, compiled, loss_of
from t2q.pretrain.optimizers import optimizers
from t2q.pretrain.recipe import PretrainRecipe, TrainPart
from t2q.pretrain.shape import build
from t2q.training.precision import fastest_precision
from t2q.training.state import read_state, save_state


def schedule(step: int, part: TrainPart) -> float:
    """The share of the peak learning rate at a step: a linear rise, level, and at the end a cosine down to a twentieth.

    From the level stretch a training can go on with more steps, or another corpus, as if it had never been to end.
    """
    if step < part.warmup:
        return (step + 1) / part.warmup
    falling = max(1, round(part.steps * part.falling))
    done = max(0, step - (part.steps - falling)) / falling
    return 0.05 + 0.475 * (1 + math.cos(math.pi * min(1.0, done)))


def batch_at(rows: np.ndarray, step: int, part: TrainPart, seed: int) -> torch.Tensor:
    """The batch of a step, shape (rows, 5, row_tokens): from seed and step alone, so that a resumed run repeats it."""
    per_epoch = len(rows) // part.rows
    epoch, index = divmod(step, per_epoch)
    order = np.random.default_rng((seed, epoch)).permutation(len(rows))
    chosen = np.sort(order[index * part.rows : (index + 1) * part.rows])
    return torch.from_numpy(rows[chosen].astype(np.int64))


def pretrain_loop(
    recipe: PretrainRecipe,
    config: Config,
    rows: np.ndarray,
    folder: Path,
    on_step: Callable[[int, float, float], None] | None = None,
    stop_after: int | None = None,
) -> GPT:
    """Trains to the recipe's last step (or `stop_after`), going on from `folder`/state.pth where there is one.

    Raises RecipeError where the base to start from does not fit, StageError where the state cannot be read,
    RuntimeError where a gradient is not finite.

    `on_step(step, answer_loss, tokens_per_second)` is called after each step; the losses go to losses.jsonl.
    """
    part = recipe.train
    state_file, log_file = folder / "state.pth", folder / "losses.jsonl"
    state = read_state(state_file)
    precision = state["precision"] if state else part.precision or fastest_precision(config)
    fabric = L.Fabric(accelerator="auto", devices=1, precision=precision)  # type: ignore[arg-type]
    model = build(config, recipe.seed)
    if recipe.start and not state:
        model.load_state_dict(grown_base(recipe.start, config, recipe.seed))
    attend_rows(model)
    moving = optimizers(model, part)
    step = 0
    if state:
        model.load_state_dict(state["model"])
        step = state["step"]
    if log_file.is_file():
        kept = [line for line in log_file.read_text().splitlines() if json.loads(line)["step"] < step]
        log_file.write_text("".join(f"{line}\n" for line in kept))
    model, *moving = fabric.setup(model, *moving)
    if state:  # now that the weights are where they stay: an optimizer's state follows them only when it is loaded
        for optimizer, reached in zip(moving, state["optimizers"], strict=True):
            optimizer.load_state_dict(reached)
    by = compiled()
    last = min(part.steps, stop_after or part.steps)
    with log_file.open("a", encoding="utf-8") as log:
        while step < last:
            start = time.perf_counter()
            rate = part.learning_rate * schedule(step, part)
            for group in (group for optimizer in moving for group in optimizer.param_groups):
                group["lr"] = rate
            batch = fabric.to_device(batch_at(rows, step, part, recipe.seed))
            with fabric.autocast() if precision != "32-true" else nullcontext():
                loss, answer_loss = loss_of(model.module, batch, part, by)
            fabric.backward(loss)
            torch.nn.utils.clip_grad_norm_(model.parameters(), part.clip, error_if_nonfinite=True)
            for optimizer in moving:
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
            step += 1
            speed = batch[:, 0].numel() / (time.perf_counter() - start)
            entry = {
                "step": step - 1,
                "loss": round(answer_loss.item(), 5),
                "rate": rate,
                "tokens_per_second": int(speed),
            }
            log.write(json.dumps(entry) + "\n")
            log.flush()
            if step % part.checkpoint_every == 0 or step == last:
                weights = {name: tensor.cpu() for name, tensor in model.module.state_dict().items()}
                states = [optimizer.state_dict() for optimizer in moving]
                now = {"model": weights, "optimizers": states, "step": step, "precision": precision}
                save_state(now, state_file)
            if on_step:
                on_step(step, answer_loss.item(), speed)
    unwrapped: GPT = model.module
    return unwrapped.cpu()
