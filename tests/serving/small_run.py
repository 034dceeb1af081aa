"""A finished run with a real model, made in seconds: the small base as it is, over the small shop."""

from __future__ import annotations

from pathlib import Path

from t2q.conversion.gguf import convert_to_gguf
from t2q.conversion.modelfile import modelfile
from t2q.databases import open_database
from t2q.manifest import Ingredients, Manifest
from t2q.prompt import database_text
from tests.serving.server import shop

BASE = Path(__file__).parents[2] / "checkpoints" / "t2q" / "pico-small"


def small_run(folder: Path) -> Path:
    """The run in `folder/runs/small`, its database in `folder`."""
    run = folder / "runs" / "small"
    prepare, quantize = run / "prepare", run / "quantize"
    prepare.mkdir(parents=True)
    quantize.mkdir()
    url = f"sqlite:///{shop(folder).name}"
    with open_database(f"sqlite:///{folder / 'shop.sqlite'}") as database:
        schema = database.schema()
    text = database_text(schema)
    (prepare / "schema.json").write_text(schema.to_json())
    (prepare / "database.txt").write_text(f"{text}\n")
    manifest(url).write(prepare)
    model = quantize / "model-f16.gguf"
    convert_to_gguf(BASE, model, "f16", name="small", description="the base as it is")
    (quantize / "Modelfile").write_text(modelfile(model, text))
    return run


def manifest(url: str) -> Manifest:
    ingredients = Ingredients("prepare", {"database": url}, inputs={}, versions={}, outside={})
    return Manifest("prepare", "", ingredients, 0, "cpu", "cpu", "", "", 0.0, 0, "")
