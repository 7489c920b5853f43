"""Frozen encoders: text in, token states or pooled vectors out.

`Encoder` is the one face. Behind it stand `TransformerEncoder` (a contextual layer, or several averaged, of any model
that transformers' `AutoModel` loads) and `TableEncoder` (a model's input table, GloVe, word2vec, fastText).
"""

from uncone.encoder.base import Encoder, TokenVectors
from uncone.encoder.loading import load_pretrained, load_word_vectors
from uncone.encoder.table import TableEncoder
from uncone.encoder.transformer import TransformerEncoder

__all__ = ["Encoder", "TableEncoder", "TokenVectors", "TransformerEncoder", "load_pretrained", "load_word_vectors"]
