"""Small networks with every weight in play, for the tests of `plaplace.networks`."""

import math

import torch

from plaplace import networks

__all__ = [
    "RECIPE_KINDS",
    "denoiser",
    "generator",
    "normals",
    "shaken",
    "small",
    "small_conditional",
    "small_images",
]

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


def small_images(number=20, side=8):
    """Images (N, 1, side, side) and their labels, 0 to 2."""
    labels = torch.arange(number) % 3
    return labels.view(-1, 1, 1, 1) + 0.5 * torch.randn(number, 1, side, side, generator=generator(4)), labels


def small_conditional(name, **changes):
    """A recipe for `small_images` that takes milliseconds a step: "image-mlp" or "unet-8"."""
    size = {"width": 16, "depth": 1} if name == "image-mlp" else {"channels": (8, 16)}
    return networks.recipe(name, batch_size=8, **size, **changes)
