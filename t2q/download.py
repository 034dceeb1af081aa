"""A base that is not here, fetched from the model hub and converted by LitGPT: whole under its name, or not there.

Everything happens in checkpoints/ORG/NAME.partial, which gets the base's name at the end. What an interruption leaves
there is gone on with: huggingface_hub asks only for the bytes that are missing. `litgpt download` would take weights
twice where a base has two forms of them, leave files of the tokenizer out, and convert half a download.
"""

from __future__ import annotations

import re
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from t2q.bases import is_here
from t2q.child import run_child
from t2q.errors import DownloadError
from t2q.fingerprint import place_of_base
from t2q.hub import OnHub, api, look, told
from t2q.progress import Progress, Task

HALF = ".partial"
SECONDS_BETWEEN_LOOKS = 0.5
_MIB, _GIB = 1 << 20, 1 << 30
_PERCENT = re.compile(r"(\d+)%\|")  # of the bar that LitGPT's conversion shows


def fetch(base: str, progress: Progress) -> None:
    """Makes sure that the base is here. Raises DownloadError, or StageError where LitGPT cannot convert it."""
    if is_here(base):
        return
    folder = place_of_base(base)
    half = folder.with_name(folder.name + HALF)
    half.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(f"{half}.lock", timeout=0):
            there = look(base)
            _take_over(folder, half)
            _make_room(there, half)
            _download(there, half, progress)
            _convert(base, half, progress)
            shutil.rmtree(half / ".cache", ignore_errors=True)  # what huggingface_hub notes for resuming
            half.rename(folder)
    except Timeout:
        raise DownloadError(f"another t2q run is fetching base {base}: wait for it or stop it first") from None
    except KeyboardInterrupt as stop:
        raise type(stop)(f"interrupted while fetching base {base}; the same command goes on from there") from None
    progress.say(f"✓ base {base} is in {folder}")


def _take_over(folder: Path, half: Path) -> None:
    """What another program's broken download left under the base's name is gone on with."""
    if folder.is_dir():
        if half.is_dir():
            raise DownloadError(f"{folder} and {half} each hold a part of the base: delete one of them")
        folder.rename(half)


def _make_room(there: OnHub, half: Path) -> None:
    """Raises DownloadError where the disk cannot hold what is to come: files, and the weights once more, converted."""
    (half / "lit_model.pth").unlink(missing_ok=True)  # a conversion that was broken off is made anew
    needed = there.bytes + there.weights - _bytes_in(half)
    free = shutil.disk_usage(half.parent).free
    if free < needed:
        raise DownloadError(
            f"base {there.base} takes {needed / _GIB:.1f} GiB more in {half.parent} (as published, and converted for "
            f"LitGPT), and {free / _GIB:.1f} GiB are free: free some space, or link checkpoints to a larger disk"
        )


def _download(there: OnHub, half: Path, progress: Progress) -> None:
    """File after file, small ones first: a refusal shows at once, and Ctrl-C ends at once."""
    from huggingface_hub import constants
    from huggingface_hub.utils import disable_progress_bars

    disable_progress_bars()
    constants.HF_HUB_DISABLE_XET = True  # it would begin a file anew that HTTP goes on with
    already, hub = _bytes_in(half), api()
    progress.say(
        f"▸ base {there.base}: downloading {there.bytes / _GIB:.1f} GiB"
        + (f", {already / _GIB:.1f} GiB of it are here" if already else "")
    )
    left = max(there.bytes - already, 0) // _MIB
    with progress.task(f"downloading {there.base}, MiB", total=left) as task, _watched(half, task):
        lost = f"the connection broke off while fetching base {there.base}"
        for name in sorted(there.sizes, key=there.sizes.__getitem__):
            with told(there.base, lost, "run again to go on from there"):
                hub.hf_hub_download(there.base, name, revision=there.commit, local_dir=half)
    for name, size in there.sizes.items():
        if (half / name).stat().st_size != size:
            (half / name).unlink()
            raise DownloadError(f"{half / name} was not {size} bytes long, as it should be: run again to get it anew")


def _convert(base: str, half: Path, progress: Progress) -> None:
    """By LitGPT, in a process of its own: as much memory as the weights take is free again afterwards."""
    command = [sys.executable, "-m", "litgpt", "convert_to_litgpt", str(half), "--model_name", base.rpartition("/")[2]]
    log = half / "convert.log"
    with progress.task(f"converting {base}, %", total=100) as task:
        done = 0

        def show(line: str) -> None:
            nonlocal done
            if (found := _PERCENT.search(line)) and int(found[1]) > done:
                task.advance(int(found[1]) - done)
                done = int(found[1])

        run_child(command, f"converting base {base}", log, show)
    log.unlink()


@contextmanager
def _watched(folder: Path, task: Task) -> Iterator[None]:
    """Tells the task what the folder grows by, in MiB."""
    stop, seen = threading.Event(), _bytes_in(folder)

    def look_again() -> None:
        nonlocal seen
        now = _bytes_in(folder)
        task.advance((now - seen) // _MIB)
        seen += (now - seen) // _MIB * _MIB

    def watch() -> None:
        while not stop.wait(SECONDS_BETWEEN_LOOKS):
            look_again()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        stop.set()
        watcher.join()
        look_again()


def _bytes_in(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):  # renamed at this moment
            total += path.stat().st_size if path.is_file() else 0
    return total
