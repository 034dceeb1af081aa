"""The prompt contract as a chat template that a model's own files carry."""

from __future__ import annotations

from t2q.models.tokenizer import FolderTokenizer
from t2q.prompt import PromptStyle


def chat_template(tokenizer: FolderTokenizer, style: PromptStyle, space: bool = False) -> str:
    """Begins with the beginning token where the model wants one: programs that run a template add none themselves.

    `space`: and with a space behind it. The tokenizers of Llama 2's kind want one before the first word, which
    llama.cpp writes itself after a beginning token in the text.
    """
    if tokenizer.bos_id is None:
        return style.chat_template
    space_after = " + ' '" if space else ""
    return f"{{{{- bos_token{space_after} -}}}}{style.chat_template}"
