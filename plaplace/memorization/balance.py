"""The detector's term: the loss split into its even and odd part on +- pairs, and weighed.

    a = |mean even|^2 / D + c (loss - |mean even|^2 / D),      c = min(1, 8/D),

even = (eps_hat(+n) + eps_hat(-n))/2; why, `detector` says. Its logarithm is what is contrasted over levels, and has a
standard error by the jackknife over the pairs, from `|mean even|` and the loss without each of them.
"""

from __future__ import annotations

from torch import Tensor

from plaplace.memorization.formulas.loss import denoising_loss, loss_samples
from plaplace.memorization.jackknife import error_of, means_without, units
from plaplace.memorization.probes import Probes

__all__ = ["balanced", "log_term", "odd_share"]

AXES = 8  # dimensions up to which the odd half counts in full
_LEAST = 1e-300  # has a logarithm


def odd_share(dimension: int) -> float:
    """c, the weight of the odd half.

    >>> odd_share(8), odd_share(64)
    (1.0, 0.125)
    """
    return min(1.0, AXES / dimension)


def balanced(probes: Probes) -> Tensor:
    """(B,) `a`, of +- pairs: the even half of the squared error and c of the odd one, per coordinate."""
    even = probes.drift.square() / probes.dimension
    return even + odd_share(probes.dimension) * (-denoising_loss(probes) - even)


def log_term(probes: Probes) -> tuple[Tensor, Tensor]:
    """(B,) `log a`, and its standard error from the choice of directions: 0 of a whole frame, inf of a single pair.

    Raises:
        ValueError: directions without pairs, several rounds, or probes that were cut to the first directions.
    """
    value = balanced(probes).clamp(min=_LEAST).log()
    without = probes.sphere().without
    if without is None:
        raise ValueError("the probes were cut to their first directions; accepted are all that were drawn together")
    left_out = units(probes.structure)
    if without.shape[1] != len(left_out):
        raise ValueError(f"the probes have {without.shape[1] // len(left_out)} rounds of directions; accepted is one")
    loss = -loss_samples(probes)
    loss = means_without((loss[:, 0::2] + loss[:, 1::2]) / 2, left_out)
    even = without.square() / probes.dimension
    others = (even + odd_share(probes.dimension) * (loss - even)).clamp(min=_LEAST).log()
    return value, value * 0 + error_of(others, probes.structure)
