"""A small base with its rows, and a training on them that nothing interrupted."""

from __future__ import annotations

from pathlib import Path

import pytest

from t2q.training.loop import Training
from tests.training.small import small_config, training


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("finetune") / "made"
    small_config(place)
    return place


@pytest.fixture(scope="session")
def whole(folder: Path) -> Training:
    done = training(small_config(folder))
    assert done.run()
    return done
