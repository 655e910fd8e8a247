"""Models whose score, Jacobian and noise are exact: a Gaussian with axes of their own, and a mixture."""

import torch

from plaplace import models, noise
from tests.dressed import ExactScore


def levels(path):
    return models.DiscreteLevels(noise.linear(1000)) if path == "table" else models.SigmaLevels(0.01, 80.0)


def gaussian(variance, path="sigma", mean=None, counter=None):
    """Data N(mean, diag variance): `s = -(x - alpha mean) / (alpha^2 variance + sigma^2)`."""
    chosen = levels(path)
    variance = torch.as_tensor(variance, dtype=torch.float64)
    mean = torch.zeros_like(variance) if mean is None else mean

    def score(x, t):
        if counter is not None:
            counter.append(len(x))
        at = [chosen.at(t=float(each)) for each in t]
        alpha = torch.tensor([[each.alpha] for each in at], dtype=torch.float64)
        sigma = torch.tensor([[each.sigma] for each in at], dtype=torch.float64)
        return (-(x.double() - alpha * mean) / (alpha**2 * variance + sigma**2)).to(x.dtype)

    return models.from_score(score, (len(variance),), chosen)


def dressed(q, path="sigma"):
    """The exact score of a mixture, its Hessian as derivative."""
    chosen = levels(path)

    def score(x, t):
        level = chosen.at(t=float(t[0]))
        return ExactScore.apply(x, q.noised(level.alpha, level.sigma))

    return models.from_score(score, (q.means.shape[1],), chosen)


def points(number, dimension, seed=0):
    return torch.randn(number, dimension, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
