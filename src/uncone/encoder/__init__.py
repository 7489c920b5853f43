"""Frozen encoders: text in, token states or pooled vectors out.

`Encoder` is the one face. Behind it stand `TransformerEncoder` (a contextual layer, or several averaged, of any model
that transformers' `AutoModel` loads), `TableEncoder` (a model's input table, GloVe, word2vec, fastText) and
`StoredEncoder` (vectors that were computed elsewhere, looked up by what their rows stand for).
"""

from uncone.encoder.base import Encoder, TokenVectors
from uncone.encoder.loading import load_pretrained, load_word_vectors
from uncone.encoder.stored import StoredEncoder, load_vectors
from uncone.encoder.table import TableEncoder
from uncone.encoder.transformer import TransformerEncoder

__all__ = [
    "Encoder",
    "StoredEncoder",
    "TableEncoder",
    "TokenVectors",
    "TransformerEncoder",
    "load_pretrained",
    "load_vectors",
    "load_word_vectors",
]
