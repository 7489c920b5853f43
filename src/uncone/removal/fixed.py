"""The fixed methods: each is a rule that reads gains off a spectrum, with nothing to train.

All return a `Removal`, and take vectors (n, d) in place of their spectrum, too. The table of methods with their sources
stands in docs/methods.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Concatenate, ParamSpec

import torch
from scipy.linalg import eigh
from torch import Tensor

from uncone.removal.affine import Removal
from uncone.removal.base import capped
from uncone.removal.spectrum import Spectrum
from uncone.support.arrays import Array

P = ParamSpec("P")
NOISE_SHARE = 0.1  # of the components, the last, which are taken for noise


def of_vectors(
    make: Callable[Concatenate[Spectrum, P], Removal],
) -> Callable[Concatenate[Spectrum | Array, P], Removal]:
    """Let a method take vectors (n, d), of which it fits the spectrum.

    Example:
        >>> X = torch.tensor([[5.0, 1.0], [-5.0, 1.0], [4.0, 1.2]])
        >>> all_but_the_top(X, D=1)
        <Removal all_but_the_top(D=1, centred=True): centred, removes 1 of 2 components, w 1.00>
    """

    @wraps(make)
    def made(spectrum: Spectrum | Array, *args: P.args, **options: P.kwargs) -> Removal:
        return make(spectrum if isinstance(spectrum, Spectrum) else Spectrum.fit(spectrum), *args, **options)

    return made


def none(dimension: int) -> Removal:
    """The identity: raw vectors, which needs no spectrum."""
    return Removal(torch.zeros(dimension), torch.zeros(dimension, 0), torch.zeros(0), "none")


@of_vectors
def centre(spectrum: Spectrum) -> Removal:
    """Subtract the mean μ, remove nothing."""
    return Removal(spectrum.mean, torch.zeros(len(spectrum.mean), 0), torch.zeros(0), "centre")


@of_vectors
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


@of_vectors
def common_components(spectrum: Spectrum, D: int = 1, weighted: bool = False) -> Removal:
    """Remove the D leading directions of the uncentred vectors, or a share of each.

    Fitted on sentence vectors, what SIF does after pooling (Arora, Liang & Ma, ICLR 2017, D = 1), and weighted what
    uSIF does (Ethayarajh, RepL4NLP 2018, D = 5).

    Args:
        D: directions, 1 ≤ D ≤ d.
        weighted: take only the share λ_i / Σ_{j≤D} λ_j of direction i, λ of the second moment.
    """
    eigenvalues, components = spectrum.uncentred
    D = capped(D, len(eigenvalues), "D")
    gains = 1 - eigenvalues[:D] / eigenvalues[:D].sum() if weighted else torch.zeros(D)
    settings = {"D": D, "weighted": weighted}
    return Removal(torch.zeros(len(eigenvalues)), components[:, :D], gains, "common_components", settings)


@of_vectors
def standardize(spectrum: Spectrum) -> Removal:
    """Mean 0 and variance 1 for every coordinate, up to a common factor: no rogue coordinate decides a cosine.

    Timkey & van Schijndel, EMNLP 2021, arXiv 2109.04404. A coordinate that never varies is dropped.
    """
    variance = _relative(spectrum.covariance.diagonal())
    gains = torch.where(variance > 0, variance.clamp_min(torch.finfo(torch.float32).tiny) ** -0.5, 0)
    return Removal(spectrum.mean, torch.eye(len(variance)), gains, "standardize")


@of_vectors
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


@of_vectors
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


@of_vectors
def spectral_tempering(spectrum: Spectrum, D: int | None = None) -> Removal:
    """Keep D components with gains λ_i^(−γ/2), γ read from the spectrum (SpecTemp, arXiv 2603.19339).

    With the signal-to-noise ratio r_i = λ_i / σ² − 1, σ² the mean of the last tenth of the eigenvalues, γ is
    r_D / r_knee, at most 1. The knee is where r lies farthest below its chord; the authors' code takes the first local
    maximum of that distance, which rounding moves about.

    Args:
        D: components to keep, 1 ≤ D ≤ rank; None for all.
    """
    D = spectrum.rank if D is None else capped(D, spectrum.rank, "D")
    last = max(1, int(len(spectrum.mean) * (1 - NOISE_SHARE)))
    noise = spectrum.eigenvalues[last:].mean() if last < len(spectrum.mean) else spectrum.eigenvalues[-1]
    ratio = (spectrum.eigenvalues[:last] / noise.clamp_min(torch.finfo(torch.float64).tiny) - 1).clamp_min(0)
    below = 1 - ratio / ratio[0].clamp_min(torch.finfo(torch.float64).tiny) - torch.linspace(0, 1, last)
    knee = ratio[below.argmax()]
    gamma = min(1.0, float(ratio[min(D, last) - 1] / knee)) if knee > 0 else 1.0
    return whitening(spectrum, D, gamma / 2, "spectral_tempering")


@of_vectors
def soft_zca(spectrum: Spectrum, eps: float = 0.1) -> Removal:
    """Whitening with a floor under the variance: gains (λ_i + ε)^(−1/2), up to a common factor (arXiv 2411.17538).

    Args:
        eps: ε in units of the mean eigenvalue, > 0, so that it does not depend on the scale of the vectors.
    """
    if eps <= 0:
        raise ValueError(f"eps must be above 0, got {eps}")
    gains = (_relative(spectrum.eigenvalues) + eps) ** -0.5
    return Removal(spectrum.mean, spectrum.components, gains, "soft_zca", {"eps": eps})


@of_vectors
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


@of_vectors
def middle(spectrum: Spectrum, D: int) -> Removal:
    """Keep the D directions in the middle of the uncentred spectrum, and drop both of its edges.

    On the rows of an output embedding, whose right singular vectors these are, this is EmbedFilter (arXiv 2606.07502):
    the edges carry what all frequent tokens share.

    Args:
        D: directions to keep, 1 ≤ D ≤ d; a half, a quarter and an eighth of d in the paper.
    """
    _, components = spectrum.uncentred
    d = len(components)
    first = (d - capped(D, d, "D")) // 2
    edges = torch.cat([components[:, :first], components[:, first + D :]], 1)
    return Removal(torch.zeros(d), edges, torch.zeros(d - D), "middle", {"D": D})


def discriminants(within: Spectrum, between: Spectrum, D: int, shrinkage: float = 0.1) -> Removal:
    """Keep the D directions that tell classes apart best: linear discriminant analysis, with token types as classes.

    The generalised eigenvectors V of the scatter between types against that within types, VᵀWV = I; a cosine of Vᵀe
    sees V Vᵀ alone, whose square root is the map (Fisher 1936; Rao 1948).

    Args:
        within: vectors around the mean of their type.
        between: means of the types, weighted by how often they occur.
        D: directions to keep, 1 ≤ D ≤ rank of the means.
        shrinkage: of the scatter within, toward its mean eigenvalue, in (0, 1].
    """
    if not 0 < shrinkage <= 1:
        raise ValueError(f"shrinkage must be above 0 and at most 1, got {shrinkage}")
    D, d = capped(D, between.rank, "D"), len(between.mean)
    W = (1 - shrinkage) * within.covariance + shrinkage * within.covariance.diagonal().mean() * torch.eye(d)
    V = torch.from_numpy(eigh(between.covariance.numpy(), W.numpy(), subset_by_index=[d - D, d - 1])[1])
    U, singular, _ = torch.linalg.svd(V)
    gains = torch.zeros(d, dtype=torch.float64)
    gains[:D] = singular / singular.mean()
    return Removal(between.mean, U, gains, "discriminants", {"D": D, "shrinkage": shrinkage})


@of_vectors
def random_directions(spectrum: Spectrum, D: int, seed: int, keep: bool = False) -> Removal:
    """Remove the mean and D random directions, or keep nothing but these: what any removal has to beat.

    Args:
        D: directions, 1 ≤ D < d.
        seed: of the draw.
        keep: keep them and drop all others.
    """
    d = len(spectrum.mean)
    capped(D, d - 1, "D")
    generator = torch.Generator().manual_seed(seed)
    Q = torch.linalg.qr(torch.randn(d, d, generator=generator, dtype=torch.float64))[0]
    dropped = Q[:, D:] if keep else Q[:, :D]
    settings = {"D": D, "seed": seed, "keep": keep}
    return Removal(spectrum.mean, dropped, torch.zeros(dropped.shape[1]), "random_directions", settings)


def _relative(eigenvalues: Tensor) -> Tensor:
    """Eigenvalues in units of their mean: a common factor of the gains does not change any cosine."""
    return eigenvalues / eigenvalues.mean()
