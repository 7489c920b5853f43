"""Reading static word vectors: packaged GloVe, and word2vec, GloVe and fastText files."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from uncone.encoder.packages import packaged

FASTTEXT_MAGIC = 793_712_314  # the first four bytes of a fastText model
SNIFFED = 1 << 16  # bytes by which a file is recognised


def packaged_glove() -> tuple[list[str], np.ndarray]:
    """The 400 000 words of the packaged GloVe table, and their vectors (400 000, 50), memory-mapped."""
    import pandas

    folder = packaged("glove")
    words = pandas.read_parquet(folder / "glove_6B_index.parquet")["index"].tolist()
    return words, np.load(folder / "glove_6B_50d_emb.npy", mmap_mode="r", allow_pickle=False)


def read_word_vectors(path: Path, binary: bool | None = None, limit: int | None = None) -> tuple[list[str], np.ndarray]:
    """Words and their vectors (V, d) from a word2vec, GloVe or fastText file, recognised by its first bytes."""
    from gensim.models import KeyedVectors
    from gensim.models.fasttext import load_facebook_vectors

    path = path.expanduser()
    if not path.is_file():
        raise ValueError(f"no word vectors at {path} (looked for {path.resolve()})")
    with path.open("rb") as file:
        head = file.read(SNIFFED)
    is_fasttext = _is_fasttext(head)
    # control characters, which float32 numbers have and text has not
    is_binary = any(byte < 32 and byte not in b"\t\n\v\f\r\x1c\x1d\x1e\x1f" for byte in head)
    if binary is not None and binary != is_binary:
        raise ValueError(
            f"{path} is a {'binary' if is_binary else 'text'} file: set binary={is_binary} or leave it out"
        )
    has_header = len(head.split(b"\n")[0].split()) == 2  # "400000 300"; GloVe files start with the first word
    try:
        if is_fasttext:
            vectors = load_facebook_vectors(str(path))
            return list(vectors.index_to_key), vectors.vectors_vocab
        vectors = KeyedVectors.load_word2vec_format(
            str(path), binary=is_binary, no_header=not has_header, limit=limit, unicode_errors="replace"
        )
    except (ValueError, TypeError, EOFError, AssertionError, NotImplementedError, struct.error) as error:
        raise ValueError(f"{path} is no word2vec, GloVe or fastText file, or a damaged one ({error})") from error
    return list(vectors.index_to_key), vectors.vectors


def _is_fasttext(head: bytes) -> bool:
    """Whether a file starts as fastText models do: with a magic number, before 2017 with dimension and window."""
    if len(head) < 8:
        return False
    first, second = struct.unpack("<2i", head[:8])
    small = 0 < first < 1 << 16 and 0 < second < 1 << 16  # as no four letters are
    return first == FASTTEXT_MAGIC or small


def word_tokenizer(words: Sequence[str], lowercase: bool) -> Callable[[Sequence[str]], list[list[int]]]:
    """A tokenizer for word vectors: runs of word characters and single punctuation marks, unknown ones left out.

    A whitespace-separated token that is in the vocabulary as it stands ("u.s.", "don't") is taken whole.

    Example:
        >>> word_tokenizer(["a", "cat", "."], lowercase=True)(["A cat."])
        [[0, 1, 2]]
    """
    index = {word: i for i, word in reversed(list(enumerate(words)))}  # the first of equal words wins
    pattern = re.compile(r"\w+|[^\w\s]")

    def tokenize(texts: Sequence[str]) -> list[list[int]]:
        rows = []
        for text in texts:
            row: list[int] = []
            for chunk in (text.lower() if lowercase else text).split():
                tokens = [chunk] if chunk in index else pattern.findall(chunk)
                row.extend(index[token] for token in tokens if token in index)
            rows.append(row)
        return rows

    return tokenize
