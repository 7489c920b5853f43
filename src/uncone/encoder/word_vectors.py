"""Reading static word vectors: packaged GloVe, and word2vec, GloVe and fastText files."""

from __future__ import annotations

import logging
import re
import struct
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, islice, pairwise, takewhile
from pathlib import Path
from textwrap import shorten
from typing import Any, BinaryIO

import numpy as np

from uncone.data.files import open_text, opened
from uncone.encoder.packages import packaged
from uncone.support.files import reading

logger = logging.getLogger(__name__)

FASTTEXT_MAGIC = 793_712_314  # the first four bytes of a fastText model
PICKLE = b"\x80"  # the first byte of one, and of no text
SNIFFED = 1 << 16  # bytes by which a file is recognised
SNIFFED_ROWS = 100  # of a text file, by which its dimension is
CHUNK = 1 << 20  # bytes of a binary file read at once
BRACKETS = ("<", "[")  # around what is no word, such as <UNK> and [CLS]

_BETWEEN = re.compile("[ \t]+")
Table = tuple[list[str], np.ndarray]


def packaged_glove() -> Table:
    """The 400 000 words of the packaged GloVe table, and their vectors (400 000, 50), memory-mapped."""
    import pandas

    folder = packaged("glove")
    words = pandas.read_parquet(folder / "glove_6B_index.parquet")["index"].tolist()
    return words, np.load(folder / "glove_6B_50d_emb.npy", mmap_mode="r", allow_pickle=False)


def read_word_vectors(path: Path, binary: bool | None = None, limit: int | None = None) -> Table:
    """Words and their vectors (V, d) float32 from a word2vec, GloVe or fastText file, recognised by its first bytes.

    Files may be gzipped (.gz). Of a text row, the last d fields are numbers and the rest is the word. Of equal words,
    the first counts, with a warning. fastText's own `.bin` gives what its `.vec` holds: the mean of the rows of a word
    and of its n-grams.

    Raises:
        ValueError: naming the file, if there is none, it is of the other kind than `binary` says, a pickle, or damaged.
    """
    path = path.expanduser()
    if not path.is_file():
        raise ValueError(f"no word vectors at {path} (looked for {path.resolve()})")
    with reading(path, "word2vec, GloVe or fastText vectors"):
        with opened(path) as file:
            head = file.read(SNIFFED)
        if head.startswith(PICKLE):
            raise ValueError("it is a pickle, which may run code: save it by vectors.save_word2vec_format(FILE)")
        # control characters, which float32 numbers have and text has not
        is_binary = any(byte < 32 and byte not in b"\t\n\v\f\r\x1c\x1d\x1e\x1f" for byte in head)
        if binary is not None and binary != is_binary:
            kind = "binary" if is_binary else "text"
            raise ValueError(f"it is a {kind} file: set binary={is_binary} or leave it out")
        words, vectors = _read(path, head, is_binary, limit)
        wrong = np.flatnonzero(~np.isfinite(vectors.sum(axis=1, dtype=np.float64)))
        if not len(words) or len(wrong):
            raise ValueError(f"the vector of {words[wrong[0]]!r} is not finite" if len(words) else "it is empty")
    index = _first(words)
    if len(index) == len(words):
        return words, vectors
    repeated = [word for word, times in Counter(words).items() if times > 1]
    logger.warning("%s: the first of equal words counts: %s", path, shorten(", ".join(repeated), 100))
    first = sorted(index.values())
    return [words[i] for i in first], vectors[first]


def _read(path: Path, head: bytes, is_binary: bool, limit: int | None) -> Table:
    if is_binary:
        with opened(path) as file:
            return _read_fasttext(file) if _is_fasttext(head) else _read_binary(file, limit)
    with open_text(path, errors="replace") as lines:
        return _read_text(lines, limit)


def _is_fasttext(head: bytes) -> bool:
    """Whether a file starts as fastText models do: with a magic number, before 2017 with dimension and window."""
    if len(head) < 8:
        return False
    first, second = struct.unpack("<2i", head[:8])
    small = 0 < first < 1 << 16 and 0 < second < 1 << 16  # as no four letters are
    return first == FASTTEXT_MAGIC or small


def _read_fasttext(file: BinaryIO) -> Table:
    """FastText's own format: settings, words, and a matrix of the rows of words and then of the buckets of n-grams.

    gensim's reader of it waits for ever where a file is cut off.
    """
    from gensim.models.fasttext import ft_ngram_hashes

    def numbers(form: str) -> tuple[Any, ...]:
        return struct.unpack(form, file.read(struct.calcsize(form)))

    def word() -> str:
        letters = bytearray()
        while (letter := file.read(1)) != b"\0":
            if not letter:
                raise ValueError("it ends within a word")
            letters += letter
        return letters.decode(errors="replace")

    is_new = numbers("<2i")[0] == FASTTEXT_MAGIC
    if is_new:
        numbers("<2i")  # dimension and window, with which older files begin
    *_, buckets, shortest, longest, _, _ = numbers("<10id")
    _, count, labels, _ = numbers("<3iq")
    pruned = numbers("<q")[0] if is_new else 0
    if labels or pruned > 0:
        raise ValueError("it is a classifier or compressed: only fastText models of words are read")
    words = [(word(), numbers("<qb"))[0] for _ in range(count)]
    if is_new and numbers("<?")[0]:
        raise ValueError("it is compressed: only fastText models as they were trained are read")
    rows, d = numbers("<2q")
    matrix = np.frombuffer(file.read(4 * rows * d), dtype="<f4").reshape(rows, d)
    vectors, of_ngrams = matrix[:count].copy(), matrix[count:]
    for i, each in enumerate(words if buckets else ()):
        hashes = ft_ngram_hashes(each, shortest, longest, buckets)
        vectors[i] = np.concatenate([vectors[i : i + 1], of_ngrams[hashes]]).sum(axis=0) / (1 + len(hashes))
    return words, vectors


def _read_binary(file: BinaryIO, limit: int | None) -> Table:
    """word2vec's binary format: a line with V and d, then each word, a space and d float32 numbers."""
    header = file.readline(SNIFFED).split()
    if len(header) != 2 or not all(number.isdigit() for number in header):
        raise ValueError("its first line does not tell how many words and numbers there are")
    count, d = map(int, header)
    rows = count if limit is None else min(count, limit)
    words, vectors = [], np.empty((rows, d), dtype=np.float32)
    buffer, start = b"", 0
    for row in range(rows):
        while (space := buffer.find(b" ", start)) < 0 or len(buffer) < space + 1 + 4 * d:
            if not (more := file.read(CHUNK)):
                raise ValueError(f"it ends in row {row + 1} of {count}")
            buffer, start = buffer[start:] + more, 0
        words.append(buffer[start:space].lstrip(b"\n").decode(errors="replace"))
        vectors[row] = np.frombuffer(buffer, "<f4", d, space + 1)
        start = space + 1 + 4 * d
    if rows == count and (buffer[start:] + file.read(2)).strip(b"\n"):
        raise ValueError(f"there is more behind the {count} rows of {d} numbers that its first line tells")
    return words, vectors


def _read_text(lines: Iterable[str], limit: int | None) -> Table:
    """Rows of a word and d numbers between blanks or tabs; before them, there may be a line with V and d."""
    stripped = ((i, line.rstrip(" \t\r\n")) for i, line in enumerate(lines, 1))
    rows = ((i, _BETWEEN.split(line)) for i, line in stripped if line)
    first = list(islice(rows, SNIFFED_ROWS))
    header = (
        first[0][1] if first and len(first[0][1]) == 2 and all(field.isdecimal() for field in first[0][1]) else None
    )
    sniffed = first[bool(header) :]
    if not sniffed:
        raise ValueError("it is empty")
    widths = Counter(_numbers_at_end(fields) for _, fields in sniffed)
    d = max(widths, key=lambda width: (widths[width], width))
    if header and int(header[1]) != d:
        raise ValueError(f"its first line tells of {header[1]} numbers in a row, and there are {d}")
    words, numbers = [], array("f")
    for line, fields in islice(chain(sniffed, rows), limit):
        if not d or len(fields) <= d or not fields[0] or any(map(_is_number, fields[1:-d])):
            raise ValueError(f"line {line} is not a word and {d} numbers, as most rows are")
        words.append(" ".join(fields[:-d]))
        numbers.extend(map(float, fields[-d:]))
    if header and limit is None and len(words) != int(header[0]):
        raise ValueError(f"its first line tells of {header[0]} rows, and there are {len(words)}")
    return words, np.frombuffer(numbers, dtype=np.float32).reshape(len(words), d)


def _numbers_at_end(fields: Sequence[str]) -> int:
    """How many numbers a row ends with; its first field is a word, whatever it looks like."""
    return sum(1 for _ in takewhile(_is_number, reversed(fields[1:])))


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return field[0] in "+-.0123456789"  # "nan" and "infinity" are words here


def _first(words: Sequence[str]) -> dict[str, int]:
    """Where each word stands for the first time."""
    return {word: i for i, word in reversed(list(enumerate(words)))}


def has_no_capitals(words: Iterable[str]) -> bool:
    """Whether no word has a capital before a small letter; marks in brackets, such as <Unk>, are no words."""
    cased = (word for word in words if word != word.lower() and not word.startswith(BRACKETS))
    return not any(one.isupper() and other.islower() for word in cased for one, other in pairwise(word))


def word_tokenizer(words: Sequence[str], lowercase: bool) -> Callable[[Sequence[str]], list[list[int]]]:
    """A tokenizer for word vectors: runs of word characters and single punctuation marks, unknown ones left out.

    A whitespace-separated token that is in the vocabulary as it stands ("u.s.", "don't") is taken whole.

    Example:
        >>> word_tokenizer(["a", "cat", "."], lowercase=True)(["A cat."])
        [[0, 1, 2]]
    """
    index = _first(words)
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
