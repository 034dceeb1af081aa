"""Every program that renders the prompt renders the same tokens: t2q, transformers, llama.cpp and Ollama."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
from llama_cpp.llama_chat_format import Jinja2ChatFormatter
from transformers import AutoTokenizer

from t2q.conversion.chat_template import chat_template
from t2q.conversion.hf import chat_template_for
from t2q.conversion.modelfile import modelfile
from t2q.errors import StageError
from t2q.models.llama_file import LlamaFile
from t2q.models.tokenizer import FolderTokenizer
from t2q.prompt import OWN, STYLES, PromptStyle, render
from t2q.recipe import Prompt
from t2q.training.prompt_style import PROMPTS
from tests.models.builders import DATABASE, PAIRS, QUESTIONS
from tests.models.conftest import Chain

QUESTION = QUESTIONS[5]
MESSAGES = [{"role": "system", "content": DATABASE}, {"role": "user", "content": QUESTION}]


def ollama_prompt(text: str, question: str) -> str:
    """What Ollama makes of a Modelfile, as far as ours uses its template language: variables, cut at the response."""
    blocks = dict(re.findall(r'^(TEMPLATE|SYSTEM) """(.*?)"""$', text, re.MULTILINE | re.DOTALL))
    template = blocks["TEMPLATE"].partition("{{ .Response }}")[0]
    values = {"System": blocks["SYSTEM"], "Prompt": question}
    return re.sub(r"\{\{ \.(\w+) \}\}", lambda match: values[match[1]], template)


def renderings(hf_folder: Path, gguf: Path, style: PromptStyle = OWN) -> dict[str, list[int]]:
    """The tokens of one prompt, by who renders it; in the project's own form, by the templates that the files carry."""
    hf, tokenizer = AutoTokenizer.from_pretrained(hf_folder), FolderTokenizer(hf_folder)
    with LlamaFile(gguf, vocabulary_only=True) as file:
        template = file.metadata("tokenizer.chat_template")
        if style is not OWN:
            hf.chat_template, template = chat_template_for(hf_folder, tokenizer, style), chat_template(tokenizer, style)
        formatter = Jinja2ChatFormatter(template=template, eos_token=file.end_token, bos_token=hf.bos_token or "")
        rendered = formatter(messages=MESSAGES).prompt  # type: ignore[arg-type]
        bos = hf.bos_token if rendered.startswith(hf.bos_token or "-") else ""
        assert rendered == bos + render(DATABASE, QUESTION, style)
        return {
            "transformers": hf.apply_chat_template(MESSAGES, add_generation_prompt=True, return_dict=False),
            "llama.cpp": file.encode(rendered.removeprefix(bos)),
            "Ollama": file.encode(ollama_prompt(modelfile(gguf, DATABASE, style), QUESTION)),
        }


@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES)
def test_all_renderings_are_the_same_tokens(chain: Chain, style: PromptStyle) -> None:
    found = renderings(chain.hf, chain.gguf["f16"], style)
    assert found == dict.fromkeys(found, chain.models["lit"].encode(render(DATABASE, QUESTION, style)))


@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES)
def test_a_conversation_with_an_answer_is_a_training_row(chain: Chain, style: PromptStyle) -> None:
    question, answer = PAIRS[0]
    hf = AutoTokenizer.from_pretrained(chain.hf)
    hf.chat_template = chat_template_for(chain.hf, FolderTokenizer(chain.hf), style)
    messages = [MESSAGES[0], {"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    trained = PROMPTS[style.name]().apply(question, input=DATABASE) + answer
    row = chain.models["lit"].encode(trained)
    assert trained == render(DATABASE, question, style) + answer
    assert hf.apply_chat_template(messages, return_dict=False) == row


def test_a_recipe_may_name_every_form() -> None:
    assert set(get_args(Prompt)) == STYLES.keys() == PROMPTS.keys()


def test_the_modelfile_stops_and_is_greedy(chain: Chain) -> None:
    text = modelfile(chain.gguf["q8_0"], DATABASE)
    end = {"qwen2": "<|endoftext|>"}.get(chain.shape, "</s>")
    assert text.startswith("FROM ./model-q8_0.gguf\n")
    for line in (f'PARAMETER stop "{end}"', "PARAMETER temperature 0", "PARAMETER repeat_penalty 1"):
        assert line in text.splitlines()
    context = int(re.search(r"num_ctx (\d+)", text)[1])  # type: ignore[index]
    assert len(chain.models["lit"].encode(render(DATABASE, QUESTION))) + 512 < context <= 1024


def test_text_that_would_end_the_system_block_is_refused(chain: Chain) -> None:
    with pytest.raises(StageError, match='"""'):
        modelfile(chain.gguf["f16"], 'tables\na """\nb')
