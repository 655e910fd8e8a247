"""Denoising score matching: the loss whose minimiser is the score.

    denoiser:  sigma = sd exp(N(P_mean, P_std^2)),   loss = |D(x + sigma eps, sigma) - x|^2 / (c_out^2 D)
    epsilon:   t uniform on 0 .. T-1,                loss = |eps_hat(alpha_t x + sigma_t eps, t) - eps|^2 / D

The weight `1/c_out^2 = (sigma^2 + sd^2)/(sigma sd)^2` makes the first the plain squared error of F against a target of
unit variance, at every level. Both minimisers are conditional means, so that `s = (D - x)/sigma^2 = -eps_hat/sigma` is
the score of the noised data (Tweedie's formula).

Sources: Vincent, "A connection between score matching and denoising autoencoders" (2011); Karras et al. (2022),
arXiv 2206.00364, table 1; Ho et al. (2020), arXiv 2006.11239.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from plaplace.networks.denoiser import Denoiser, preconditioning
from plaplace.networks.epsilon import EpsilonNetwork
from plaplace.networks.unet import UNet

__all__ = ["Forward", "Network", "drop_labels", "loss_at", "num_classes", "random_levels", "validation_levels"]

Network = Denoiser | EpsilonNetwork | UNet
Forward = Callable[..., Tensor]


def num_classes(network: Network) -> int:
    """How many classes a network knows besides the null class; 0 for an unconditional one."""
    return 0 if isinstance(network, EpsilonNetwork) else network.config.num_classes


def drop_labels(labels: Tensor, probability: float, null: int, generator: torch.Generator) -> Tensor:
    """Labels (B,), each replaced by the null class with that probability: so one network learns both branches.

    Source: Ho, Salimans, "Classifier-free diffusion guidance" (2022), arXiv 2207.12598.
    """
    dropped = torch.rand(len(labels), generator=generator, dtype=torch.float64) < probability
    return torch.where(dropped, null, labels)


def random_levels(network: Network, number: int, p_mean: float, p_std: float, generator: torch.Generator) -> Tensor:
    """Levels of a training batch, shape (number,): sigmas (float32), or steps t of the schedule (int64), on the CPU."""
    if isinstance(network, Denoiser):
        normal = torch.randn(number, generator=generator, dtype=torch.float32)
        return network.config.sigma_data * (p_mean + p_std * normal).exp()
    return torch.randint(network.config.num_levels, (number,), generator=generator)


def validation_levels(network: Network, number: int, p_mean: float, p_std: float) -> tuple[Tensor, Tensor]:
    """At most `number` levels that span those of the training, and their sigma / alpha (float64): two tensors (L,).

    For a denoiser from -2.5 to 2.5 standard deviations of ln sigma; on a schedule from t = 0 to T-1.
    """
    if isinstance(network, Denoiser):
        normal = torch.linspace(-2.5, 2.5, number, dtype=torch.float64)
        sigmas = network.config.sigma_data * (p_mean + p_std * normal).exp()
        return sigmas.float(), sigmas
    steps = torch.linspace(0, network.config.num_levels - 1, number).round().long().unique()
    return steps, network.schedule.sigmas[steps] / network.schedule.alphas[steps]


def loss_at(
    network: Network, forward: Forward, x: Tensor, eps: Tensor, level: Tensor, labels: Tensor | None = None
) -> Tensor:
    """Loss of each row, shape (B,), dimensionless: 1 for an untrained denoiser of isotropic Gaussian data.

    Args:
        network: says which loss and which scale.
        forward: the network, or its compiled twin.
        x, eps: clean points and noise, (B, *shape).
        level: sigma or t, (B,).
        labels: (B,), for a conditional network; None is the null class.
    """
    condition = () if labels is None else (labels,)
    columns = (-1,) + (1,) * (x.ndim - 1)
    if isinstance(network, Denoiser):
        _, c_out, _, _ = preconditioning(level, network.config.sigma_data)
        error = (forward(x + level.view(columns) * eps, level, *condition) - x) / c_out.view(columns)
    else:
        alpha = network.schedule.alphas.to(x)[level].view(columns)
        sigma = network.schedule.sigmas.to(x)[level].view(columns)
        error = forward(alpha * x + sigma * eps, level, *condition) - eps
    return error.square().flatten(1).mean(1)
