"""What lies outside a run and changes its results: a database's content, a base's weights. Without torch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from t2q.databases.urls import database_file, spider_folder
from t2q.log.promoted import PROMOTED
from t2q.recipe import Recipe

if TYPE_CHECKING:
    from t2q.pretrain.recipe import PretrainRecipe

OWN_BASES = "t2q/"  # made by this project, so they may change under the same name
# Where bases lie: in the folder that one works in, or in the clone that t2q was installed from.
CHECKPOINTS = (Path("checkpoints"), Path(__file__).parents[1] / "checkpoints")


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def files_digest(paths: Iterable[Path], root: Path) -> str:
    """SHA-256 over names (relative to root) and contents, in the order of names."""
    lines = [f"{p.relative_to(root).as_posix()} {file_digest(p)}" for p in sorted(paths)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def database(recipe: Recipe) -> dict[str, str]:
    """The content of a file, or of a folder's, else (a server) the schema with its sample values.

    Raises DatabaseError.
    """
    if folder := spider_folder(recipe.database):
        found = [*folder.glob("*.jsonl"), *folder.glob("database/*/*.sqlite")]
        return {"content of the databases": files_digest(found, folder)}
    path = database_file(recipe.database)
    if path is not None and path.is_file():
        logs = [path.with_name(path.name + end) for end in ("-wal", ".wal")]  # the newest changes may be there still
        written = [path, *(log for log in logs if log.is_file() and log.stat().st_size)]
        return {"database content": "".join(map(file_digest, written))}
    from t2q.databases import open_database

    with open_database(recipe.database) as opened:
        return {"database content": opened.schema().digest}


def files(recipe: Recipe) -> dict[str, str]:
    """The content of the recipe's files of pairs."""
    return _files(recipe.pairs.files)


def promoted(recipe: Recipe) -> dict[str, str]:
    """The pairs that were promoted from the run's log, where there are any."""
    path = recipe.run_dir / PROMOTED
    return {"pairs promoted from the log": file_digest(path)} if path.is_file() else {}


def questions(_: Recipe) -> dict[str, str]:
    """How questions are made: intents and wordings. What older ones made is made again; it trains again only if it came
    out otherwise."""
    return {"how questions are made": _sources("data/**/*")}


def _sources(*patterns: str) -> str:
    """The digest of this package's code and words under some names, as `Path.glob` has them."""
    root = Path(__file__).parent
    found = {path for pattern in patterns for path in root.glob(pattern) if path.suffix in {".py", ".yaml"}}
    return files_digest(found, root)


def corpus(recipe: PretrainRecipe) -> dict[str, str]:
    """How a pretraining corpus is made, and the content of the real questions that it mixes in."""
    wikisql, text2cypher = recipe.corpus.sources
    real = _files([wikisql, *map(str, sorted(Path(text2cypher).glob("*.csv")) if text2cypher else ())])
    made = _sources("data/**/*", "pretrain/worlds/**/*", "pretrain/corpus.py", "pretrain/copying.py")
    return {"how databases and questions are made up": made, **real}


def _files(names: Iterable[str]) -> dict[str, str]:
    return {f"questions in {name}": file_digest(Path(name)) for name in names if Path(name).is_file()}


def place_of_base(base: str) -> Path:
    """The folder of a base, there or not."""
    return next((root / base for root in CHECKPOINTS if (root / base).is_dir()), CHECKPOINTS[0] / base)


def base(recipe: Recipe) -> dict[str, str]:
    """The base that is fine-tuned."""
    return _base(recipe.base)


def start(recipe: PretrainRecipe) -> dict[str, str]:
    """The base that a pretraining begins from."""
    return _base(recipe.start)


def _base(name: str) -> dict[str, str]:
    """The weights and tokenizer of one of the project's own bases; others do not change under their name."""
    if not name.startswith(OWN_BASES):
        return {}
    folder = place_of_base(name)
    patterns = ("*.safetensors", "config.json", "model_config.yaml", "tokenizer*.json")
    return {"base weights": files_digest((p for pattern in patterns for p in folder.glob(pattern)), folder)}
