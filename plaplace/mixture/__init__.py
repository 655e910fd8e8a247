"""Gaussian mixtures: the exact side of plaplace. Nothing here samples to find a value."""

from plaplace.mixture.compiling import compiled
from plaplace.mixture.covariances import LowRank
from plaplace.mixture.gaussian_mixture import Curvatures, GaussianMixture

__all__ = ["Curvatures", "GaussianMixture", "LowRank", "compiled"]
