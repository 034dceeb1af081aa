"""The run engine: does the stages of a recipe that are not up to date, each atomically, in runs/NAME.

A stage writes to runs/NAME/.tmp-STAGE-PID, which is renamed to runs/NAME/STAGE when it is whole. Whatever interrupts a
run, what stands under a stage's name is complete, and the next run goes on from there.
"""

from __future__ import annotations

import errno
import importlib
import os
import shutil
import subprocess
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from t2q.child import death
from t2q.databases.credentials import hide
from t2q.durable import fsync, whole_file
from t2q.errors import AccuracyLost, RecipeError, StageError, T2QError
from t2q.hardware import device_name
from t2q.manifest import Ingredients, Manifest, describe_files, digest, gather, stale
from t2q.measure import PeakMemory
from t2q.progress import Progress, duration
from t2q.recipe import RECIPE_FILE, Recipe
from t2q.stages import STAGES, Stage, StageContext

NEARLY_FULL = 16 << 20  # bytes left on a disk that explain a failed write


@dataclass(frozen=True)
class Planned:
    """What would happen to a stage: it runs for these reasons, or is up to date where there are none."""

    stage: Stage
    reasons: tuple[str, ...]


class Run:
    """One recipe in its run folder. `stages` must be in order, inputs first."""

    def __init__(
        self, recipe: Recipe, progress: Progress, stages: Sequence[Stage] = STAGES, verb: str = "t2q run"
    ) -> None:
        self.recipe, self.progress, self.stages, self.verb = recipe, progress, tuple(stages), verb
        self.folder = recipe.run_dir
        self._fingerprints: dict[str, dict[str, Any]] = {}

    def plan(self, first: str | None = None, last: str | None = None) -> list[Planned]:
        """What `execute` would do. Writes nothing."""
        planned: list[Planned] = []
        again: set[str] = set()
        for stage, forced in self._chosen(first, last):
            manifest, folder, ingredients = self._state(stage)
            reasons = ["--from"] if forced and manifest else stale(manifest, folder, ingredients)
            if manifest:
                reasons += [f"input {name} runs again" for name in stage.inputs if name in again]
            if reasons:
                again.add(stage.name)
            planned.append(Planned(stage, tuple(reasons)))
        return planned

    def execute(self, first: str | None = None, last: str | None = None) -> None:
        """Runs what is not up to date, from `first` on in any case, to `last`. Raises T2QError; KeyboardInterrupt
        carries a line for the user."""
        chosen = self._chosen(first, last)
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._lock():
            for left in self.folder.glob(".tmp-*"):
                _remove(left)
            self._keep_recipe()
            for stage, forced in chosen:
                manifest, folder, ingredients = self._state(stage)
                reasons = ["--from"] if forced else stale(manifest, folder, ingredients)
                if reasons:
                    self.progress.say(f"▸ {stage.name} ({', '.join(reasons)})")
                    manifest = self._do(stage, ingredients)
                    took = f"{duration(manifest.wall_seconds)}, {manifest.peak_memory_bytes / 2**20:.0f} MiB peak"
                    self.progress.say(f"✓ {stage.name}: {took}")
                else:
                    self.progress.say(f"✓ {stage.name}: up to date")
                    self._publish(stage)
                if manifest is not None and "error" in manifest.facts:
                    raise AccuracyLost(str(manifest.facts["error"]))

    def _keep_recipe(self) -> None:
        """For what is asked of the run later, without its recipe."""
        path, text = self.folder / RECIPE_FILE, self.recipe.model_dump_json(indent=1) + "\n"
        if not path.is_file() or path.read_bytes() != text.encode():
            with whole_file(path) as file:
                file.write(text)

    def _chosen(self, first: str | None, last: str | None) -> list[tuple[Stage, bool]]:
        """The stages up to `last`; True marks those from `first` on."""
        names = [s.name for s in self.stages]
        for option, name in (("--from", first), ("--to", last)):
            if name is not None and name not in names:
                raise RecipeError(f"{option} {name}: no such stage; the stages are {', '.join(names)}")
        start = names.index(first) if first else len(names)
        stop = names.index(last) if last else len(names) - 1
        if first and start > stop:
            raise RecipeError(f"--from {first} comes after --to {last}")
        return [(s, i >= start) for i, s in enumerate(self.stages) if i <= stop]

    def _state(self, stage: Stage) -> tuple[Manifest | None, Path, Ingredients]:
        """What is there of a stage, where, and what it would be made from now."""
        manifests = {name: Manifest.read(self.folder / name) for name in stage.inputs}
        inputs = {name: m.digest if m else "" for name, m in manifests.items()}
        folder = self.folder / stage.name
        return Manifest.read(folder), folder, gather(stage, self.recipe, inputs, self._outside(stage))

    def _outside(self, stage: Stage) -> dict[str, Any]:
        """What the stage's fingerprints say; taken once a run, so that all stages go by the same state of things."""
        for name in stage.fingerprints:
            if name not in self._fingerprints:
                self._fingerprints[name] = _load(name)(self.recipe)
        return {key: fact for name in stage.fingerprints for key, fact in self._fingerprints[name].items()}

    def _do(self, stage: Stage, ingredients: Ingredients) -> Manifest:
        out = self.folder / f".tmp-{stage.name}-{os.getpid()}"
        started, clock = datetime.now(timezone.utc), time.monotonic()
        with self._told(stage, out):
            scratch = self._scratch(stage, ingredients.key)
            out.mkdir()
            context = StageContext(
                recipe=self.recipe,
                run_dir=self.folder,
                out=out,
                inputs={name: self.folder / name for name in stage.inputs},
                scratch=scratch,
                seed=self.recipe.seed,
                progress=self.progress,
                log=lambda line: self._log(stage.name, line),
            )
            with PeakMemory() as memory:
                facts = _load(stage.run)(context) or {}
            files = describe_files(out)
            manifest = Manifest(
                stage=stage.name,
                key=ingredients.key,
                ingredients=ingredients,
                seed=self.recipe.seed,
                profile=self.recipe.profile,
                device=device_name(),
                started=started.isoformat(timespec="seconds"),
                finished=datetime.now(timezone.utc).isoformat(timespec="seconds"),
                wall_seconds=round(time.monotonic() - clock, 3),
                peak_memory_bytes=memory.bytes,
                digest=digest(files),
                files=files,
                facts=facts,
            )
            manifest.write(out)
            self._settle(out, self.folder / stage.name)
            self._publish(stage)
        shutil.rmtree(scratch, ignore_errors=True)
        return manifest

    def _scratch(self, stage: Stage, key: str) -> Path:
        """The folder of half-done work at this key. That of other keys is of no use any more."""
        mine = self.folder / ".scratch" / f"{stage.name}-{key[:16]}"
        for other in mine.parent.glob(f"{stage.name}-*"):
            if other != mine:
                shutil.rmtree(other, ignore_errors=True)
        mine.mkdir(parents=True, exist_ok=True)
        return mine

    def _settle(self, out: Path, final: Path) -> None:
        """Makes `out` durable, then puts it in the place of `final`."""
        for path in [*out.rglob("*"), out]:
            fsync(path)
        old = self.folder / f".tmp-old-{final.name}-{os.getpid()}"
        if final.exists():
            final.rename(old)
        out.rename(final)
        fsync(self.folder)
        shutil.rmtree(old, ignore_errors=True)

    def _publish(self, stage: Stage) -> None:
        """Puts the published files of an artifact into the run's folder, unless they are there already."""
        for name in stage.publish:
            source, target = self.folder / stage.name / name, self.folder / name
            if not source.is_file() or (target.is_file() and target.stat().st_mtime_ns == source.stat().st_mtime_ns):
                continue
            half = self.folder / f".tmp-{name}"
            shutil.copy2(source, half)
            half.replace(target)

    def _log(self, stage: str, line: str) -> None:
        self._write_log(stage, line)
        self.progress.say(f"  {line}")

    def _write_log(self, stage: str, text: str) -> None:
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        with (self.folder / "run.log").open("a", encoding="utf-8") as log:
            log.write(f"{now} {stage}: {hide(text, getattr(self.recipe, 'database', ''))}\n")

    @contextmanager
    def _lock(self) -> Iterator[None]:
        lock = FileLock(self.folder / ".lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise T2QError(f"another t2q run is at work in {self.folder}: wait for it or stop it first") from None
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def _told(self, stage: Stage, out: Path) -> Iterator[None]:
        """Turns whatever ends a stage early into one clear line, and removes what it has written."""
        try:
            yield
        except KeyboardInterrupt as stop:
            again = f"`{self.verb} {self.recipe.path}` goes on from there"
            raise type(stop)(f"interrupted in {stage.name}; {again}") from None
        except T2QError as error:
            if self._disk_is_full(error):  # which a child process or a library in C++ may have put otherwise
                raise StageError(f"{error}; {self._full}") from None
            raise
        except MemoryError:
            raise StageError(f"{stage.name}: out of memory; a smaller train.batch_size needs less") from None
        except subprocess.CalledProcessError as error:
            end = f"was {death(-error.returncode)}" if error.returncode < 0 else f"failed with code {error.returncode}"
            raise StageError(f"{stage.name}: a child process {end}") from None
        except Exception as error:
            if self._disk_is_full(error):
                raise StageError(f"{stage.name}: {self._full}") from None
            self._write_log(stage.name, traceback.format_exc())
            what = " ".join(f"{type(error).__name__}: {error}".split())
            raise StageError(f"{stage.name} failed: {what}; details: {self.folder / 'run.log'}") from error
        finally:
            shutil.rmtree(out, ignore_errors=True)

    @property
    def _full(self) -> str:
        return f"the disk is full ({self.folder}); free some space and run again"

    def _disk_is_full(self, error: BaseException) -> bool:
        """Libraries written in C++ and Rust report a full disk in words of their own, so the disk is asked as well."""
        full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
        return full or "No space left" in str(error) or shutil.disk_usage(self.folder).free < NEARLY_FULL


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _load(path: str) -> Callable[..., Any]:
    """The function at "module:function"."""
    module, _, name = path.partition(":")
    function: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return function
