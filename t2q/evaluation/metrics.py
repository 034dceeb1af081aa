"""Scores over many questions. Shares are in 0..1; formulas and their sources are in each docstring."""

from __future__ import annotations

import html
import math
import re
from collections import Counter
from collections.abc import Sequence

from t2q.languages.base import Language

_MAX_NGRAM = 4
# sacreBLEU's tokenizer 13a (mteval-v13a): punctuation apart, but periods and commas only beside non-digits.
_TOKENIZER_13A = [
    (re.compile(r"([\{-\~\[-\` -\&\(-\+\:-\@\/])"), r" \1 "),
    (re.compile(r"([^0-9])([\.,])"), r"\1 \2 "),
    (re.compile(r"([\.,])([^0-9])"), r" \1 \2"),
    (re.compile(r"([0-9])(-)"), r"\1 \2 "),
]


def tokenize_13a(text: str) -> list[str]:
    """Words as sacreBLEU's and HF evaluate's tokenizer 13a cuts them."""
    text = text.replace("<skipped>", "").replace("-\n", "").replace("\n", " ")
    text = f" {html.unescape(text) if re.search('&(?:quot|amp|lt|gt);', text) else text} "
    for pattern, replacement in _TOKENIZER_13A:
        text = pattern.sub(replacement, text)
    return text.split()


def google_bleu(predictions: Sequence[str], references: Sequence[str]) -> float:
    """Corpus Google BLEU: matched n-grams over max(n-grams of hypothesis, of reference), both summed over the corpus.

    Wu et al. 2016 (arXiv 1609.08144); as nltk's `corpus_gleu` under HF evaluate's `google_bleu`: n from 1 to 4,
    tokenizer 13a. 0.0 for an empty corpus. A query with one arrow turned round scores above 0.7: never quote it without
    an execution accuracy.
    """
    matched = total = 0
    for prediction, reference in zip(predictions, references, strict=True):
        mine, theirs = _ngrams(tokenize_13a(prediction)), _ngrams(tokenize_13a(reference))
        matched += (mine & theirs).total()
        total += max(mine.total(), theirs.total())
    return matched / total if total else 0.0


def _ngrams(tokens: list[str]) -> Counter[tuple[str, ...]]:
    return Counter(tuple(tokens[i : i + n]) for n in range(1, _MAX_NGRAM + 1) for i in range(len(tokens) - n + 1))


def exact_match(prediction: str, reference: str, language: Language) -> bool:
    """Equality of the normalised queries."""
    return language.normalize(prediction) == language.normalize(reference)


def token_match(prediction: str, reference: str, language: Language) -> float:
    """The share of the reference's distinct words that the prediction has, both normalised."""
    wanted = set(language.tokens(reference))
    return len(wanted & set(language.tokens(prediction))) / len(wanted) if wanted else 0.0


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """The 95 % confidence interval of a share (Wilson 1927); (0, 1) without trials."""
    if trials == 0:
        return 0.0, 1.0
    z = 1.959963984540054  # the 97.5 % point of the normal distribution
    share = successes / trials
    middle = share + z * z / (2 * trials)
    reach = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    return max(0.0, (middle - reach) / scale), min(1.0, (middle + reach) / scale)


def trustsql_rs(right: int, abstained: int, wrong: int, penalty: float) -> float:
    """TrustSQL's reliability score RS(c), -100 c to 100 (Lee et al. 2024, arXiv 2403.15879).

    `right`: correct queries, and unanswerable questions declined (+1 each); `abstained`: answerable questions declined
    (0); `wrong`: wrong queries, and unanswerable questions answered (-c each, c = `penalty`: 0, 10, or the number of
    all questions).
    """
    questions = right + abstained + wrong
    return 100 * (right - penalty * wrong) / questions if questions else 0.0
