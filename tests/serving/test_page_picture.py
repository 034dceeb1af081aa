"""The picture for the README, of a run with a real model."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

from tests import chromium
from tests.serving.small_run import small_run


@chromium.wanted
def test_the_picture_for_the_readme(tmp_path: Path) -> None:
    picture = tmp_path / "page.png"
    command = [sys.executable, "-m", "scripts.page_picture", small_run(tmp_path), picture]
    subprocess.run(command, cwd=Path(__file__).parents[2], timeout=120, check=True)
    head = picture.read_bytes()[:24]
    width, height = struct.unpack(">II", head[16:])
    assert head.startswith(b"\x89PNG") and width == 1280 and height > 400
