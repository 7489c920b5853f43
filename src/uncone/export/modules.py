"""Modules for sentence-transformers that need uncone."""

from __future__ import annotations

from typing import Any, Self

from sentence_transformers.base.modules.module import Module
from torch import Tensor

from uncone.removal import ClusteredRemoval

INPUTS = {"tokens": "token_embeddings", "texts": "sentence_embedding"}


class ClusteredCorrection(Module):
    """A `ClusteredRemoval` of token vectors or of text vectors, between the modules of a `SentenceTransformer`.

    Args:
        removal: what to apply.
    """

    save_in_root = False

    def __init__(self, removal: ClusteredRemoval):
        super().__init__()
        self.removal = removal

    def forward(self, features: dict[str, Tensor | Any], **_: Any) -> dict[str, Tensor | Any]:
        """Correct the vectors that the removal is for."""
        name = INPUTS[self.removal.level]
        features[name] = self.removal.apply(features[name])
        return features

    def save(self, output_path: str, *_: Any, **__: Any) -> None:
        """Write what `Removal.save` writes."""
        self.removal.save(output_path)

    @classmethod
    def load(
        cls,
        model_name_or_path: str,
        subfolder: str = "",
        token: bool | str | None = None,
        cache_folder: str | None = None,
        revision: str | None = None,
        local_files_only: bool = False,
        init_defaults: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> Self:
        """Read it back, from a folder or from the hub."""
        folder = cls.load_dir_path(model_name_or_path, subfolder, token, cache_folder, revision, local_files_only)
        if folder is None:
            raise ValueError(f"no removal in {subfolder} of {model_name_or_path}")
        return cls(ClusteredRemoval.load(folder))
