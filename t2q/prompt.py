"""The prompt contract: the one place that says how a question reaches a model and how its answer comes back.

Training rows, evaluation, the chat template in Hugging Face and GGUF files, the Ollama Modelfile and `t2q ask` all
render through this module. The schema comes first and the question last, so that one schema's tokens can be shared
between questions. `PROMPT_DIGEST` changes whenever a rendering does and is part of every manifest.
"""

from __future__ import annotations

import hashlib
import re

from t2q.languages import language_for
from t2q.languages.describing import SCHEMA_LAYOUT
from t2q.schema import Schema

REFUSAL = "I don't know"
_QUESTION = "\n\nQuestion: "
_QUERY = "\nQuery:\n"

# Jinja, as Hugging Face and llama.cpp run it: system = the database, user = the question, assistant = the query.
CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{%- if message['role'] == 'system' -%}{{ message['content'] }}"
    "{%- elif message['role'] == 'user' -%}{{ '" + _QUESTION.replace("\n", "\\n") + "' + message['content'] }}"
    "{%- elif message['role'] == 'assistant' -%}{{ '" + _QUERY.replace("\n", "\\n") + "' + message['content'] }}"
    "{%- endif -%}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '" + _QUERY.replace("\n", "\\n") + "' }}{%- endif -%}"
)


def database_text(schema: Schema, samples: int = 3) -> str:
    """The part of the prompt that all questions on one database share: dialect, then the schema."""
    language = language_for(schema.dialect)
    return f"{language.title}\n{language.describe(schema, samples)}"


def render(database: str, question: str) -> str:
    """The prompt for one question; the model's answer follows it at once. White space in the question is folded."""
    return f"{database}{_QUESTION}{' '.join(question.split())}{_QUERY}"


def refusal(reason: str) -> str:
    """What a model is trained to say where the schema cannot answer."""
    return f"{REFUSAL}: {reason}"


def refusal_reason(text: str) -> str | None:
    """The reason where the model's text is a refusal ("" where it gives none), else None."""
    match = re.match(r"\s*I don.t know\b[:.,\s]*(.*)", text, re.IGNORECASE | re.DOTALL)
    return match.group(1).strip() if match else None


PROMPT_DIGEST = hashlib.sha256(
    "\x00".join([str(SCHEMA_LAYOUT), render("{database}", "{question}"), CHAT_TEMPLATE, refusal("{reason}")]).encode()
).hexdigest()[:16]
