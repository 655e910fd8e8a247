"""Small networks with every weight in play, for the tests of `plaplace.networks`."""

import math

import torch

from plaplace import networks

__all__ = ["RECIPE_KINDS", "denoiser", "generator", "normals", "shaken", "small"]

RECIPE_KINDS = ["edm-mlp", "d8-residual"]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def shaken(network, seed=5):
    """Random weights in every layer, the zero-initialised ones included, else half the formulas would see F = 0."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator(seed), dtype=parameter.dtype))
    return network.requires_grad_(False)


def denoiser(shape=(3,), sigma_data=0.7, **settings):
    config = networks.DenoiserConfig(shape, sigma_data, width=16, depth=2, **settings)
    centre = torch.linspace(-1, 1, math.prod(shape))
    return shaken(networks.Denoiser(config, centre)).double()


def small(name, **changes):
    return networks.recipe(name, width=16, depth=1, batch_size=8, **changes)


def normals(n, generator):
    return torch.randn(n, 3, generator=generator)
