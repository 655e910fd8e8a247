"""Mixtures and settings that the tests of the estimators share."""

import math
from functools import partial

import torch

from plaplace import GaussianMixture
from plaplace.estimators import autodiff, ball_volume, finite_difference, hutchinson, sphere_flux

POINTWISE = [autodiff, finite_difference, partial(hutchinson, num_probes=8)]
EVERY = {
    "sphere_flux": partial(sphere_flux, radius=0.1, num_directions=16),
    "ball_volume": partial(ball_volume, radius=0.1, num_points=4),
    "autodiff": autodiff,
    "finite_difference": finite_difference,
    "hutchinson": partial(hutchinson, num_probes=3),
}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def triangle():
    """The paper's mixture: three modes on a triangle of side 5, covariance 0.1 I; seven points, three near them."""
    angle = torch.tensor([0.5, 0.5 + 2 / 3, 0.5 + 4 / 3]).double() * math.pi
    means = 5 / math.sqrt(3) * torch.stack([angle.cos(), angle.sin()], 1)
    q = GaussianMixture(torch.full((3,), 1 / 3).double(), means, torch.full((3,), 0.1).double())
    midpoints = (means + means.roll(1, 0)) / 2
    return q, means, midpoints


def eight():
    """A full-covariance mixture in D = 8 and points near it."""
    g = generator(1)
    factors = torch.randn(3, 8, 8, generator=g).double() / 3
    covariances = factors @ factors.transpose(1, 2) + 0.3 * torch.eye(8).double()
    q = GaussianMixture(torch.tensor([0.2, 0.3, 0.5]).double(), torch.randn(3, 8, generator=g).double(), covariances)
    return q, torch.randn(5, 8, generator=g).double() * 1.5


def shaped(q):
    return lambda x: q.score(x.reshape(len(x), -1)).reshape(x.shape)
