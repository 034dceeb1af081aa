"""`t2q log export`: interactions as JSON Lines or CSV."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import fields
from pathlib import Path
from typing import TextIO

from t2q.durable import whole_file
from t2q.log.interaction import Interaction, as_object
from t2q.log.selecting import Selection
from t2q.log.store import open_log


def export_command(run: Path, selection: Selection, out: Path | None, format: str | None) -> None:
    """`format` None: as the name of `out` ends, JSON Lines where that says nothing."""
    ending = out.suffix.lower().removeprefix(".") if out else ""
    write = _WRITERS.get(format or ending, _json_lines)
    with open_log(run) as log, _opened(out) as file:
        write(log.find(selection.wanted(log)), file)


def _opened(out: Path | None) -> AbstractContextManager[TextIO]:
    if out is None:
        return nullcontext(sys.stdout)
    if out.exists() and not out.is_file():  # a pipe or a device, which no file may take the place of
        return out.open("w", encoding="utf-8", newline="")
    return whole_file(out.resolve())


def _json_lines(found: Iterable[Interaction], file: TextIO) -> None:
    for one in found:
        file.write(json.dumps(as_object(one), ensure_ascii=False) + "\n")


def _csv(found: Iterable[Interaction], file: TextIO) -> None:
    names = [field.name for field in fields(Interaction)]
    writer = csv.DictWriter(file, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(as_object, found))


_WRITERS: dict[str, Callable[[Iterable[Interaction], TextIO], None]] = {"jsonl": _json_lines, "csv": _csv}
