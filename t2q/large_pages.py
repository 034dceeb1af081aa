"""How glibc is told to keep memory for programs that take a gigabyte anew in each step."""

from __future__ import annotations

import os
import sys

LARGE_PAGES = "glibc.malloc.hugetlb=1"  # by pages of 4 KiB, taking it is slow
# What is freed is not given back.
KEPT = ("glibc.malloc.mmap_max=0", "glibc.malloc.trim_threshold=20000000000", "glibc.malloc.top_pad=268435456")


def tunables(*settings: str) -> str:
    """GLIBC_TUNABLES as it is, with the settings behind it."""
    return ":".join(filter(None, (os.environ.get("GLIBC_TUNABLES"), *settings)))


def restart_with_large_pages(*more: str) -> None:
    """The command that this process was started with, begun anew with large pages, and `more` settings.

    glibc reads them when a process starts. Returns where it has them already.
    """
    if sys.platform != "linux" or LARGE_PAGES in os.environ.get("GLIBC_TUNABLES", ""):
        return
    environment = {**os.environ, "GLIBC_TUNABLES": tunables(LARGE_PAGES, *more)}
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)
