"""Files that are whole or not there, whatever interrupts their writing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


@contextmanager
def whole_file(path: Path) -> Iterator[TextIO]:
    """A text file, its line ends kept as written, that takes the place of `path` when the block is left in good
    order. Raises OSError."""
    half = path.with_name(f".{path.name}-{os.getpid()}.partial")
    try:
        with half.open("w", encoding="utf-8", newline="") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        half.replace(path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error  # the name that the caller gave
    finally:
        half.unlink(missing_ok=True)
    fsync(path.parent)


def fsync(path: Path) -> None:
    """Makes a file, or the names in a folder, durable."""
    if path.is_dir() and os.name == "nt":  # a directory cannot be opened there
        return
    handle = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
