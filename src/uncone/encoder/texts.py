"""What every encoder asks of the texts it is given, and which it runs through a model together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor

CHARACTERS_PER_BLOCK = 1 << 19  # the token vectors of so much text take a few hundred MB


def check_texts(texts: Sequence[str]) -> None:
    """Raise a ValueError if there is no text, or if `texts` is one string, which would be read letter by letter."""
    if isinstance(texts, str):
        raise ValueError(f"expected a list of texts, got the one text {texts!r}: put it into a list")
    if not len(texts):
        raise ValueError("nothing to encode: the list of texts is empty")


def blocks(texts: Iterable[str]) -> Iterator[list[str]]:
    """Texts in lists whose token vectors fit into memory, read as they are asked for."""
    block, size = list[str](), 0
    for text in texts:
        block.append(text)
        size += len(text)
        if size >= CHARACTERS_PER_BLOCK:
            yield block
            block, size = [], 0
    if block:
        yield block


def unique_texts(texts: Sequence[str]) -> tuple[list[str], Tensor]:
    """The distinct texts in order of first appearance, and the index (n,) of each text among them."""
    check_texts(texts)
    index = {text: i for i, text in enumerate(dict.fromkeys(texts))}
    if len(index) == len(texts):
        return list(index), torch.arange(len(index))
    return list(index), torch.tensor([index[text] for text in texts])


def check_known(texts: Sequence[str], known: Sequence[bool]) -> None:
    """Raise a ValueError that names the first text without a known token."""
    for text, is_known in zip(texts, known, strict=True):
        if not is_known:
            raise ValueError(f"no known token in {text!r}: it is empty or made of unknown pieces only; leave it out")
