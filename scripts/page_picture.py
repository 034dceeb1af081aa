"""The page of `t2q serve` as a picture for the README, 1280 pixels wide:

    python -m scripts.page_picture runs/shop-sql docs/page.png

Serves the run, asks it in Chromium (Debian: apt-get install chromium), and stops. The run's log keeps the question.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.chromium import PATH, chromium
from tests.serving.browsing import ask

QUESTION = "How many orders are there for each status?"
WIDTH, LEAST_HEIGHT = 1280, 400  # pixels
# What the query is about lies open, all of it is seen, and nothing has the focus.
TIDY = """(() => {
  const query = document.querySelector("#query textarea").value;
  for (const entity of document.querySelectorAll(".entity"))
    if (query.includes(entity.querySelector(".name").textContent))
      entity.querySelector("[aria-expanded=false]")?.click();
  document.querySelector(".side").style.maxHeight = "none";
  document.documentElement.style.scrollbarGutter = "auto";
  document.activeElement.blur();
})()"""


@contextmanager
def served(run: Path) -> Iterator[str]:
    """The URL of a server that lives as long as this."""
    command = [sys.executable, "-m", "t2q", "serve", str(run), "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout
        line = server.stdout.readline()
        if " answers at " not in line:
            sys.exit(f"the server of {run} did not start")
        yield line.split(" answers at ")[1].split()[0]
    finally:
        server.terminate()
        server.wait()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path)
    parser.add_argument("picture", type=Path)
    wanted = parser.parse_args()
    if PATH is None:
        sys.exit("there is no chromium on PATH: apt-get install chromium")
    with served(wanted.run) as url, chromium() as tab:
        tab.size(WIDTH, LEAST_HEIGHT)
        tab.open(url)
        tab.wait("document.querySelector('.entities li')")
        ask(tab, QUESTION)
        tab.js(TIDY)
        tab.size(WIDTH, tab.js("document.documentElement.scrollHeight"))
        tab.picture(wanted.picture)


if __name__ == "__main__":
    main()
