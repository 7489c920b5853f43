from pathlib import Path

import numpy as np
import pytest
from gensim.test.utils import datapath

from uncone.tasks import Analogy, evaluate
from uncone.tasks.analogy import METHODS, answer


@pytest.fixture(scope="module")
def few_questions(tmp_path_factory):
    """Every fortieth of the packaged questions, in gensim's format and in ours."""
    folder = tmp_path_factory.mktemp("analogies")
    sections, rows = [], ["category\ta\tb\tc\td"]
    for i, line in enumerate(Path(datapath("questions-words.txt")).read_text().splitlines()):
        if line.startswith(": "):
            category = line[2:]
            sections.append(line)
        elif i % 40 == 0:
            sections.append(line)
            rows.append("\t".join([category, *line.split()]))
    (folder / "few.txt").write_text("\n".join(sections))
    (folder / "few.tsv").write_text("\n".join(rows))
    return folder / "few.txt", folder / "few.tsv"


def test_3cosadd_equals_gensim(few_questions, glove, glove_gensim):
    theirs, ours = few_questions
    accuracy, sections = glove_gensim.evaluate_word_analogies(theirs)
    task = Analogy(ours)
    predictions = {p.subset: p for p in task.predict(glove)}
    found = {name: (p.predicted == p.gold).mean() for name, p in predictions.items() if len(p.gold)}
    assert found["total"] == accuracy
    assert accuracy > 0.4
    for section in sections[:-1]:
        asked = len(section["correct"]) + len(section["incorrect"])
        assert len(predictions[section["section"]].gold) == asked
        if asked:
            assert found[section["section"]] == len(section["correct"]) / asked
    total = predictions["total"]
    assert len(total.covered) == len(task.data)
    assert len(predictions["semantic"].covered) + len(predictions["syntactic"].covered) == len(task.data)


@pytest.mark.filterwarnings("ignore:Call to deprecated:DeprecationWarning")  # gensim calls what it has deprecated
def test_3cosmul_equals_gensim(few_questions, glove, glove_gensim):
    task = Analogy(few_questions[1], "3cosmul")
    total = task.predict(glove)[0]
    words = list(glove.index)
    questions = task.data
    asked = [
        [column[i].lower() for column in (questions.a, questions.b, questions.c)] for i in np.flatnonzero(total.covered)
    ]
    for (a, b, c), predicted in list(zip(asked, total.predicted, strict=True))[:150]:
        ((expected, _),) = glove_gensim.most_similar_cosmul(positive=[b, c], negative=[a], topn=1)
        assert words[predicted] == expected


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("block", [7, 1000])
def test_answers_equal_brute_force(method, block, monkeypatch):
    """Over variants of one word, inputs given twice, and blocks smaller than the vocabulary."""
    generator = np.random.default_rng(0)
    table = generator.normal(size=(60, 5)) + 0.5
    forms = np.minimum(np.arange(60), generator.integers(0, 40, size=60))
    questions = forms[generator.integers(0, 60, size=(300, 3))]
    monkeypatch.setattr("uncone.tasks.analogy._BLOCK", block)

    unit = table / np.linalg.norm(table, axis=1, keepdims=True)
    expected = []
    for question in questions:
        a, b, c = (unit @ unit[np.flatnonzero(forms == form)[0]] for form in question)
        scores = b - a + c if method == "3cosadd" else (1 + b) / 2 * (1 + c) / 2 / ((1 + a) / 2 + 1e-6)
        scores[np.isin(forms, question)] = -np.inf
        expected.append(forms[scores.argmax()])
    np.testing.assert_array_equal(answer(table, forms, questions, method), expected)


def test_case_folding(tmp_path, make_vectors):
    path = tmp_path / "q.tsv"
    path.write_text("category\ta\tb\tc\td\nfamily\tMan\tWoman\tKing\tQueen\n")
    words = ["man", "woman", "king", "Queen", "queen", "KING"]
    table = np.array([[1.0, 0, 0], [1, 1, 0], [1, 0, 1], [1, 1, 0.9], [1, 1, 1], [1, 0.9, 1]])
    vectors = make_vectors(words, table)
    total = Analogy(path, fold_case=True).predict(vectors)[0]
    assert total.gold.tolist() == total.predicted.tolist() == [3]  # either spelling of queen; no spelling of king
    total = Analogy(path).predict(vectors)[0]  # a vocabulary with capitals is taken at its word
    assert (len(total.gold), len(total.covered)) == (0, 1)
    rows, not_run = evaluate([Analogy(path, fold_case=False)], {"none": vectors})
    assert {row.metric for row in rows} == {"coverage"}
    assert not_run[0].why == "not a single item is made of known words"


def test_liang_questions(glove, data_dir):
    total = Analogy("liang", data_dir=data_dir).predict(glove)[0]
    assert len(total.covered) == 12154
    assert (total.predicted == total.gold).mean() > 0.4


def test_errors():
    with pytest.raises(
        ValueError, match="unknown analogy method '3cos': choose one of 3cosadd, 3cosmul; did you mean '3cosmul'"
    ):
        Analogy(method="3cos")
    table = np.eye(4)
    table[2, 1] = np.nan
    with pytest.raises(ValueError, match="vocabulary holds NaN or infinity, first in row 2"):
        answer(table, np.arange(4), np.array([[0, 1, 3]]))


def test_a_nil_vector_is_no_answer_and_no_error():
    table = np.vstack([np.zeros(3), np.eye(3), [[1.0, 1, 0]]])
    assert answer(table, np.arange(5), np.array([[0, 1, 2]])).tolist() == [4]


def test_a_lower_case_vocabulary_answers_capitalised_questions(tmp_path, make_vectors):
    path = tmp_path / "q.tsv"
    path.write_text("category\ta\tb\tc\td\nfamily\tMan\tWoman\tKing\tQueen\n")
    table = np.array([[1.0, 0, 0], [1, 1, 0], [1, 0, 1], [1, 1, 1], [0, 0, 1]])
    total = Analogy(path).predict(make_vectors(["man", "woman", "king", "queen", "[CLS]"], table))[0]
    assert total.gold.tolist() == total.predicted.tolist() == [3]
