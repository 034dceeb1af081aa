"""The prompt contract: the one place that says how a question reaches a model and how its answer comes back.

Training rows, evaluation, the chat template in Hugging Face and GGUF files, the Ollama Modelfile and `t2q ask` all
render through this module. In the project's own form the schema comes first and the question last, so that one
schema's tokens can be shared between questions; `STYLES` has forms that others have published. `PROMPT_DIGEST` changes
whenever a rendering does and is part of every manifest.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from t2q.languages import language_for
from t2q.languages.describing import SCHEMA_LAYOUT
from t2q.schema import Schema

REFUSAL = "I don't know"
_SAID = "message['content']"
_SET_DATABASE = (
    "{%- if messages[0]['role'] == 'system' -%}{%- set database = messages[0]['content'] -%}"
    "{%- else -%}{%- set database = '' -%}{%- endif -%}"
)


@dataclass(frozen=True)
class PromptStyle:
    """A form of prompt: the text before, between and after its two parts, the database and the question.

    `question_first`: the question is the first of them, so that no two prompts share the database's tokens.
    `language`: the only query language that the text speaks of, "" where it speaks of none.
    """

    name: str
    before: str
    between: str
    after: str
    question_first: bool = False
    language: str = ""

    @property
    def chat_template(self) -> str:
        """Jinja, as Hugging Face and llama.cpp run it: system = the database, user = the question, assistant = the
        query."""
        before, between, after = map(_literal, (self.before, self.between, self.after))
        if self.question_first:
            said: dict[str, tuple[str, ...]] = {"user": (before, _SAID, between, "database")}
        else:
            said = {"system": (before, _SAID), "user": (between, _SAID)}
        roles = [
            f"if message['role'] == '{role}' -%}}{{{{ {' + '.join(filter(None, parts))} }}}}"
            for role, parts in {**said, "assistant": (after, _SAID)}.items()
        ]
        return (
            f"{_SET_DATABASE if self.question_first else ''}"
            "{%- for message in messages -%}"
            f"{{%- {'{%- el'.join(roles)}{{%- endif -%}}"
            "{%- endfor -%}"
            f"{{%- if add_generation_prompt -%}}{{{{ {after} }}}}{{%- endif -%}}"
        )


def _literal(text: str) -> str:
    """A string of Jinja; "" where there is no text."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped}'" if text else ""


OWN = PromptStyle("t2q", before="", between="\n\nQuestion: ", after="\nQuery:\n")
# As the card of neo4j/text2cypher-gemma-2-9b-it-finetuned-2024v1 has it, its white space included.
NEO4J = PromptStyle(
    "neo4j",
    before="Generate Cypher statement to query a graph database. "
    "Use only the provided relationship types and properties in the schema. \nSchema: ",
    between=" \n Question: ",
    after="  \n Cypher output: ",
    language="cypher",
)
# https://github.com/tatsu-lab/stanford_alpaca, for an instruction with an input; the line break at the end is LitGPT's.
ALPACA = PromptStyle(
    "alpaca",
    before="Below is an instruction that describes a task, paired with an input that provides further context. "
    "Write a response that appropriately completes the request.\n\n### Instruction:\n",
    between="\n\n### Input:\n",
    after="\n\n### Response:\n",
    question_first=True,
)
STYLES = {style.name: style for style in (OWN, NEO4J, ALPACA)}


def database_text(schema: Schema, samples: int = 3) -> str:
    """The part of the prompt that all questions on one database share: dialect, then the schema."""
    language = language_for(schema.dialect)
    return f"{language.title}\n{language.describe(schema, samples)}"


def render(database: str, question: str, style: PromptStyle = OWN) -> str:
    """The prompt for one question; the model's answer follows it at once. White space in the question is folded."""
    parts = (database, " ".join(question.split()))
    first, second = reversed(parts) if style.question_first else parts
    return f"{style.before}{first}{style.between}{second}{style.after}"


def refusal(reason: str) -> str:
    """What a model is trained to say where the schema cannot answer."""
    return f"{REFUSAL}: {reason}"


def refusal_reason(text: str) -> str | None:
    """The reason where the model's text is a refusal ("" where it gives none), else None."""
    match = re.match(r"\s*I don.t know\b[:.,\s]*(.*)", text, re.IGNORECASE | re.DOTALL)
    return match.group(1).strip() if match else None


PROMPT_DIGEST = hashlib.sha256(
    "\x00".join(
        [
            str(SCHEMA_LAYOUT),
            *(render("{database}", "{question}", style) for style in STYLES.values()),
            *(style.chat_template for style in STYLES.values()),
            refusal("{reason}"),
        ]
    ).encode()
).hexdigest()[:16]
