"""Vectors that are already stored, corrected without their encoder: for people with a vector database."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from uncone.data.vectors import is_dataset
from uncone.export.vector_files import Corrector, format_of
from uncone.removal import ClusteredRemoval, Correction
from uncone.support.files import whole
from uncone.support.terminal import step
from uncone.support.wording import unknown

ROLES = ("document", "query")


@dataclass(frozen=True)
class StoredVectors:
    """Correct every vector of a file; all else in it stays as it is.

    Files may be far larger than memory: they are read and written in chunks of 4 MB, and the output appears whole or
    not at all. float16, bfloat16, float32 and float64 are kept.

    Args:
        input: an .npy, .safetensors or .parquet file, or the folder of a Hugging Face data set on disk.
        output: where the same kind of file or folder is written; not `input` itself.
        column: the tensor, or the column of lists of numbers, that holds the vectors; None takes the only one.
        role: "document" or "query", which a removal may have a centre of its own for; None where it has one for all.

    Example:
        >>> import tempfile, torch, uncone
        >>> import numpy as np
        >>> folder = Path(tempfile.mkdtemp())
        >>> np.save(folder / "raw.npy", np.ones((3, 2), dtype=np.float16))
        >>> removal = uncone.removal.centre(uncone.Spectrum.fit(torch.ones(2, 2)))
        >>> stored = StoredVectors(str(folder / "raw.npy"), str(folder / "corrected.npy"))
        >>> stored.run(removal, overwrite=False, console=Console(quiet=True))
        >>> np.load(folder / "corrected.npy")
        array([[0., 0.],
               [0., 0.],
               [0., 0.]], dtype=float16)
    """

    input: str | None
    output: str | None
    column: str | None = None
    role: str | None = None

    def __post_init__(self) -> None:
        for name in ("input", "output"):
            if not getattr(self, name):
                raise ValueError(f"format=vectors needs the file to read and the file to write: set {name}=PATH")
        if self.role not in (None, *ROLES):
            raise unknown("role", self.role, ROLES)

    def check(self, overwrite: bool) -> None:
        """Raise a ValueError, before any work, if there is no such input, or the output may not be written."""
        source, target = Path(str(self.input)), Path(str(self.output))
        format_of(source, target)
        _check_target(source, target, overwrite)

    def run(self, removal: Correction, overwrite: bool, console: Console) -> None:
        """Write `output`, and say what was done and whom the removal belongs to.

        Raises:
            ValueError: for a file that cannot be read; an output that exists (without `overwrite`) or is the input;
                vectors of another dimension; a row that holds NaN or infinity, or would after the correction.
        """
        self.check(overwrite)
        if (removal.query_centre is None) != (self.role is None):
            other = (
                "one centre for all vectors: leave out role"
                if self.role
                else "a centre for queries: set role=query or role=document"
            )
            raise ValueError(f"this removal has {other}")
        removal = removal.of_queries() if self.role == "query" else removal.of_documents()
        source, target = Path(str(self.input)), Path(str(self.output))
        form = format_of(source, target)
        what = f"Correcting {source.name}"
        with step(what) as bar:
            corrector = Corrector(removal, source, lambda done, total: bar.say(what, done, total))
            with whole(target) as aside:
                form(source, aside, self.column, corrector)
                if not corrector.rows:
                    raise ValueError(f"{source} holds no vectors")
        shorter = "" if corrector.width == removal.dimension else f" to {corrector.width}"
        console.print(
            f"Corrected {corrector.rows} vectors of {removal.dimension} dimensions ({corrector.dtype})"
            f"{shorter}: {target}\n"
            f"Removal: {removal.describe()}\n{_belongs(removal)}",
            highlight=False,
            soft_wrap=True,
        )


def _check_target(source: Path, target: Path, overwrite: bool) -> None:
    one, other = source.resolve(), target.resolve()
    if one == other or one in other.parents or other in one.parents or (target.exists() and target.samefile(source)):
        raise ValueError(f"output={target} is the input, or lies in it: the raw vectors are never overwritten")
    if not target.exists():
        return
    if not overwrite:
        raise ValueError(f"{target} exists already: set overwrite=true to replace it")
    if target.is_dir() != source.is_dir() or (target.is_dir() and not is_dataset(target)):
        raise ValueError(f"{target} is not of the kind that would replace it: choose another output")


def _belongs(removal: Correction) -> str:
    """Which vectors the map is for, as far as it says."""
    said = "It names no encoder: it is for vectors of the encoder that it was fitted on. "
    if removal.encoder:
        said = f"It belongs to {removal.encoder['name']}, layers {removal.encoder['layers']}. "
    if isinstance(removal, ClusteredRemoval) and removal.level == "tokens":
        said += "Its clusters are of tokens: vectors pooled from several come out otherwise than token by token. "
    return said + "Correct queries with the same removal."
