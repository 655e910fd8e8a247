"""From what a user gives to a covariance structure, and structures of several mixtures into one."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from plaplace.mixture.covariances.diagonal import Diagonal
from plaplace.mixture.covariances.full import Full
from plaplace.mixture.covariances.low_rank import LowRank
from plaplace.mixture.covariances.spherical import Spherical

__all__ = ["Covariances", "merge", "parse"]

Covariances = Spherical | Diagonal | Full | LowRank

_ACCEPTED = "accepted are variances (K,) or (K, D), matrices (K, D, D), or LowRank(isotropic=(K,), factors=(K, D, R))"


def parse(covariances: Tensor | LowRank, num_components: int, dimension: int) -> Covariances:
    """The structure of covariances given as an array or as `LowRank`, for K means of dimension D, in float64.

    Raises:
        ValueError: a shape that fits none, entries that are not finite, variances <= 0, a matrix that is not symmetric
            positive definite.
    """
    k, d = num_components, dimension
    if isinstance(covariances, LowRank):
        if covariances.factors.shape[:2] != (k, d):
            raise ValueError(
                f"LowRank factors have shape {tuple(covariances.factors.shape)} beside {k} means of dimension {d}; "
                f"accepted is (K, D, R) = ({k}, {d}, R)"
            )
        _check_finite(covariances.factors, "LowRank.factors")
        _check_positive(covariances.isotropic, "LowRank.isotropic")
        return covariances
    values = torch.as_tensor(covariances).to(torch.float64)
    _check_finite(values, "covariances")
    if values.shape == (k,):
        _check_positive(values, "variances")
        return Spherical(values, d)
    if values.shape == (k, d):
        _check_positive(values, "variances")
        return Diagonal(values)
    if values.shape == (k, d, d):
        return Full(values)
    raise ValueError(f"covariances of shape {tuple(values.shape)} beside {k} means of dimension {d}; {_ACCEPTED}")


def merge(structures: Sequence[Covariances]) -> Covariances:
    """The components of several structures in one, of the least general kind that holds them all."""
    kinds = {structure.kind for structure in structures}
    if kinds == {"spherical"}:
        variances = torch.cat([s.variances for s in structures if isinstance(s, Spherical)])
        return Spherical(variances, structures[0].dimension)
    if kinds <= {"spherical", "diagonal"}:
        return Diagonal(torch.cat([s.as_diagonal() for s in structures if isinstance(s, Spherical | Diagonal)]))
    if kinds <= {"spherical", "low_rank"}:
        rank = max(s.factors.shape[2] for s in structures if isinstance(s, LowRank))
        parts = [_as_low_rank(s, rank) for s in structures]
        return LowRank(torch.cat([each.isotropic for each in parts]), torch.cat([each.factors for each in parts]))
    return Full(torch.cat([_as_matrices(s) for s in structures]))


def _as_low_rank(structure: Covariances, rank: int) -> LowRank:
    if isinstance(structure, LowRank):
        missing = rank - structure.factors.shape[2]
        return LowRank(structure.isotropic, torch.nn.functional.pad(structure.factors, (0, missing)))
    assert isinstance(structure, Spherical)
    k, d = len(structure.variances), structure.dimension
    return LowRank(structure.variances, structure.variances.new_zeros(k, d, rank))


def _as_matrices(structure: Covariances) -> Tensor:
    if isinstance(structure, Full):
        return structure.matrices
    if isinstance(structure, LowRank):
        return structure.dense()
    return torch.diag_embed(structure.as_diagonal())


def _check_finite(values: Tensor, name: str) -> None:
    if not bool(values.isfinite().all()):
        where = (~values.isfinite()).nonzero()[0].tolist()
        raise ValueError(f"{name} has a NaN or infinite entry at {where}; all entries must be finite")


def _check_positive(values: Tensor, name: str) -> None:
    _check_finite(values, name)
    if not bool((values > 0).all()):
        where = (values <= 0).nonzero()[0].tolist()
        raise ValueError(f"{name} at {where} is {float(values[tuple(where)]):.3g}; variances must be > 0")
