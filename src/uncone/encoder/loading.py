"""Loading encoders: transformers models (packaged, from a folder, from the hub) and word vectors."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from tokenizers import normalizers
from torch import Tensor

from uncone.encoder.base import Encoder
from uncone.encoder.convention import Convention, find_file, read_tensors
from uncone.encoder.layers import Layers
from uncone.encoder.packages import packaged
from uncone.encoder.pieces import unknown_piece, word_prefix
from uncone.encoder.pooling import check_pooling
from uncone.encoder.table import STATIC, TableEncoder, input_table, row_names
from uncone.encoder.transformer import TransformerEncoder
from uncone.encoder.word_vectors import has_no_capitals, packaged_glove, read_word_vectors, word_tokenizer
from uncone.support.files import reading
from uncone.support.wording import unknown

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def load_pretrained(
    path: str | Path | SentenceTransformer,
    layers: Layers = "last",
    pooling: str | None = None,
    special_tokens: bool | None = None,
    device: str = "auto",
    dtype: str = "float32",
    max_length: int | None = None,
    token_budget: int | None = None,
    trust_remote_code: bool = False,
    name: str | None = None,
    prompt: str | None = None,
) -> Encoder:
    """Load a transformers model as a frozen encoder.

    Args:
        path: "minilm" (packaged), a folder that `AutoModel` reads, or a name on the Hugging Face hub; or a model of
            sentence-transformers that is in memory, of which a copy is taken.
        layers: an index (0 the embedding layer, i the output of block i, negative from the end), a list (averaged),
            "first_last", "last", "all", or "static" for the input table alone (no positions, no normalisation).
        pooling: one of `uncone.encoder.pooling.POOLINGS`; None for what the folder of a sentence-transformers model
            says, with its Dense and Normalize behind the last layer, and the mean for any other model.
        special_tokens: pool special tokens and return them; None pools those of texts, not those of words alone, and
            returns none. The model sees them in any case.
        dtype: "float32", "bfloat16" or "float16", of the model only; pooling is done in float32.
        max_length: truncate texts to so many tokens; None for the model's own limit.
        token_budget: tokens per batch, padding included; None for 2048 on a CPU, 65 536 on another device. Less where
            the memory does not suffice.
        trust_remote_code: passed on to transformers; runs code that comes with the model.
        name: what results call the encoder; None for the last part of `path`, or "sentence_transformer".
        prompt: name of the prompt of the folder that goes before texts; None for its default one, "" for none.

    Example:
        >>> encoder = load_pretrained("minilm", layers=[1, 6], pooling="cls")
        >>> encoder.layers, encoder.encode(["a text"]).shape
        ('1+6', (1, 384))
    """
    if not isinstance(path, (str, Path)):
        options: dict[str, Any] = {key: value for key, value in locals().items() if key != "path"}
        with TemporaryDirectory() as folder:
            path.save(folder, create_model_card=False)
            encoder = load_pretrained(folder, **options | {"name": name or "sentence_transformer"})
        encoder.source = ""
        return encoder
    path = str(path)
    if dtype not in DTYPES:
        raise unknown("dtype", dtype, DTYPES)
    if pooling is not None:
        check_pooling(pooling)
    place, where = resolve_device(device), _locate(path)
    with reading(path, "an encoder with these settings"):
        name, own = name or Path(path).name, Convention.of(where, whole=pooling is None)
        if own.is_table:
            return _placed(_table_of_folder(where, own, name, layers, pooling or "mean", prompt), where, place)
        model, tokenizer = _read_model(path, where, own.subfolder, trust_remote_code)
        backend = tokenizer.backend_tokenizer
        if own.lowercase:
            parts = [normalizers.Lowercase(), *([backend.normalizer] if backend.normalizer else [])]
            backend.normalizer = normalizers.Sequence(parts)
        vocabulary = json.dumps(tokenizer.get_vocab(), sort_keys=True)
        model_hash = content_hash([vocabulary, backend.to_str()], {**model.state_dict(), **own.tail.state_dict()})
        if layers == STATIC:
            model.to(DTYPES[dtype])
            table = input_table(model, tokenizer, name, model_hash, pooling or "mean", special_tokens)
            return _placed(table, where, place)
        encoder = TransformerEncoder(
            model, tokenizer, name, model_hash, layers, pooling, special_tokens, max_length, token_budget, own, prompt
        )
    encoder.states.to(DTYPES[dtype])  # once its layers have been compared in full precision
    return _placed(encoder, where, place)


def _placed(encoder: Encoder, source: str, device: torch.device) -> Encoder:
    encoder.source = source
    return encoder.to(device)


def _locate(path: str) -> str:
    """The folder of a packaged or local model, or its name on the hub."""
    source = packaged("minilm") if path == "minilm" else Path(path).expanduser()
    if source.is_dir():
        return str(source)
    if path.startswith((".", "/", "~")) or path.count("/") > 1:
        raise ValueError(
            f"no encoder folder {path!r} (looked for {source.resolve()}): name a folder that transformers' AutoModel "
            "loads, minilm, which is packaged, or a model of the Hugging Face hub"
        )
    return path


def _table_of_folder(
    where: str, own: Convention, name: str, layers: Layers, pooling: str, prompt: str | None
) -> TableEncoder:
    """The table of a folder whose first module is a StaticEmbedding, as sentence-transformers or model2vec save it."""
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    if layers not in (STATIC, "last"):
        raise ValueError(f"{where} is a static table: it has no layers {layers!r}, choose layers=static")
    tensors, path = read_tensors(where, own.subfolder), find_file(where, "tokenizer.json", own.subfolder)
    if path is None:
        raise ValueError(f"{where} has no tokenizer.json beside its table")
    with reading(path, "a tokenizer"):
        backend = Tokenizer.from_file(str(path))
        backend.no_padding()
        unknown = json.loads(backend.to_str())["model"].get("unk_token")
    with reading(where, "a static table"):
        table = tensors["embeddings" if "embeddings" in tensors else "embedding.weight"]
        if "mapping" in tensors:  # model2vec: several pieces may share a row, and have weights of their own
            table = table[tensors["mapping"].long()]
        if "weights" in tensors:
            table = table.float() * tensors["weights"].float()[:, None]
        tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, unk_token=unknown)
        pieces = row_names(tokenizer, len(table))
    return TableEncoder(
        table.float(),
        pieces,
        lambda texts: [read.ids for read in backend.encode_batch(list(texts), add_special_tokens=False)],
        name,
        content_hash([backend.to_str()], {"table": table, **own.tail.state_dict()}),
        pooling=pooling,
        unknown=unknown_piece(tokenizer),
        prefix=word_prefix(tokenizer),
        tokenizer=tokenizer,
        own=own,
        prompt=prompt,
    )


def _read_model(path: str, where: str, subfolder: str, trust_remote_code: bool) -> tuple[Any, Any]:
    """Model and tokenizer, without the pooler that `AutoModel` adds (at random weights, if it was never trained)."""
    from transformers import AutoConfig, AutoModel, AutoModelForTextEncoding, AutoTokenizer

    options: Any = {"subfolder": subfolder, "trust_remote_code": trust_remote_code}
    try:
        tokenizer = AutoTokenizer.from_pretrained(where, **options)
        config = AutoConfig.from_pretrained(where, **options)
        kept = (config.architectures or [""])[0]  # T5EncoderModel is half of what AutoModel would make
        family = AutoModelForTextEncoding if kept.endswith("EncoderModel") else AutoModel
        model, loading = family.from_pretrained(where, dtype=torch.float32, output_loading_info=True, **options)
    except Exception as error:  # tokenizers and safetensors raise their own
        reason = str(error).partition("\n")[0] or type(error).__name__
        if Path(where).is_dir():
            raise ValueError(f"{where} holds no encoder that transformers can read ({reason})") from error
        raise ValueError(
            f"no encoder {path!r}: it is not a packaged one (minilm), not a folder here, and the Hugging Face hub did "
            f"not give it ({reason}): correct the name, or give the folder of a model that was fetched before"
        ) from error
    if not tokenizer.is_fast:
        raise ValueError(f"{path} has no fast tokenizer (tokenizer.json), which uncone needs")
    if len(tokenizer) <= len(tokenizer.all_special_ids):  # what transformers makes when the files are missing
        raise ValueError(f"{path} has no vocabulary: put its tokenizer.json beside the model")
    if family is AutoModel and model.config.is_encoder_decoder:
        raise ValueError(f"{path} is an encoder-decoder ({model.config.model_type}): uncone reads either alone")
    if "add_pooling_layer" in inspect.signature(type(model)).parameters:
        model.pooler = None
    missing = sorted(key for key in loading["missing_keys"] if not key.startswith("pooler."))
    if missing:
        raise ValueError(
            f"{path} is incomplete: {type(model).__name__} lacks {len(missing)} weights, first {missing[0]}"
        )
    return model, tokenizer


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
        path: "glove" for the packaged 400 000 × 50 GloVe table, or a file, gzipped or not: word2vec text or binary,
            GloVe text (no header line), fastText `.vec` or `.bin` (of words in its table alone; others are unknown).
        binary: whether the file is expected to be binary; None takes it as it is.
        lowercase: whether to lower-case text before looking words up; None does so if no word of the vocabulary
            is capitalised.
        limit: read only the first (most frequent) so many words.
        name: what results call the encoder; None for the file's name.

    Example:
        >>> encoder = load_word_vectors("glove", limit=1000)
        >>> encoder.known(["the", "antidisestablishmentarianism"])
        array([ True, False])
    """
    place = resolve_device(device)
    words, vectors = packaged_glove() if str(path) == "glove" else read_word_vectors(Path(path), binary, limit)
    words, vectors = words[:limit], vectors[:limit]
    if lowercase is None:
        lowercase = has_no_capitals(words)
    table = torch.from_numpy(np.array(vectors, dtype=np.float32))
    encoder = TableEncoder(
        table,
        words,
        word_tokenizer(words, lowercase),
        name or Path(path).stem,
        content_hash([json.dumps([lowercase, words])], {"table": table}),
        layers="words",
        pooling=pooling,
    )
    return encoder.to(place)


def resolve_device(device: str) -> torch.device:
    """Turn "auto" into the best device there is (cuda, mps, cpu); another must exist."""
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError) as error:  # torch raises either, by how it was built
        reason = str(error).splitlines()[0]
        there = ["auto", "cpu", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))]
        there += ["mps"] if torch.backends.mps.is_available() else []
        raise ValueError(f"no device {device!r} here ({reason}): choose one of {', '.join(there)}") from error


def content_hash(texts: Iterable[str], tensors: Mapping[str, Tensor]) -> str:
    """Hex digest of strings and named tensors; it changes with any weight, shape, dtype or name."""
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()[:32]


Encoder.from_pretrained = staticmethod(load_pretrained)
Encoder.from_word_vectors = staticmethod(load_word_vectors)
