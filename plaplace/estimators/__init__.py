"""Estimators of the p-Laplacian: they see a score function only, and return an Estimate.

| estimator           | estimates                    | from                                   | evaluations a point    |
|---------------------|------------------------------|----------------------------------------|------------------------|
| `sphere_flux`       | mean over a ball of radius R | scores on the sphere, m directions     | m (orthonormal: m + 1) |
| `ball_volume`       | mean over a ball of radius R | differences of the flux field inside   | 2kn: k axes, n points  |
| `autodiff`          | value at the point, exact    | D products with the Jacobian           | 1 + 2D                 |
| `finite_difference` | value at the point, O(h^2)   | central differences of the score       | 1 + 2D                 |
| `hutchinson`        | value at the point           | one product along n, m random products | 3 + 2m; without the    |
|                     |                              |                                        | first ("plain") 1 + 2m |
"""

from __future__ import annotations

from collections.abc import Callable

from plaplace.estimate import Estimate
from plaplace.estimators.autodiff import autodiff
from plaplace.estimators.ball_volume import ball_volume
from plaplace.estimators.finite_difference import finite_difference
from plaplace.estimators.hutchinson import hutchinson
from plaplace.estimators.sphere_flux import sphere_flux

__all__ = ["ESTIMATORS", "autodiff", "ball_volume", "finite_difference", "hutchinson", "sphere_flux"]

ESTIMATORS: dict[str, Callable[..., Estimate]] = {
    "sphere_flux": sphere_flux,
    "ball_volume": ball_volume,
    "autodiff": autodiff,
    "finite_difference": finite_difference,
    "hutchinson": hutchinson,
}
