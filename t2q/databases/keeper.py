"""Runs a command for as long as its own standard input stays open: `python keeper.py FOLDER COMMAND…`.

The parent holds the other end of the pipe, so the system closes it whenever and however the parent ends. Then, or at
the first byte from the parent, the command is killed and FOLDER removed. Where the command ends by itself, so does the
keeper, and FOLDER stays, with the command's output in `output.txt`. Only the standard library is used, so that it
starts in milliseconds.
"""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import threading

OUTPUT = "output.txt"
PR_SET_PDEATHSIG = 1  # linux/prctl.h


def die_with_keeper() -> None:
    """In the command, on Linux: it is killed when the keeper itself is. Safe there, with one thread at that time."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def main(folder: str, *command: str) -> None:
    with open(os.path.join(folder, OUTPUT), "wb") as output:  # noqa: PTH118, PTH123 (pathlib doubles the start)
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=die_with_keeper if sys.platform == "linux" else None,
        )
    parent_ended = threading.Event()

    def end_with_command() -> None:
        process.wait()
        if not parent_ended.is_set():
            os._exit(0)  # the main thread cannot be woken from read()

    threading.Thread(target=end_with_command, daemon=True).start()
    sys.stdin.buffer.read(1)  # returns at the end of the pipe, or with a byte
    parent_ended.set()
    process.kill()
    process.wait()
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
