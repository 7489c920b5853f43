"""What several formats need of an encoder: a model that needs no hooks, a plain tokenizer, weights of token types."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from uncone.encoder import Encoder, StoredEncoder, TransformerEncoder
from uncone.encoder.convention import Normalize
from uncone.encoder.layers import find_blocks
from uncone.removal import Correction, ReducedRemoval, Removal

TOLERANCE = 1e-5  # of a coordinate, or of the largest one where that is above 1
PROBE_LENGTHS = (1, 2, 3, 5, 8, 13, 21)  # pieces of the texts on which an export is compared with its encoder


def model_options(encoder: TransformerEncoder) -> dict[str, bool]:
    """What `AutoModel` is told on loading: not to add a pooler, which nobody uses, at random weights."""
    return {"add_pooling_layer": False} if hasattr(encoder.states.model, "pooler") else {}


@torch.no_grad()
def plain_model(encoder: TransformerEncoder) -> tuple[Any, bool]:
    """The cut model of an encoder, such that `AutoModel` gives the chosen layers after saving and loading.

    It shares the encoder's weights. The chosen layers are among its `hidden_states`.

    Where a model normalises after its last block (as decoders do), the output of an inner block is seen unnormalised
    only if another block follows: a copy of the last one then takes this place.

    Returns:
        The model, and whether its `last_hidden_state` is the topmost of the chosen layers.

    Raises:
        ValueError: if the states of the copy are not those of the encoder, or the model brings code of its own.
    """
    original: Any = encoder.states.model
    if type(original).__module__.split(".")[0] != "transformers":
        raise ValueError(f"{encoder.name} needs code of its own to load, which an export may not hold")
    shared = {id(tensor): tensor for tensor in (*original.parameters(), *original.buffers())}
    model = copy.deepcopy(original, shared)
    ids = torch.tensor(encoder.tokenizer(probe_texts(encoder)[:1])["input_ids"], device=encoder.device)
    wanted = encoder.states(ids, None)
    output = model(input_ids=ids).last_hidden_state
    top = encoder.layer_indices[-1]
    is_output = bool(torch.equal(output, wanted[top]))
    if encoder.states.by_blocks:  # else it is whole
        blocks = find_blocks(model, model.config.num_hidden_layers)
        if top == len(blocks) and not is_output:
            blocks.append(copy.deepcopy(blocks[-1]))
        model.config.num_hidden_layers = len(blocks)
        if getattr(model.config, "layer_types", None):
            model.config.layer_types = model.config.layer_types[: len(blocks)]
    states = model(input_ids=ids, output_hidden_states=True).hidden_states
    for index, state in wanted.items():
        if not torch.allclose(states[index], state, rtol=0, atol=TOLERANCE):
            raise ValueError(f"layer {index} of {encoder.name} cannot be exported: its own output does not hold it")
    return model, is_output


def plain_tokenizer(encoder: Encoder) -> Any:
    """A copy of an encoder's tokenizer that gives, by its defaults, what the encoder feeds its model."""
    tokenizer = copy.deepcopy(encoder.tokenizer)
    tokenizer.padding_side = "right"  # decoders count positions from the left
    if isinstance(encoder, TransformerEncoder):
        tokenizer.model_max_length = encoder.max_length
    if tokenizer.pad_token is None:  # any will do: it is masked
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    return tokenizer


def check_tokenizer(encoder: Encoder, why: str) -> None:
    """Raise a ValueError that says why, and what to use instead, for a table of words."""
    if isinstance(encoder, StoredEncoder):
        raise ValueError(f"{encoder.name} are stored vectors, without an encoder: set format=numpy, or format=vectors")
    if encoder.tokenizer is None:
        raise ValueError(f"{encoder.name} is a table of whole words, {why}: take format=word2vec or format=numpy")


def framing(tokenizer: Any) -> tuple[list[int], list[int]]:
    """Types of the special tokens that a tokenizer puts before and after every text.

    Example:
        >>> framing(Encoder.from_pretrained("minilm", layers=1).tokenizer)
        ([101], [102])
    """
    encoded = tokenizer("a", return_special_tokens_mask=True)
    ids, special = encoded["input_ids"], encoded["special_tokens_mask"]
    first, last = special.index(0), len(special) - special[::-1].index(0)
    return ids[:first], ids[last:]


def type_weights(encoder: Encoder) -> Tensor:
    """Weight (V,) of each token type in a mean: 0 of what is left out, 1 of all others where the mean is plain.

    The encoder tells special tokens apart by their position: a text that spells one, such as "[SEP]", comes out other.
    """
    weights = torch.ones(len(encoder.pieces)) if encoder.weights is None else encoder.weights.cpu().clone()
    if isinstance(encoder, TransformerEncoder) and not encoder.pools_special():
        before, after = framing(encoder.tokenizer)
        weights[[*before, *after]] = 0
    return weights


def probe_texts(encoder: Encoder) -> list[str]:
    """Texts of different lengths, drawn from the encoder's own pieces, whatever its language."""
    special = set(encoder.tokenizer.all_special_tokens)
    pieces = [piece.removeprefix("##") for piece in encoder.pieces if piece not in special]
    generator = np.random.default_rng(0)
    texts = [" ".join(generator.choice(pieces, size=length)) for length in PROBE_LENGTHS]
    most = getattr(encoder, "max_length", np.inf) - 4  # room for special tokens, so that nothing is truncated
    sizes = [len(row) for row in encoder.tokenize(texts)]
    known = encoder.known(texts)
    return [text for text, size, is_known in zip(texts, sizes, known, strict=True) if is_known and size <= most]


def check_vectors(
    exported: Callable[[list[str]], np.ndarray], encoder: Encoder, removal: Correction, normalize: bool, what: str
) -> None:
    """Raise a ValueError if an export gives texts, together or alone, other vectors than its encoder and removal do."""
    texts = probe_texts(encoder)
    expected = corrected(encoder, removal, texts)
    expected = unit(expected) if normalize else expected
    found = np.stack([exported(texts), np.concatenate([exported([text]) for text in texts])])
    difference = float(np.abs(found - expected).max())
    if not difference <= TOLERANCE * max(1.0, float(np.abs(expected).max())):
        raise ValueError(f"{what} gives vectors that differ by {difference:.1e} from the encoder's: nothing is written")


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors (n, d) of length 1; a vector of zeros stays."""
    return nn.functional.normalize(torch.from_numpy(vectors), dim=1).numpy()


def check_one_centre(removal: Correction, what: str) -> None:
    """Raise a ValueError that says what to use instead, for a removal that has a centre of its own for queries."""
    if removal.query_centre is not None:
        raise ValueError(
            f"{what} takes all texts alike, and this removal moves queries by a mean of their own: leave out "
            "fit.queries, or correct stored vectors, format=vectors or format=numpy"
        )


def affine(removal: Correction, what: str) -> Removal | ReducedRemoval:
    """The removal, or a ValueError if it is not one affine map for all texts."""
    check_one_centre(removal, what)
    if isinstance(removal, (Removal, ReducedRemoval)):
        return removal
    raise ValueError(f"{what} takes one affine map, and this is {removal.kind}: use format=sentence_transformers")


def corrected(encoder: Encoder, removal: Correction, texts: list[str]) -> np.ndarray:
    """Vectors (n, d) of texts as uncone gives them: what every export is held against."""
    if not removal.corrects_tokens:
        return removal.apply(encoder.encode(texts, progress=False))
    tokens = encoder.encode_tokens(texts, progress=False, pooled=True)
    return encoder.finish(encoder.pool_tokens(replace(tokens, vectors=removal.apply(tokens.vectors))))


def ends_in_unit_length(encoder: Encoder, asked: bool | None) -> bool:
    """Whether what is exported ends in vectors of length 1: as was asked, or else as the encoder's own do."""
    return any(isinstance(module, Normalize) for module in [*encoder.tail][-1:]) if asked is None else asked
