"""What a training needs to go on after an interruption, in one file that is whole or not there."""

from __future__ import annotations

import os
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from t2q.errors import StageError


def save_state(state: dict[str, Any], path: Path) -> None:
    """Replaces the file durably. Raises OSError or RuntimeError where it cannot, and leaves the old one."""
    partial = path.with_name(f"{path.name}.partial")
    try:
        with partial.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def read_state(path: Path) -> dict[str, Any] | None:
    """The state, on the CPU, or None where there is none. Raises StageError where the file cannot be read."""
    if not path.is_file():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, EOFError, KeyError, RuntimeError, UnpicklingError) as error:  # all that PyTorch says of such files
        raise StageError(f"{path} cannot be read ({type(error).__name__})") from error
    return state
