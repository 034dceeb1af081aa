"""The prompt contract as a chat template that a model's own files carry."""

from __future__ import annotations

from t2q.models.tokenizer import FolderTokenizer
from t2q.prompt import CHAT_TEMPLATE


def chat_template(tokenizer: FolderTokenizer, for_transformers: bool) -> str:
    """Begins with the beginning token where the model wants one: programs that run a template add none themselves.

    The tokenizers of Llama 2's kind want a space before the first word, Gemma's do not. llama.cpp writes it after a
    beginning token in the text, transformers 5 does not.
    """
    if tokenizer.bos_id is None:
        return CHAT_TEMPLATE
    space = " + ' '" if for_transformers and tokenizer.prefix_space else ""
    return f"{{{{- bos_token{space} -}}}}{CHAT_TEMPLATE}"
