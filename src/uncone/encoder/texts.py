"""What every encoder asks of the texts it is given."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def check_texts(texts: Sequence[str]) -> None:
    """Raise a ValueError if there is no text, or if `texts` is one string, which would be read letter by letter."""
    if isinstance(texts, str):
        raise ValueError(f"expected a list of texts, got the one text {texts!r}: put it into a list")
    if not len(texts):
        raise ValueError("nothing to encode: the list of texts is empty")


def unique_texts(texts: Sequence[str]) -> tuple[list[str], Tensor]:
    """The distinct texts in order of first appearance, and the index (n,) of each text among them.

    Example:
        >>> unique_texts(["b", "a", "b"])
        (['b', 'a'], tensor([0, 1, 0]))
    """
    check_texts(texts)
    index = {text: i for i, text in enumerate(dict.fromkeys(texts))}
    return list(index), torch.tensor([index[text] for text in texts])


def check_known(texts: Sequence[str], known: Sequence[bool]) -> None:
    """Raise a ValueError that names the first text without a known token."""
    for text, is_known in zip(texts, known, strict=True):
        if not is_known:
            raise ValueError(f"no known token in {text!r}: it is empty or made of unknown pieces only; leave it out")
