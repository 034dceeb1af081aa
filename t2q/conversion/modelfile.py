"""The prompt contract as an Ollama Modelfile. Ollama does not run a GGUF's chat template (it is no Jinja).

Format: https://github.com/ollama/ollama/blob/main/docs/modelfile.md
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from t2q.errors import StageError
from t2q.models.llama_file import LlamaFile
from t2q.prompt import OWN, PromptStyle, render

MAX_QUESTION = 256  # tokens
MAX_ANSWER = 512  # tokens; Ollama's own default is no limit


def modelfile(gguf_path: Path, database: str, style: PromptStyle = OWN) -> str:
    """The text of a Modelfile to lie beside the GGUF file; `database` is the prompt's database text.

    Where that is "", the model is about no one database, and who asks sends the text as the system's.
    Raises StageError on a database text that a Modelfile cannot hold.
    """
    if re.search(r'"""[ \t]*$', database, re.MULTILINE):
        raise StageError('a line of the database text ends with """, which would end it early in an Ollama Modelfile')
    template = render("{{ .System }}", "{{ .Prompt }}", style) + "{{ .Response }}"
    with LlamaFile(gguf_path, vocabulary_only=True) as file:
        needed = len(file.encode(render(database, "", style))) + MAX_QUESTION + MAX_ANSWER if database else sys.maxsize
        parameters = {
            "stop": f'"{file.end_token}"',
            "temperature": 0,
            "repeat_penalty": 1,  # Ollama's default of 1.1 would change greedy answers
            "num_predict": MAX_ANSWER,
            "num_ctx": min(needed, file.context_length),
        }
    return "\n".join(
        [
            f"FROM ./{gguf_path.name}",
            f'TEMPLATE """{template}"""',
            *(f"PARAMETER {name} {value}" for name, value in parameters.items()),
            *([f'SYSTEM """{database}"""'] if database else []),
            "",
        ]
    )
