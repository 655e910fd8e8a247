"""What every estimator returns: a value, its standard error and what it cost."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Estimate"]


@dataclass(frozen=True)
class Estimate:
    """An estimated p-Laplacian with its uncertainty and its price.

    Attributes:
        value: (B,), or (B, P) when p was a sequence; 1/length^p. NaN where a score was not finite.
        standard_error: shaped like `value`; of the sampling error alone, neither of the bias of a finite radius or
            step nor of the error of the network. 0 for a deterministic method.
        num_evaluations: score evaluations a point; a forward- or reverse-mode product counts 2. An int, or (B,)
            where a tolerance lets every point stop on its own.
        degrees_of_freedom: of the standard error, for Student intervals: independent blocks minus one (an int or
            float; (B,) under a tolerance); inf for a deterministic method.
        num_nonfinite: (B,) integers, score evaluations of each point that had a NaN or infinite entry.
        covers: one sentence, what the standard error covers.
    """

    value: Tensor
    standard_error: Tensor
    num_evaluations: int | Tensor
    degrees_of_freedom: float | Tensor
    num_nonfinite: Tensor
    covers: str

    def interval(self, level: float = 0.95) -> tuple[Tensor, Tensor]:
        """Lower and upper end of the Student interval at the given level, each shaped like `value`.

        >>> zero, one = torch.zeros(1), torch.ones(1)
        >>> low, high = Estimate(zero, one, 3, 2, zero.int(), "").interval(0.95)
        >>> round(float(high), 3)
        4.303
        """
        from scipy.stats import t

        if not 0.0 < level < 1.0:
            raise ValueError(f"level = {level} was given; a confidence level lies between 0 and 1")
        freedom = torch.as_tensor(self.degrees_of_freedom, dtype=torch.float64)
        quantile = torch.as_tensor(t.ppf(0.5 + level / 2, freedom.cpu().numpy())).to(self.value)
        if quantile.ndim == 1 and self.value.ndim == 2:
            quantile = quantile[:, None]
        half = quantile * self.standard_error
        return self.value - half, self.value + half
