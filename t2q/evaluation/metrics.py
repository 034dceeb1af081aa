"""Scores over many questions. Shares are in 0..1; formulas and their sources are in each docstring."""

from __future__ import annotations

import html
import math
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

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


def ngram_matches(prediction: str, reference: str) -> tuple[int, int]:
    """The n-grams that the two share, and the number of those of the longer one: what Google BLEU sums over a corpus.

    Its score is the ratio of the two sums (Wu et al. 2016, arXiv 1609.08144; nltk's `corpus_gleu` under HF evaluate's
    `google_bleu`): n from 1 to 4, tokenizer 13a. A query with one arrow turned round scores above 0.7: never quote it
    without an execution accuracy.
    """
    mine, theirs = _ngrams(tokenize_13a(prediction)), _ngrams(tokenize_13a(reference))
    return (mine & theirs).total(), max(mine.total(), theirs.total())


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


def bootstrap(parts: Sequence[float], wholes: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval of sum(parts) / sum(wholes) by resampling questions (Efron 1979, percentiles of 1,000 samples).

    One part and one whole a question; the same in every call, since the samples are seeded. (0, 1) without any.
    """
    if not sum(wholes):
        return 0.0, 1.0
    drawn = np.random.default_rng(0).integers(len(parts), size=(1000, len(parts)))
    totals = np.asarray(wholes, float)[drawn].sum(axis=1)
    ratios = np.asarray(parts, float)[drawn].sum(axis=1) / np.where(totals, totals, 1)
    low, high = np.percentile(ratios, (2.5, 97.5))
    return float(low), float(high)


def trustsql_rs(right: int, abstained: int, wrong: int, penalty: float) -> float:
    """TrustSQL's reliability score RS(c), -100 c to 100 (Lee et al. 2024, arXiv 2403.15879).

    `right`: correct queries, and unanswerable questions declined (+1 each); `abstained`: answerable questions declined
    (0); `wrong`: wrong queries, and unanswerable questions answered (-c each, c = `penalty`: 0, 10, or the number of
    all questions).
    """
    questions = right + abstained + wrong
    return 100 * (right - penalty * wrong) / questions if questions else 0.0
