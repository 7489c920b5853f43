"""The one object behind every affine correction: a centre, orthonormal components, and a gain for each."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from uncone.arrays import ArrayT, as_given, as_tensor

if TYPE_CHECKING:
    from uncone.encoder import Encoder

FORMAT = "uncone removal"
FORMAT_VERSION = 1
TENSORS, DESCRIPTION = "removal.safetensors", "removal.json"
ORTHONORMAL_TOLERANCE = 1e-4


@dataclass(frozen=True, eq=False)
class Removal:
    """The affine map e' = (e − c)(I − U diag(w) Uᵀ).

    A weight w_i = 1 removes component i, 0 keeps it, a negative weight amplifies it; the gain is g_i = 1 − w_i.
    Directions outside U pass unchanged, and the centre is not added back. Make one with a constructor of
    `uncone.removal`, or by training.

    Attributes:
        centre: (d,) c; zeros for an uncentred map.
        components: (d, k) U, orthonormal columns.
        gains: (k,) g = 1 − w.
        method: name of the method that made it.
        settings: the method's own settings, plain JSON values.
        encoder: identity of the encoder it belongs to, empty for any.

    Raises:
        ValueError: if shapes do not fit, a number is not finite, or U is not orthonormal.

    Example:
        >>> U = torch.tensor([[1.0], [0.0]])
        >>> removal = Removal(centre=torch.zeros(2), components=U, gains=torch.zeros(1), method="first axis")
        >>> removal.apply(torch.tensor([[3.0, 4.0]]))
        tensor([[0., 4.]])
    """

    centre: Tensor
    components: Tensor
    gains: Tensor
    method: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    encoder: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("centre", "components", "gains"):
            part = as_tensor(getattr(self, name)).detach()
            precision = torch.float64 if part.dtype == torch.float64 else torch.float32
            object.__setattr__(self, name, part.to("cpu", precision).contiguous())
        d, k = self.components.shape if self.components.ndim == 2 else (-1, -1)
        if self.centre.shape != (d,) or self.gains.shape != (k,) or k > d:
            shapes = tuple(tuple(part.shape) for part in (self.centre, self.components, self.gains))
            raise ValueError(
                f"centre, components and gains of shapes {shapes} do not fit: expected (d,), (d, k) and (k,) with k ≤ d"
            )
        for name in ("centre", "components", "gains"):
            if not torch.isfinite(getattr(self, name)).all():
                raise ValueError(f"{name} of removal {self.method!r} holds NaN or infinity")
        error = (self.components.T @ self.components - torch.eye(k)).abs().max() if k else torch.tensor(0.0)
        if error > ORTHONORMAL_TOLERANCE:
            raise ValueError(f"components are not orthonormal: UᵀU differs from I by {float(error):.2g}")

    @property
    def weights(self) -> Tensor:
        """(k,) removal weights w = 1 − g."""
        return 1 - self.gains

    @property
    def dimension(self) -> int:
        """d, the dimension of the vectors it applies to."""
        return len(self.centre)

    def apply(self, X: ArrayT) -> ArrayT:
        """Correct vectors.

        Args:
            X: (n, d) or (d,), of any floating dtype, which the result keeps.

        Returns:
            Corrected vectors of the shape, kind and dtype of `X`.
        """
        tensor = as_tensor(X)
        if tensor.shape[-1:] != (self.dimension,):
            raise ValueError(
                f"this removal corrects vectors of {self.dimension} dimensions, got shape {tuple(tensor.shape)}"
            )
        if not tensor.is_floating_point():
            tensor = tensor.to(torch.float32)
        work = tensor.dtype if tensor.dtype in (torch.float32, torch.float64) else torch.float32
        c, U, g = (part.to(tensor.device, work) for part in (self.centre, self.components, self.gains))
        centred = tensor.to(work) - c
        if (
            2 * U.shape[1] < self.dimension
        ):  # two thin products; beyond half the dimension, one square product is cheaper
            result = centred + (centred @ U * (g - 1)) @ U.T
        else:
            result = centred @ (torch.eye(self.dimension, dtype=work, device=tensor.device) + (U * (g - 1)) @ U.T)
        return as_given(result.to(tensor.dtype), X)

    def fold(self) -> tuple[Tensor, Tensor]:
        """The same map as one matrix and one bias.

        Returns:
            W (d, d) and b (d,) float32 with e' = W e + b; W is symmetric.
        """
        c, U, g = (part.double() for part in (self.centre, self.components, self.gains))
        W = torch.eye(self.dimension, dtype=torch.float64) + (U * (g - 1)) @ U.T
        return W.float(), (-W @ c).float()

    def check_encoder(self, encoder: Encoder) -> None:
        """Raise a ValueError if the removal belongs to another encoder; `for_encoder` says how to override."""
        if encoder.dimension != self.dimension:
            raise ValueError(
                f"this removal corrects {self.dimension} dimensions, {encoder.name} gives {encoder.dimension}"
            )
        for key in ("hash", "layers"):
            if self.encoder and self.encoder[key] != encoder.identity[key]:
                raise ValueError(
                    f"this removal belongs to {_called(self.encoder)}, not to {_called(encoder.identity)}: "
                    "fit one for it, or set allow_other_encoder=true (in Python, removal.for_encoder(encoder)) "
                    "if you are sure that it fits"
                )

    def for_encoder(self, encoder: Encoder) -> Removal:
        """The same map declared to belong to `encoder`, whatever it was fitted on."""
        return replace(self, encoder=encoder.identity)

    def describe(self) -> str:
        """One line a person can read."""
        w = self.weights
        settings = ", ".join(f"{key}={value}" for key, value in self.settings.items())
        kind = "centred" if self.centre.any() else "uncentred"
        extent = f"w from {float(w.min()):.2f} to {float(w.max()):.2f}" if len(w) else "nothing removed"
        owner = f" for {self.encoder['name']} layers {self.encoder['layers']}" if self.encoder else ""
        return f"{self.method}({settings}): {kind}, {len(w)} of {self.dimension} components, {extent}{owner}"

    def save(self, folder: str | Path) -> Path:
        """Write `removal.safetensors` and `removal.json` into a folder, replacing a removal that is there.

        Each file appears whole or not at all; the JSON names the digest of the tensors it belongs to.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        description = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "method": self.method,
            "settings": dict(self.settings),
            "encoder": dict(self.encoder),
        }
        aside = folder / f".{uuid.uuid4().hex}"
        save_file({name: getattr(self, name).float() for name in ("centre", "components", "gains")}, aside)
        os.replace(aside, folder / TENSORS)
        aside.write_text(json.dumps(description, indent=1))
        os.replace(aside, folder / DESCRIPTION)
        return folder

    @classmethod
    def load(cls, folder: str | Path) -> Removal:
        """Read what `save` wrote.

        Raises:
            ValueError: if the folder holds no removal, a damaged one, a foreign one, or one of a newer format.
        """
        folder = Path(folder)
        if not (folder / DESCRIPTION).is_file() and (folder / "removal" / DESCRIPTION).is_file():
            folder = folder / "removal"  # the folder of a training run
        try:
            description = json.loads((folder / DESCRIPTION).read_text())
            tensors = load_file(folder / TENSORS)
        except FileNotFoundError as error:
            raise ValueError(
                f"no removal in {folder.resolve()}: {DESCRIPTION} and {TENSORS} are expected there"
            ) from error
        except (json.JSONDecodeError, SafetensorError) as error:
            raise ValueError(f"the removal in {folder.resolve()} is damaged: {error}") from error
        if not isinstance(description, dict) or description.get("format") != FORMAT:
            raise ValueError(f"{folder / DESCRIPTION} does not describe a removal of uncone")
        if description["format_version"] > FORMAT_VERSION:
            raise ValueError(
                f"{folder} is in format {description['format_version']}, this uncone reads up to {FORMAT_VERSION}: "
                "upgrade uncone"
            )
        return cls(
            **{name: tensors[name] for name in ("centre", "components", "gains")},
            **{name: description[name] for name in ("method", "settings", "encoder")},
        )


def _called(identity: Mapping[str, str]) -> str:
    return f"{identity['name']} layers {identity['layers']} (hash {identity['hash'][:8]})"


def capped(count: int, limit: int, what: str) -> int:
    """Return a whole number in 1..limit, or raise a ValueError that names it."""
    if not (isinstance(count, int) and 1 <= count <= limit):
        raise ValueError(f"{what} must be a whole number from 1 to {limit} (the rank of these vectors), got {count}")
    return count
