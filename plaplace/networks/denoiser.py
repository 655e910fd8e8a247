"""A residual MLP denoiser with EDM preconditioning.

For data of centre m and standard deviation sd, noised as `x = x_0 + sigma eps`, and y = x - m,

    D(x, sigma) = m + c_skip y + c_out F(c_in y, c_noise)
    c_skip = sd^2 / (sigma^2 + sd^2)      c_out = sigma sd / sqrt(sigma^2 + sd^2)
    c_in   = 1 / sqrt(sigma^2 + sd^2)     c_noise = ln(sigma / sd) / 4

so that F has inputs and targets of unit variance at every level. The score follows without the cancellation of
`(D - x)/sigma^2` at small sigma:

    s = (D - x)/sigma^2 = -y / (sigma^2 + sd^2) + sd / (sigma sqrt(sigma^2 + sd^2)) F.

Two departures from the source: the centre, and c_noise in units of sd (the source has sd = 0.5 fixed, so this is a
shift); with them the network is equivariant under `x -> a x + b` of the data.

Source: Karras, Aittala, Aila, Laine, "Elucidating the design space of diffusion-based generative models" (2022),
section 5 and table 1, arXiv 2206.00364.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from plaplace.networks.configuration import DenoiserConfig
from plaplace.networks.layers import ResidualBlock, class_labels, geometric, initialise, linear, sinusoidal

__all__ = ["Denoiser", "preconditioning"]


def preconditioning(sigma: Tensor, sigma_data: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(c_skip, c_out, c_in, c_noise) at the levels sigma, each shaped like sigma.

    >>> c_skip, c_out, c_in, c_noise = preconditioning(torch.tensor([0.5]), 0.5)
    >>> round(float(c_skip), 6), float(c_noise)
    (0.5, 0.0)
    """
    total = torch.hypot(sigma, torch.full_like(sigma, sigma_data))
    return (sigma_data / total).square(), sigma * (sigma_data / total), 1 / total, (sigma / sigma_data).log() / 4


class Denoiser(nn.Module):
    """`network(x, sigma)` is the denoised x; `network.score(x, sigma)` the score of the noised data, alpha = 1.

    Args:
        config: shape, scale and size.
        centre: of the data, `config.shape`; 0 when left out. Stored with the weights.
        seed: of the initial weights; None leaves them on the meta device, for a checkpoint to fill.

    With `num_classes` > 0 the network takes labels; None is the null class, the branch without a condition. Their
    embedding is added to that of the noise level.

    F is `g(c_noise) * x + W_out h`, h from residual blocks modulated by an embedding of c_noise. Without g, a factor a
    coordinate, a network narrower than D could not remove noise in more than `width` directions. F starts at 0, where D
    is the best linear denoiser of isotropic data.

    >>> network = Denoiser(DenoiserConfig(shape=(3,), sigma_data=2.0))
    >>> network(torch.ones(1, 3), 2.0)                      # c_skip = 1/2, F = 0
    tensor([[0.5000, 0.5000, 0.5000]], grad_fn=<ViewBackward0>)
    """

    kind = "denoiser"
    centre: Tensor
    frequencies: Tensor

    def __init__(self, config: DenoiserConfig, centre: Tensor | None = None, seed: int | None = 0) -> None:
        super().__init__()
        self.config = config
        dimension = math.prod(config.shape)
        if centre is not None and centre.numel() != dimension:
            raise ValueError(f"centre has shape {tuple(centre.shape)}; accepted is {config.shape}")
        centre = torch.zeros(dimension, dtype=torch.float32) if centre is None else centre.detach().reshape(-1).float()
        self.register_buffer("centre", centre)
        self.register_buffer("frequencies", geometric(config.noise_features // 2, 0.5, 16.0))
        width, features, activation = config.width, config.noise_features, nn.SiLU()
        self.embed = nn.Sequential(linear(features, features), activation, linear(features, features), activation)
        self.enter = linear(dimension, width)
        self.blocks = nn.ModuleList(ResidualBlock(width, features, activation) for _ in range(config.depth))
        self.leave = linear(width, dimension)
        self.gate = linear(features, dimension)
        self.classes = nn.Embedding(config.num_classes + 1, features, device="meta") if config.num_classes else None
        if self.classes is not None:
            self.classes.float()
        if seed is not None:
            initialise(self, seed)
            for layer in (self.leave, self.gate):
                nn.init.zeros_(layer.weight)
                nn.init.zeros_(layer.bias)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one point."""
        return self.config.shape

    def forward(self, x: Tensor, sigma: float | Tensor, labels: Tensor | None = None) -> Tensor:
        """Denoised points `D(x, sigma)`, shaped like x.

        Args:
            x: (B, *shape), of the network's dtype.
            sigma: noise level, > 0; a number, or a tensor () or (B,). Tensors are not checked for their sign.
            labels: int64, (B,) or (1,), from 0 to `num_classes`, the null class; None is the null class.

        Raises:
            ValueError: another shape or dtype than the network's, sigma <= 0, or labels for an unconditional network.
        """
        y, c_skip, c_out, _, residual = self._residual(x, sigma, labels)
        return (self.centre + c_skip * y + c_out * residual).reshape(x.shape)

    def score(self, x: Tensor, sigma: float | Tensor, labels: Tensor | None = None) -> Tensor:
        """Score `(D(x, sigma) - x) / sigma^2`, shaped like x, 1/length; arguments and errors as `forward`."""
        y, _, _, c_in, residual = self._residual(x, sigma, labels)
        level = torch.as_tensor(sigma, dtype=x.dtype, device=x.device).reshape(-1, 1)
        # c_out/sigma^2 = sd c_in/sigma
        return (self.config.sigma_data * c_in / level * residual - c_in.square() * y).reshape(x.shape)

    def score_function(self, sigma: float, labels: Tensor | None = None) -> Callable[[Tensor], Tensor]:
        """The score at one level as a callable x -> score, (B, *shape) -> (B, *shape)."""
        return lambda x: self.score(x, sigma, labels)

    def _residual(
        self, x: Tensor, sigma: float | Tensor, labels: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """y = x - m (B, D); c_skip, c_out, c_in (B, 1) or (1, 1); F (B, D)."""
        if x.shape[1:] != torch.Size(self.shape):
            raise ValueError(f"x has shape {tuple(x.shape)}; accepted is (B, {', '.join(map(str, self.shape))})")
        if x.dtype != self.centre.dtype:
            raise ValueError(f"x is {x.dtype} and the network {self.centre.dtype}; convert one with .to(dtype)")
        if not isinstance(sigma, Tensor):
            if not (math.isfinite(sigma) and sigma > 0):
                raise ValueError(f"sigma = {sigma} was given; a noise level is finite and > 0")
            level = torch.full((1,), sigma, dtype=x.dtype, device=x.device)
        else:
            level = sigma.to(x).reshape(-1)
            if len(level) not in (1, len(x)):
                raise ValueError(f"sigma has shape {tuple(sigma.shape)}; accepted is a number, () or ({len(x)},)")
        y = x.reshape(len(x), -1) - self.centre
        c_skip, c_out, c_in, c_noise = preconditioning(level[:, None], self.config.sigma_data)
        y_in = c_in * y
        embedding = self.embed(sinusoidal(c_noise[:, 0], self.frequencies))
        chosen = class_labels(labels, self.config.num_classes, len(x), x.device)
        if self.classes is not None:
            embedding = embedding + self.classes(chosen)
        h = self.enter(y_in)
        for block in self.blocks:
            h = block(h, embedding)
        residual: Tensor = self.gate(embedding) * y_in + self.leave(nn.functional.silu(h))
        return y, c_skip, c_out, c_in, residual
