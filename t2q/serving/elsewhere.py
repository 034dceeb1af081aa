"""The lines that serve a run's model with other servers. They answer with a query: no guide, no guard, no rows."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from t2q.errors import T2QError


def how(run: Path) -> str:
    """Raises T2QError where the run has no model yet."""
    folder = next((run / stage for stage in ("quantize", "gguf") if (run / stage / "Modelfile").is_file()), None)
    if folder is None:
        raise T2QError(f"the run in {run} has no model yet: finish it with `t2q run RECIPE`")
    modelfile = (folder / "Modelfile").read_text(encoding="utf-8")
    file, context = (_found(pattern, modelfile) for pattern in (r"^FROM \./(.+)$", r"^PARAMETER num_ctx (\d+)$"))
    name = run.resolve().name
    ollama, gguf, hf = (shlex.quote(str(path)) for path in (folder, folder / file, run / "hf"))
    database = run / "prepare" / "database.txt"
    return f"""\
These answer a question with a query, and run nothing: what they write is neither kept to the database nor checked.

Ollama
  cd {ollama} && ollama create {name.lower()} -f Modelfile
  ollama run {name.lower()} "How many …?"

llama-cpp-python (pip install 'llama-cpp-python[server]'), OpenAI-compatible at http://127.0.0.1:8000/v1
  python -m llama_cpp.server --model {gguf} --model_alias {name} --n_ctx {context}

vLLM (pip install vllm), OpenAI-compatible at http://127.0.0.1:8000/v1
  vllm serve {hf} --served-model-name {name} --host 127.0.0.1

The last two want the text of {database}, without its last line break, as the system
message, the question as the user's, and temperature 0."""


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text, re.MULTILINE)
    assert match, pattern  # `modelfile` always writes it
    return match[1]
