"""What all removals have in common: whom they belong to, and how they are kept.

On disk, a removal is a few kilobytes of safetensors, and JSON that says what they are.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from uncone.support.arrays import ArrayT, as_given, as_tensor
from uncone.support.files import reading, whole, write
from uncone.support.wording import enumerated

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from uncone.encoder import Encoder

FORMAT = "uncone removal"
FORMAT_VERSION = 2
TENSORS, DESCRIPTION = "removal.safetensors", "removal.json"
ORTHONORMAL_TOLERANCE = 1e-4


class Correction(ABC):
    """A map from raw to corrected vectors, with the method that made it and the encoder it belongs to.

    `Removal` is one affine map, `ReducedRemoval` one to fewer dimensions; `ClusteredRemoval` has one for each cluster.
    All are frozen data classes.

    Attributes:
        kind: what files call the class.
        tensors: names of the attributes that are tensors.
        options: names of further attributes that are plain JSON values.
        method: name of the method that made it.
        settings: the method's own settings, plain JSON values.
        encoder: identity of the encoder it belongs to, empty for any.
        query_centre: (d,), what is subtracted from queries in place of the centre; None where that is the same.
    """

    kind: ClassVar[str]
    tensors: ClassVar[tuple[str, ...]]
    options: ClassVar[tuple[str, ...]] = ()
    level: str = "texts"
    method: str
    settings: Mapping[str, Any]
    encoder: Mapping[str, str]
    gains: Tensor
    centre: Tensor  # of those that are one affine map
    query_centre: Tensor | None = None

    @property
    def weights(self) -> Tensor:
        """Removal weights w = 1 − g, of the shape of `gains`."""
        return 1 - self.gains

    @property
    @abstractmethod
    def dimension(self) -> int:
        """d, the dimension of the vectors it applies to."""

    @property
    def output_dimension(self) -> int:
        """Numbers of a corrected vector: d, unless it was reduced."""
        return self.dimension

    @property
    def corrects_tokens(self) -> bool:
        """Whether it is for token vectors, before pooling; affine maps commute with a mean and are applied after it."""
        return self.level == "tokens"

    @abstractmethod
    def describe(self) -> str:
        """One line a person can read."""

    @abstractmethod
    def _correct(self, X: Tensor) -> Tensor:
        """Corrected rows (n, k) of `X` (n, d), float32 or float64; k is `output_dimension`."""

    def apply(self, X: ArrayT) -> ArrayT:
        """Corrected vectors (n, k) or (k,), of the kind and floating dtype of `X`, (n, d) or (d,).

        k = d, but for a removal made with fewer dimensions (`uncone.removal.reduced`).
        """
        tensor: Tensor = as_tensor(X)
        if tensor.shape[-1:] != (self.dimension,):
            raise ValueError(f"this removal corrects {self.dimension} dimensions, got shape {tuple(tensor.shape)}")
        if not tensor.is_floating_point():
            tensor = tensor.to(torch.float32)
        work = tensor.dtype if tensor.dtype in (torch.float32, torch.float64) else torch.float32
        rows = tensor.to(work).reshape(-1, self.dimension)
        shape = *tensor.shape[:-1], self.output_dimension
        return as_given(self._correct(rows).reshape(shape).to(tensor.dtype), X)

    def __call__(self, X: ArrayT) -> ArrayT:
        """The same as `apply`."""
        return self.apply(X)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.describe()}>"

    def to(self, device: str | torch.device) -> Self:
        """The same map kept on a device, where vectors that are there need no copy of it; what is made of it is not."""
        other = copy(self)
        for name, tensor in self._held().items():
            object.__setattr__(other, name, tensor.to(device))
        vars(other).pop("_matrices", None)  # which are computed anew there
        return other

    def plot(self) -> Figure:
        """A picture of the weight of each component; `.savefig(path)` writes it."""
        from uncone.support.figures import weight_profile

        return weight_profile(self.weights.reshape(-1, self.weights.shape[-1]).T.cpu().numpy(), self._described())

    def check_encoder(self, encoder: Encoder) -> None:
        """Raise a ValueError if the removal belongs to another encoder; `for_encoder` says how to override."""
        if encoder.dimension != self.dimension:
            own = f", that of this one is {_called(self.encoder)}" if self.encoder else ""
            raise ValueError(
                f"this removal corrects {self.dimension} dimensions, {encoder.name} has {encoder.dimension}: "
                f"fit one for it, or choose another encoder{own}"
            )
        for key in ("hash", "layers"):
            if self.encoder and self.encoder[key] != encoder.identity[key]:
                raise ValueError(
                    f"this removal belongs to {_called(self.encoder)}, not to {_called(encoder.identity)}: "
                    "fit one for it, or set allow_other_encoder=true (in Python, removal.for_encoder(encoder)) "
                    "if you are sure that it fits"
                )

    def for_encoder(self, encoder: Encoder) -> Self:
        """The same map declared to belong to `encoder`, whatever it was fitted on."""
        return replace(self, encoder=encoder.identity)  # type: ignore[type-var]  # every subclass is a data class

    def with_query_shift(self, shift: Tensor) -> Self:
        """The same map with a centre of its own for queries, which lie so far (d,) from documents.

        A ValueError for a removal that is not one affine map.
        """
        if "query_centre" not in self.tensors:
            raise ValueError(f"{self.method} is not one affine map, with a centre that queries could have another of")
        return replace(self, query_centre=self.centre + shift.to(self.centre.dtype))  # type: ignore[type-var]

    def of_documents(self) -> Self:
        """The map that all other texts go through."""
        return self if self.query_centre is None else replace(self, query_centre=None)  # type: ignore[type-var]

    def of_queries(self) -> Self:
        """The map that queries go through: with their own centre, where they have one."""
        if self.query_centre is None:
            return self
        return replace(self, centre=self.query_centre, query_centre=None)  # type: ignore[type-var]

    def with_settings(self, **settings: Any) -> Self:
        """The same map, with more said of how it was made."""
        return replace(self, settings={**self.settings, **settings})  # type: ignore[type-var]

    def save(self, folder: str | Path) -> Path:
        """Write `removal.safetensors` and `removal.json` into a folder, replacing a removal that is there.

        Each file appears whole or not at all. Numbers are kept as float32.
        """
        folder = Path(folder)
        with whole(folder / TENSORS) as aside:
            save_file({name: tensor.cpu().float() for name, tensor in self._held().items()}, aside)
        description = {"format": FORMAT, "format_version": FORMAT_VERSION, "kind": self.kind, "method": self.method}
        description |= {"settings": dict(self.settings), "encoder": dict(self.encoder)}
        description |= {name: getattr(self, name) for name in self.options}
        description["sha256"] = _checksum(folder / TENSORS, description)
        write(folder / DESCRIPTION, json.dumps(description, indent=1))
        return folder

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read a removal of this kind (`uncone.removal.load`: of any) that `save` wrote; the folder of a run will do.

        Raises:
            ValueError: if it holds none, a damaged or foreign one, one of another kind, or one of a newer format.
        """
        folder = Path(folder)
        description, tensors = _read(folder)
        kind = description.pop("kind", None)
        kinds = {each.kind: each for each in Correction.__subclasses__() if each.tensors}
        if kind not in kinds:
            raise ValueError(f"{folder} holds a removal of unknown kind {kind!r}; this uncone reads {', '.join(kinds)}")
        with reading(folder, f"a removal {kind!r} as this uncone writes it"):
            removal = kinds[kind](**tensors, **description)
        if not isinstance(removal, cls):
            raise ValueError(f"{folder} holds a removal {kind!r}, not {cls.kind!r}: uncone.removal.load reads either")
        return removal

    def _own_tensors(self) -> None:
        """Hold all tensors on the CPU, float64 where they came so and else float32, refusing NaN and infinity."""
        for name, held in self._held().items():
            tensor = as_tensor(held).detach()
            precision = torch.float64 if tensor.dtype == torch.float64 else torch.float32
            tensor = tensor.to("cpu", precision).contiguous()
            if not torch.isfinite(tensor).all():
                raise ValueError(f"{name} of removal {self.method!r} holds NaN or infinity")
            object.__setattr__(self, name, tensor)

    def _misfit(self, expected: str) -> ValueError:
        shapes = tuple(tuple(tensor.shape) for tensor in self._held().values())
        names = enumerated(list(self._held()))
        return ValueError(f"{names} of shapes {shapes} do not fit: expected {expected}")

    def _held(self) -> dict[str, Tensor]:
        """The tensors that it has, by name."""
        return {name: tensor for name in self.tensors if (tensor := getattr(self, name)) is not None}

    def _described(self) -> str:
        plain = {key: value for key, value in self.settings.items() if not isinstance(value, Mapping)}
        settings = ", ".join(f"{key}={value}" for key, value in plain.items())
        return f"{self.method}({settings})" if settings else self.method

    def _centred(self) -> str:
        kind = "centred" if self.centre.any() else "uncentred"
        return kind if self.query_centre is None else f"{kind}, queries by their own mean"

    def _owner(self) -> str:
        return f" for {self.encoder['name']} layers {self.encoder['layers']}" if self.encoder else ""


def _read(folder: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Description and tensors of the removal in a folder, or in the folder `removal` of a training run."""
    if not (folder / DESCRIPTION).is_file() and (folder / "removal" / DESCRIPTION).is_file():
        folder = folder / "removal"
    if not all((folder / name).is_file() for name in (DESCRIPTION, TENSORS)):  # files that can be read to an end
        raise ValueError(f"no removal in {folder.resolve()}: {DESCRIPTION} and {TENSORS} are expected there")
    with reading(folder / DESCRIPTION, "a removal"):
        description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    with reading(folder / TENSORS, "the tensors of a removal"):
        tensors = load_file(folder / TENSORS)
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        raise ValueError(f"{folder / DESCRIPTION} does not describe a removal of uncone")
    version = description.get("format_version")
    if version != FORMAT_VERSION:
        raise ValueError(
            f"{folder} is in format {version!r}, this uncone reads {FORMAT_VERSION}: "
            "upgrade uncone, or make the removal anew"
        )
    if description.pop("sha256", None) != _checksum(folder / TENSORS, description):
        raise ValueError(f"the removal in {folder.resolve()} is damaged: it has changed since it was written")
    for key in ("format", "format_version"):
        del description[key]
    told = [description.get(key) for key in ("kind", "method", "settings", "encoder")]
    encoder = told[-1]
    if not all(map(isinstance, told, (str, str, dict, dict))) or (
        encoder and not all(isinstance(encoder.get(key), str) for key in ("name", "hash", "layers"))
    ):
        raise ValueError(f"{folder / DESCRIPTION} does not tell kind, method, settings and encoder of a removal")
    return description, tensors


def _checksum(tensors: Path, description: Mapping[str, Any]) -> str:
    """SHA-256 of the file of tensors and all that is said of them."""
    text = json.dumps(description, sort_keys=True).encode()
    return hashlib.sha256(tensors.read_bytes() + text).hexdigest()


def check_orthonormal(components: Tensor, used: Tensor) -> None:
    """Raise a ValueError unless the columns of (…, d, k) are orthonormal, and zeros where `used` (…, k) is 0."""
    error = (components.mT @ components - torch.diag_embed(used)).abs()
    if error.numel() and error.max() > ORTHONORMAL_TOLERANCE:
        raise ValueError(f"components are not orthonormal: UᵀU differs from I by {float(error.max()):.2g}")


def extent(weights: Tensor) -> str:
    """The range of removal weights, in words."""
    if not weights.numel():
        return "no component removed"
    low, high = (f"{float(end):.2f}" for end in (weights.min(), weights.max()))
    return f"w {low}" if low == high else f"w from {low} to {high}"


def capped(count: int, limit: int, what: str) -> int:
    """Return a whole number in 1..limit, or raise a ValueError that names it."""
    if not (isinstance(count, int) and 1 <= count <= limit):
        raise ValueError(f"{what} must be a whole number from 1 to {limit} (the rank of these vectors), got {count}")
    return count


def _called(identity: Mapping[str, str]) -> str:
    return f"{identity['name']} layers {identity['layers']} (hash {identity['hash'][:8]})"
