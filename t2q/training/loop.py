"""The fine-tuning loop: the steps of LitGPT's own, which can also be interrupted, run short of memory and be shared.

A step's loss is the mean over all answer tokens of its pairs, however they are shared out among rows and devices, so
neither changes what is learnt. Devices hold the whole model each and add up their adapters' gradients, which are small.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import lightning as L
import torch
from litgpt.lora import GPT
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from t2q.errors import StageError
from t2q.training.groups import ahead, cycle, shares
from t2q.training.lora_model import adapter_weights
from t2q.training.memory import Thrift, give_back, is_out_of_memory, too_little
from t2q.training.packed import PackedPairs
from t2q.training.packed_model import answer_loss
from t2q.training.packed_row import IGNORE, pack
from t2q.training.state import read_state, save_state
from t2q.training.validation import to_device, validation_sums


@dataclass(frozen=True)
class Plan:
    """`steps` in all, a validation every `interval` steps, at the start and at the end.

    `seed`: of dropout. `state`: the file to go on from and to keep the state in, every `keep_every` seconds; None:
    nothing is kept.
    """

    steps: int
    interval: int
    seed: int
    state: Path | None
    keep_every: float


class Training:
    """One training under way. `tell` gets what happens: step and loss, step and validation, or a note.

    `stop()` may be called at any time: the step at work is finished and kept, then `run` returns.
    """

    def __init__(
        self,
        fabric: L.Fabric,
        model: GPT,
        optimizer: Optimizer,
        scheduler: LRScheduler,
        data: PackedPairs,
        plan: Plan,
        tell: Callable[[dict[str, Any]], None],
    ) -> None:
        self.fabric, self.model, self.data, self.plan, self.tell = fabric, model, data, plan, tell
        self.optimizer, self.scheduler = optimizer, scheduler
        assert data.train_dataset is not None and data.test_dataset is not None, "set up the data first"
        self.train_dataset, self.validation_dataset = data.train_dataset, data.test_dataset
        self.step, self.thrift, self.history = 0, Thrift(), list[dict[str, Any]]()
        self._stopped = False
        self._kept_at = time.monotonic()

    def stop(self) -> None:
        self._stopped = True

    def run(self) -> bool:
        """True when the last step is done, False where it was stopped before. Raises StageError where it went wrong."""
        self._restore()
        if not self.history:
            self._validate()
        steps = ahead(self._samples, cycle(self.data.train_groups(), self.step))
        while self.step < self.plan.steps:
            if self._any(self._stopped):
                self._keep()
                self.fabric.barrier()  # whose process ends first has the others killed, also the one that keeps
                return False
            loss = self._compute(next(steps))
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)
            self.scheduler.step()
            self.step += 1
            self._note({"step": self.step, "loss": loss})
            if self.step % self.plan.interval == 0 or self.step == self.plan.steps:
                self._validate()
            if time.monotonic() - self._kept_at > self.plan.keep_every:
                self._keep()
        return True

    def _samples(self, group: Sequence[int]) -> list[dict[str, Any]]:
        """The tokens and labels of a step's pairs."""
        return [self.train_dataset[number] for number in group]

    def _compute(self, samples: Sequence[dict[str, Any]]) -> float:
        """The step's loss; its gradients are added up over the devices. With less memory, where there is too little."""
        while True:
            error: BaseException | None = None
            try:
                loss = self._gradients(samples)
            except (RuntimeError, MemoryError) as raised:
                if not is_out_of_memory(raised):
                    raise
                error = raised.with_traceback(None)  # whose frames hold the tensors that there was no room for
                loss = torch.zeros((), device=self.fabric.device)
            if not self._any(error is not None):
                break
            self.optimizer.zero_grad(set_to_none=True)
            give_back(self.fabric.device)
            thriftier = self.thrift.more(math.ceil(len(samples) / self.fabric.world_size))
            if thriftier is None:
                raise too_little(error) from None
            self.thrift = thriftier
            self.tell({"note": f"out of memory in step {self.step + 1}: going on with {thriftier}"})
        self._add_up()
        told = float(self._sum(loss))
        if not math.isfinite(told):
            raise self._lost("training", told)
        return told

    def _gradients(self, samples: Sequence[dict[str, Any]]) -> Tensor:
        """This device's part of the step's mean loss; the gradients are left with the parameters."""
        rank, devices = self.fabric.global_rank, self.fabric.world_size
        answers = sum(int((sample["labels"] != IGNORE).sum()) for sample in samples)
        if not answers:
            raise StageError(f"step {self.step + 1}: none of its {len(samples)} pairs has an answer to learn from")
        # dropout: from the step, so that an interrupted training draws the same
        torch.manual_seed((self.plan.seed * self.plan.steps + self.step) * devices + rank)
        total = torch.zeros((), device=self.fabric.device)
        for part in shares(shares(samples, devices)[rank], self.thrift.parts):
            if part:
                row = to_device(pack(list(part)), self.fabric.device)
                with self.fabric.autocast():
                    loss = answer_loss(self.model, row, self.thrift.recompute) / answers
                self.fabric.backward(loss)
                total += loss.detach()
        return total

    def _validate(self) -> None:
        """The mean loss over the answer tokens of all validation pairs."""
        groups = self.data.validation_groups()[self.fabric.global_rank :: self.fabric.world_size]
        self.model.eval()
        sums = validation_sums(self.model, self.validation_dataset, groups, self.fabric.device, self.fabric.autocast())
        self.model.train()
        loss, answers = self._sum(sums).tolist()
        if not math.isfinite(loss):
            raise self._lost("validation", loss)
        self._note({"step": self.step, "validation": loss / answers})

    def _lost(self, which: str, loss: float) -> StageError:
        """What to say of a loss that is no number: of the base's own, no learning rate can be the reason."""
        change = "lower train.learning_rate" if self.step else "set another train.precision"
        return StageError(f"the {which} loss is {loss}: {change} in the recipe")

    def _note(self, entry: dict[str, Any]) -> None:
        self.history.append(entry)
        self.tell(entry)

    def _restore(self) -> None:
        try:
            state = read_state(self.plan.state) if self.plan.state else None
        except StageError as error:
            state = None
            self.tell({"note": f"{error}: beginning anew"})
        if self._any(state is None) or state is None:  # a part of the devices cannot go on alone
            return
        self.model.load_state_dict(state["adapter"], strict=False)
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        self.fabric.strategy.precision.load_state_dict(state["precision"])
        self.step, self.thrift, self.history = state["step"], Thrift(**state["thrift"]), state["history"]
        for entry in self.history:
            self.tell(entry)
        self.tell({"note": f"going on after step {self.step}"})

    def _keep(self) -> None:
        """The state, for a later run to go on from. Where it cannot be written, the training goes on without."""
        self._kept_at = time.monotonic()
        if self.plan.state is None or not self.fabric.is_global_zero:
            return
        state = {
            "adapter": adapter_weights(self.model),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "precision": self.fabric.strategy.precision.state_dict(),  # in float16, how losses are scaled
            "step": self.step,
            "thrift": asdict(self.thrift),
            "history": self.history,
        }
        try:
            save_state(state, self.plan.state)
        except (OSError, RuntimeError) as error:
            what = str(error).splitlines()[0]
            self.tell({"note": f"the state of step {self.step} could not be kept ({what}): free some space"})

    def _add_up(self) -> None:
        """The adapters' gradients, summed over the devices."""
        if self.fabric.world_size == 1:
            return
        moved = [p for p in self.model.parameters() if p.requires_grad]
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in moved]
        added = self._sum(torch.cat([gradient.flatten() for gradient in gradients]))
        for parameter, part in zip(moved, added.split([p.numel() for p in moved]), strict=True):
            parameter.grad = part.view_as(parameter)

    def _sum(self, value: Tensor) -> Tensor:
        summed: Tensor = self.fabric.all_reduce(value, reduce_op="sum")  # type: ignore[assignment]
        return summed

    def _any(self, flag: bool) -> bool:
        """Whether it is so on any device."""
        if self.fabric.world_size == 1:
            return flag
        return bool(self._sum(torch.tensor(float(flag), device=self.fabric.device)) > 0)
