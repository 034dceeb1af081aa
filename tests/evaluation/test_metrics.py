"""Scores over many questions, against numbers from elsewhere."""

import pytest

from t2q.evaluation.metrics import bootstrap, exact_match, ngram_matches, token_match, tokenize_13a, trustsql_rs, wilson
from t2q.languages import language_for

SQL = language_for("sqlite")
CYPHER = language_for("cypher")


def google_bleu(predictions: list[str], references: list[str]) -> float:
    counts = [ngram_matches(p, r) for p, r in zip(predictions, references, strict=True)]
    return sum(matched for matched, _ in counts) / (sum(total for _, total in counts) or 1)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("SELECT a.b, 1.5 FROM t-1 &amp; 'x_y'", "SELECT a . b , 1.5 FROM t-1 & 'x _ y'"),
        ("(a)-[:B]->(c {d: 2-3})", "( a ) - [ : B ] - > ( c { d : 2 - 3 } )"),
    ],
)
def test_tokenizer_13a(text: str, words: str) -> None:
    """As sacrebleu's Tokenizer13a cuts them."""
    assert " ".join(tokenize_13a(text)) == words


@pytest.mark.parametrize(
    ("predictions", "references", "score"),
    [
        (["the cat"], ["the cat sat on a mat."], 0.13636363636363635),
        (["SELECT a, 1.5 FROM t-1 &amp; 'x'"], ["SELECT a FROM t"], 0.15384615384615385),
        (["a b", "c"], ["a b", "d"], 0.75),
        (["", "x"], ["a", ""], 0.0),
        ([], [], 0.0),
    ],
)
def test_google_bleu(predictions: list[str], references: list[str], score: float) -> None:
    """As nltk's corpus_gleu says; in the third the corpus is summed, where a mean over sentences would give 0.5."""
    assert google_bleu(predictions, references) == pytest.approx(score)


def test_a_reversed_arrow_hardly_moves_google_bleu() -> None:
    gold = "MATCH (p:Person)-[:ACTED_IN]->(m:Movie) RETURN p.name"
    reversed_arrow = "MATCH (p:Person)<-[:ACTED_IN]-(m:Movie) RETURN p.name"
    assert 0.8 < google_bleu([reversed_arrow], [gold]) < 0.83
    assert not exact_match(reversed_arrow, gold, CYPHER)
    assert token_match(reversed_arrow, gold, CYPHER) == 1.0


def test_exact_and_token_match() -> None:
    gold = "SELECT name FROM cities WHERE size > 5"
    assert exact_match("select Name from Cities where size>5;", gold, SQL)
    assert not exact_match("SELECT name FROM cities WHERE size > 6", gold, SQL)
    assert token_match("SELECT name FROM towns WHERE size > 5", gold, SQL) == pytest.approx(6 / 7)
    assert token_match("", gold, SQL) == 0.0


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        (0, 10, 0.0, 0.2775),  # Brown, Cai and DasGupta 2001, and statsmodels' proportion_confint(method="wilson")
        (5, 10, 0.2366, 0.7634),
        (85, 100, 0.7672, 0.9069),
        (150, 150, 0.9750, 1.0),
        (0, 0, 0.0, 1.0),
    ],
)
def test_wilson(successes: int, trials: int, low: float, high: float) -> None:
    assert wilson(successes, trials) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(("penalty", "score"), [(0, 60.0), (10, -140.0), (10.0, -140.0), (1, 40.0)])
def test_trustsql(penalty: float, score: float) -> None:
    """Ten questions: six right, two declined that had an answer, two wrong."""
    assert trustsql_rs(right=6, abstained=2, wrong=2, penalty=penalty) == pytest.approx(score)


def test_a_bootstrap_of_whole_questions_is_near_wilson() -> None:
    low, high = bootstrap([1] * 85 + [0] * 15, [1] * 100)
    assert (low, high) == pytest.approx(wilson(85, 100), abs=0.02)
    assert bootstrap([1] * 85 + [0] * 15, [1] * 100) == (low, high)
    assert bootstrap([], []) == (0.0, 1.0)
    assert bootstrap([3, 1], [4, 4]) == (0.25, 0.75)
