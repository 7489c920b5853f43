"""The fixed methods: each is a rule that reads gains off a spectrum, with nothing to train.

All return a `Removal`. The table of methods with their sources stands in the README.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from uncone.removal.affine import Removal
from uncone.removal.base import capped
from uncone.removal.spectrum import Spectrum


def none(dimension: int) -> Removal:
    """The identity: raw vectors, which needs no spectrum."""
    return Removal(torch.zeros(dimension), torch.zeros(dimension, 0), torch.zeros(0), "none")


def centre(spectrum: Spectrum) -> Removal:
    """Subtract the mean μ, remove nothing."""
    return Removal(spectrum.mean, torch.zeros(len(spectrum.mean), 0), torch.zeros(0), "centre")


def all_but_the_top(spectrum: Spectrum, D: int, centred: bool = True) -> Removal:
    """Remove the D leading principal components.

    Args:
        D: components to remove, 1 ≤ D ≤ rank; about d/100 is usual.
        centred: subtract the mean too (Mu & Viswanath, ICLR 2018, arXiv 1702.01417); False is the variant that Liang et
            al. 2021 compare with. The components are those of the covariance in both.
    """
    D = capped(D, spectrum.rank, "D")
    origin = spectrum.mean if centred else torch.zeros(len(spectrum.mean))
    settings = {"D": D, "centred": centred}
    return Removal(origin, spectrum.components[:, :D], torch.zeros(D), "all_but_the_top", settings)


def conceptor(spectrum: Spectrum, alpha: float = 2.0) -> Removal:
    """Conceptor negation: e' = (I − C) e with C = R (R + α⁻² I)⁻¹, R the uncentred second moment.

    In the basis of R the gain is α⁻² / (λ_i + α⁻²) (Liu, Ungar & Sedoc, AAAI 2019, arXiv 1811.11001).

    Args:
        alpha: aperture, > 0; 2 in the paper. Large apertures remove more. It depends on the scale of the vectors.
    """
    if alpha <= 0:
        raise ValueError(f"alpha must be above 0, got {alpha}")
    eigenvalues, components = spectrum.uncentred
    gains = alpha**-2 / (eigenvalues + alpha**-2)
    return Removal(torch.zeros(len(gains)), components, gains, "conceptor", {"alpha": alpha})


def whitening(spectrum: Spectrum, D: int | None = None, power: float = 0.5, name: str = "whitening") -> Removal:
    """Scale the D leading principal components to unit variance and drop the others.

    Gains are λ_i^(−power) for i ≤ D, else 0, up to a common factor (Su et al. 2021, arXiv 2103.15316). On a spectrum
    weighted by word probability this is Zipfian whitening (Yokoi et al., NeurIPS 2024).

    Args:
        D: components to keep, 1 ≤ D ≤ rank; None for all.
        power: 0.5 whitens; smaller values only flatten.
    """
    D = spectrum.rank if D is None else capped(D, spectrum.rank, "D")
    gains = torch.zeros(len(spectrum.mean), dtype=torch.float64)
    gains[:D] = _relative(spectrum.eigenvalues[:D]) ** -power
    return Removal(spectrum.mean, spectrum.components, gains, name, {"D": D, "power": power})


def soft_zca(spectrum: Spectrum, eps: float = 0.1) -> Removal:
    """Whitening with a floor under the variance: gains (λ_i + ε)^(−1/2), up to a common factor (arXiv 2411.17538).

    Args:
        eps: ε in units of the mean eigenvalue, > 0, so that it does not depend on the scale of the vectors.
    """
    if eps <= 0:
        raise ValueError(f"eps must be above 0, got {eps}")
    gains = (_relative(spectrum.eigenvalues) + eps) ** -0.5
    return Removal(spectrum.mean, spectrum.components, gains, "soft_zca", {"eps": eps})


def renormalize(spectrum: Spectrum, variant: str = "R2") -> Removal:
    """Subtract the mean (R1), or remove the direction of the mean (R2) (arXiv 2511.11041).

    The paper's final normalisation to unit length is left to the cosine.
    """
    if variant == "R1":
        return replace(centre(spectrum), method="renormalize", settings={"variant": variant})
    if variant != "R2":
        raise ValueError(f"unknown variant {variant!r}: choose 'R1' or 'R2'")
    direction = spectrum.mean / spectrum.mean.norm()
    return Removal(torch.zeros(len(direction)), direction[:, None], torch.zeros(1), "renormalize", {"variant": variant})


def _relative(eigenvalues: Tensor) -> Tensor:
    """Eigenvalues in units of their mean: a common factor of the gains does not change any cosine."""
    return eigenvalues / eigenvalues.mean()
