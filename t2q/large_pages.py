"""How glibc is told to keep memory for programs that take a gigabyte anew in each step."""

from __future__ import annotations

import os
import sys

LARGE_PAGES = "glibc.malloc.hugetlb=1"  # by pages of 4 KiB, taking it is slow
_KEPT = ("mmap_max=0", "trim_threshold=20000000000", "top_pad=268435456")  # what is freed is not given back


def tunables(*settings: str) -> str:
    """GLIBC_TUNABLES as it is, with the settings behind it."""
    return ":".join(filter(None, (os.environ.get("GLIBC_TUNABLES"), *settings)))


def restart_with_large_pages() -> None:
    """The command that this process was started with, begun anew with the settings, which glibc reads at its start."""
    if sys.platform != "linux" or LARGE_PAGES in os.environ.get("GLIBC_TUNABLES", ""):
        return
    settings = tunables(LARGE_PAGES, *(f"glibc.malloc.{setting}" for setting in _KEPT))
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, "GLIBC_TUNABLES": settings})
