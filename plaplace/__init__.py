"""p-Laplace operators of score functions: exact for Gaussian mixtures, estimated for diffusion models.

>>> import torch
>>> from plaplace import GaussianMixture
>>> q = GaussianMixture(torch.ones(1), torch.zeros(1, 2), torch.ones(1))
>>> q.p_laplacian(torch.tensor([[2.0, 0.0]]), p=1.0)      # -(D-1)/r for one isotropic Gaussian
tensor([-0.5000])
"""

from plaplace import estimators, noise
from plaplace.estimate import Estimate
from plaplace.mixture import GaussianMixture, LowRank

__all__ = ["Estimate", "GaussianMixture", "LowRank", "estimators", "noise"]
__version__ = "0.1.0"
