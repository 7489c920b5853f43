"""What tasks, training and measures read: words, sentences and tokens of one encoder, through the store, corrected."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain, islice
from typing import Any, Literal, cast

import numpy as np

from uncone.encoder import Encoder, StoredEncoder, TableEncoder, TokenVectors, TransformerEncoder
from uncone.encoder.frequency import frequent_words, type_probabilities, type_shares, word_probabilities, word_shares
from uncone.encoder.pooling import PICKS
from uncone.encoder.spans import span_means, word_occurrence_means
from uncone.encoder.store import Arrays, FeatureStore, Recent, text_hash
from uncone.encoder.texts import blocks
from uncone.removal import Correction
from uncone.support.sampling import draw

WordVectors = Literal["alone", "corpus"]
Frequencies = Literal["wordfreq", "corpus"]
Role = Literal["query", "document"]
Kind = Literal["texts", "words", "tokens", "pooled tokens"]  # of what is kept
OCCURRENCES_PER_TEXT = 4  # at least, of a sample of tokens, on average: more texts would take longer and tell no more


@dataclass(frozen=True)
class Vectors:
    """Vectors of one encoder, each computed once and kept in a store, with a removal applied on the way out.

    Attributes:
        word_vectors: "alone" encodes a word as a text of its own; "corpus" takes the mean over its occurrences in
            `corpus`.
        corpus: texts for `word_vectors="corpus"` and `frequencies="corpus"`, read anew each time they are needed.
        frequencies: "wordfreq" takes word probabilities from the list of that name, "corpus" counts `corpus`.
        vocabulary_size: how many frequent words stand for the vocabulary of a contextual layer.
        removal: applied to everything that is read, before pooling if its level says so; None reads raw vectors.
        keep_tokens: encode texts token by token, so that removals of token vectors and of pooled ones share one encode.
        together: the same encoder at several layers, this one among them, and any pooling but "cls": what one of them
            reads is encoded for all in one pass.
        at_once: words that are read together; any of them alone are taken from what was read then.
        recent: what was known and made of the texts read last; shared with all vectors that are made from these.
    """

    encoder: Encoder
    store: FeatureStore = field(default_factory=FeatureStore)
    word_vectors: WordVectors = "alone"
    corpus: Iterable[str] = ()
    frequencies: Frequencies = "wordfreq"
    vocabulary_size: int = 30_000
    removal: Correction | None = None
    keep_tokens: bool = False
    together: Encoder | None = None
    at_once: tuple[str, ...] = ()
    recent: Recent = field(default_factory=Recent, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.word_vectors not in ("alone", "corpus"):
            raise ValueError(f"unknown word_vectors {self.word_vectors!r}: choose 'alone' or 'corpus'")
        if self.frequencies not in ("wordfreq", "corpus"):
            raise ValueError(f"unknown frequencies {self.frequencies!r}: choose 'wordfreq' or 'corpus'")
        if "corpus" in (self.word_vectors, self.frequencies) and not self.corpus:
            raise ValueError("word_vectors or frequencies from a corpus need one: set corpus to texts with the words")
        if self.removal is not None:
            self.removal.check_encoder(self.encoder)

    def corrected(self, removal: Correction | None) -> Vectors:
        """The same vectors with another removal applied, which has to belong to this encoder."""
        return replace(self, removal=removal)

    def pooled(self, pooling: str) -> Vectors:
        """The same vectors of tokens, of which texts are pooled otherwise."""
        return replace(self, encoder=self.encoder.with_pooling(pooling))

    @property
    def dimension(self) -> int:
        """d, the numbers of a vector, after the removal."""
        return self.encoder.dimension if self.removal is None else self.removal.output_dimension

    def with_prompt(self, role: Role) -> Vectors:
        """The same vectors, of texts that are queries or documents: with their prompt, and the map for them."""
        together = None if self.together is None else self.together.with_prompt(role)
        removal = self.removal.of_queries() if self.removal and role == "query" else self.removal
        return replace(self, encoder=self.encoder.with_prompt(role), together=together, removal=removal)

    def words(self, words: Sequence[str]) -> np.ndarray:
        """Vectors (n, d) of words, of which there may be none; one without a vector (see `known`) is a ValueError."""
        if not len(words):
            return np.zeros((0, self.dimension), dtype=np.float32)
        if not self._before_pooling:
            return self._apply(self.raw_words(words))
        if self.word_vectors == "alone" or self.encoder.is_static:
            return self._pooled(self.encoder.as_words(words), alone=True)
        return self._means(words, *word_occurrence_means(self._contextual, self.corpus, words, self.tokens))

    def raw_words(self, words: Sequence[str]) -> np.ndarray:
        """Vectors (n, d) of words before the removal."""
        if self.word_vectors == "corpus" and not self.encoder.is_static:  # in a table all occurrences are the same
            return self._means(words, *self._occurrences(words))
        if (rows := self._among_those_at_once(words)) is not None:
            return self.raw_words(self.at_once)[rows]
        return self.raw_sentences(self.encoder.as_words(words), alone=True)

    def _among_those_at_once(self, words: Sequence[str]) -> list[int] | None:
        """Rows of words that are read together with others; None for other words, and for all of them."""
        place = {word: i for i, word in enumerate(self.at_once)}
        return [place[word] for word in words] if set(words) < set(place) else None

    def _means(self, words: Sequence[str], means: np.ndarray, counts: np.ndarray) -> np.ndarray:
        if (counts == 0).any():
            missing = words[int(np.argmin(counts))]
            raise ValueError(f"{missing!r} does not occur in the corpus: give a larger one, or set word_vectors=alone")
        return self.encoder.finish(means)

    def known(self, words: Sequence[str]) -> np.ndarray:
        """Whether each word has a vector: (n,) bool."""
        if self.word_vectors == "corpus" and not self.encoder.is_static:
            return self._occurrences(words)[1] > 0
        return self.encoder.known(words)

    def readable(self, texts: Sequence[str]) -> np.ndarray:
        """Whether each text has a known piece: (n,) bool."""
        return self.recent.fetch(self._recently("known", texts), lambda: self.encoder.known(texts))

    def sentences(self, texts: Sequence[str]) -> np.ndarray:
        """Vectors (n, d) of texts; nil where a static table knows no word of a text.

        A text that stored vectors have no row of is a ValueError.
        """
        all_known = not self.encoder.is_static or isinstance(self.encoder, StoredEncoder)
        known = np.ones(len(texts), dtype=bool) if all_known else self.readable(texts)
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        readable = [text for text, is_known in zip(texts, known, strict=True) if is_known]
        if readable:
            before = self._before_pooling
            vectors[known] = self._pooled(readable) if before else self._apply(self.raw_sentences(readable))
        return vectors

    def raw_sentences(self, texts: Sequence[str], alone: bool = False) -> np.ndarray:
        """Vectors (n, d) of texts, or of words that stand alone, before the removal."""
        if self.encoder.is_static:  # gathering table rows is faster than reading them back
            key = self._recently("words" if alone else "texts", texts)
            pooled = self.recent.fetch(key, lambda: self.encoder.pooled(texts, alone=alone))
            return self.encoder.finish(pooled)

        def build() -> Arrays:
            if self.keep_tokens and self.encoder.pooling not in PICKS:
                return {"vectors": self.encoder.pool_tokens(self.raw_tokens(texts, pooled=not alone))}
            return {"vectors": self.encoder.pooled(texts, alone=alone)}

        kind: Kind = "words" if alone else "texts"
        self._share(kind, texts)
        return self.encoder.finish(self.store.fetch(self._key(kind, texts), build)["vectors"])

    def tokens(self, texts: Sequence[str], pooled: bool = False) -> TokenVectors:
        """Vectors of every token occurrence of texts; `pooled`, of those that are pooled (`Encoder.encode_tokens`)."""
        raw = self.raw_tokens(texts, pooled)
        return raw if self.removal is None else replace(raw, vectors=self._apply(raw.vectors))

    def raw_tokens(self, texts: Sequence[str], pooled: bool = False) -> TokenVectors:
        """What `tokens` gives, before the removal."""
        if self.encoder.is_static:
            return self.encoder.encode_tokens(texts, pooled=pooled)
        kind: Kind = "pooled tokens" if pooled else "tokens"
        self._share(kind, texts)
        read = partial(self.encoder.encode_tokens, texts, pooled=pooled)
        return TokenVectors(**self.store.fetch(self._key(kind, texts), lambda: vars(read())))

    def first_texts(self, count: int) -> Iterable[str]:
        """So many texts of the corpus; of stored vectors all, as each is one vector, and no more than a token."""
        return self.corpus if isinstance(self.encoder, StoredEncoder) else islice(self.corpus, count)

    def sampled_tokens(self, texts: Iterable[str], size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Raw vectors (m, d) and types (m,) of `size` token occurrences of texts, without replacement; all if fewer.

        Memory does not grow with the texts: of many, a random sample is read, block by block.
        """
        per_text = 1 if isinstance(self.encoder, StoredEncoder) else OCCURRENCES_PER_TEXT
        drawn = list(blocks(draw(texts, -(-size // per_text), seed))) or [[]]
        types = [self.raw_tokens(block).types for block in drawn]
        ends = np.cumsum([len(each) for each in types])
        rows = np.sort(np.random.default_rng(seed).permutation(ends[-1])[:size])
        parts = zip(drawn, np.split(rows, np.searchsorted(rows, ends[:-1])), [0, *ends[:-1]], strict=True)
        vectors = [self.raw_tokens(block).vectors[chosen - start] for block, chosen, start in parts]
        return np.concatenate(vectors), np.concatenate(types)[rows]

    def in_context(self, texts: Sequence[str], spans: Sequence[tuple[int, int]]) -> np.ndarray:
        """Vectors (n, d) of one word in each of n texts: the mean over its pieces there.

        A span (start, end) are the characters text[start:end] of the word; see `uncone.encoder.spans.span_means`. A
        word without a piece has the nil vector.
        """
        rows, means = span_means(self.encoder, texts, spans, self.tokens if self._corrects_tokens else self.raw_tokens)
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        if len(rows):
            finished = self.encoder.finish(means)
            vectors[rows] = finished if self._corrects_tokens else self._apply(finished)
        return vectors

    def vocabulary(self) -> tuple[Sequence[str], np.ndarray]:
        """The candidate words and their vectors (V, d).

        The rows of a static table, or the most frequent words of English for a contextual layer.
        """
        names, vectors = self.raw_vocabulary()
        together = self._before_pooling and not self.encoder.is_static  # a row of a table is one token
        return names, self.words(names) if together else self._apply(vectors)

    def raw_vocabulary(self) -> tuple[Sequence[str], np.ndarray]:
        """The candidate words and their vectors (V, d) before the removal."""
        names = self.vocabulary_words()
        if not self.encoder.is_static:
            return names, self.raw_words(names)
        return names, self.encoder.finish(cast(TableEncoder, self.encoder).rows)

    def vocabulary_words(self) -> Sequence[str]:
        """The V candidate words: the rows of a static table, or the known ones of the most frequent words."""
        if self.encoder.is_static:
            return self.encoder.pieces
        frequent, _ = frequent_words(self.vocabulary_size)
        return [word for word, is_known in zip(frequent, self.known(frequent), strict=True) if is_known]

    def vocabulary_probabilities(self) -> np.ndarray:
        """Probability (V,) of each candidate word in running text."""
        if self.encoder.is_static:
            return self.type_probabilities()
        names, _ = self.raw_vocabulary()
        if self.frequencies == "wordfreq":
            return word_probabilities(names)
        return word_shares(names, self.corpus)

    def type_probabilities(self) -> np.ndarray:
        """Probability (V,) of each token type in running text."""
        encoder, texts = self.encoder, self.corpus if self.frequencies == "corpus" else ()

        def build() -> Arrays:
            return {"probabilities": type_shares(encoder, texts) if texts else type_probabilities(encoder).numpy()}

        key = {"kind": f"probabilities {self.frequencies}", "hash": encoder.hash, "texts": text_hash(texts)}
        return self.store.fetch(key, build)["probabilities"]  # one entry for all layers

    def _apply(self, raw: np.ndarray) -> np.ndarray:
        return raw if self.removal is None else self.removal.apply(raw)

    @property
    def _corrects_tokens(self) -> bool:
        return self.removal is not None and self.removal.corrects_tokens

    @property
    def _before_pooling(self) -> bool:
        """Whether the removal has to see token vectors: pooling that picks one token makes no difference."""
        return self._corrects_tokens and self.encoder.pooling not in PICKS

    def _pooled(self, texts: Sequence[str], alone: bool = False) -> np.ndarray:
        """Vectors (n, d) of texts, or of words that stand alone, corrected before pooling."""
        return self.encoder.finish(self.encoder.pool_tokens(self.tokens(texts, pooled=not alone)))

    def _occurrences(self, words: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """`word_occurrence_means` of the corpus."""
        if (rows := self._among_those_at_once(words)) is not None:
            means, counts = self._occurrences(self.at_once)
            return means[rows], counts[rows]

        def build() -> Arrays:
            means, counts = word_occurrence_means(self._contextual, self.corpus, words)
            return {"means": means, "counts": counts}

        arrays = self.store.fetch(self._key("occurrences", chain(words, [""], self.corpus)), build)
        return arrays["means"], arrays["counts"]

    @property
    def _contextual(self) -> TransformerEncoder:
        return cast(TransformerEncoder, self.encoder)  # the only encoder that is not static

    def _recently(self, kind: str, texts: Sequence[str]) -> tuple[Any, ...]:
        return kind, *self.encoder.settings.values(), tuple(texts)

    def _share(self, kind: Kind, texts: Sequence[str]) -> None:
        """Store what each of the layers that are read together makes of texts, from one pass through the model."""
        if self.together is None:
            return
        encoder, made = cast(TransformerEncoder, self.together), dict[str, Arrays]()

        def build(layer: str) -> Arrays:
            pooled = kind in ("texts", "pooled tokens")
            for name, found in encoder.encode_layers(texts, pooled=pooled).items() if not made else ():
                made[name] = {"vectors": encoder.pool_tokens(found)} if kind in ("texts", "words") else vars(found)
            return made.pop(layer)

        for layer in map(str, encoder.layer_indices):
            self.store.fetch(self._key(kind, texts) | {"layers": layer}, partial(build, layer))

    def _key(self, kind: str, texts: Iterable[str]) -> dict[str, str | int | bool | None]:
        settings = self.encoder.settings
        del settings["tail"]  # what is kept has yet to go through it
        if kind not in ("texts", "pooled tokens"):
            del settings["prompt"]
        return {"kind": kind, **settings, "texts": text_hash(texts)}
