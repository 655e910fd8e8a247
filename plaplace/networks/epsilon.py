"""An MLP that predicts the noise on a discrete variance-preserving schedule, as small diffusion studies use it.

With `x_t = alpha_t x_0 + sigma_t eps` and levels t = 0 .. T-1 of `noise.linear(T)`, the network gives eps_hat(x_t, t)
and `s = -eps_hat / sigma_t`. Its input is `(x_t, features of t)`, with the sinusoidal features

    sin(w_i t), cos(w_i t),     w_i = 10000^(-i/m),  i = 0 .. m-1,

and no preconditioning: that of the literature's toy networks, kept to compare with them.

Sources: Ho, Jain, Abbeel, "Denoising diffusion probabilistic models" (2020), arXiv 2006.11239; the time features,
Vaswani et al. (2017), arXiv 1706.03762.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from plaplace import noise
from plaplace.networks.configuration import EpsilonConfig
from plaplace.networks.layers import ResidualBlock, geometric, initialise, linear, sinusoidal

__all__ = ["EpsilonNetwork"]


class EpsilonNetwork(nn.Module):
    """`network(x, t)` is the predicted noise; `network.score(x, t)` the score of the noised data at step t.

    Args:
        config: shape, size and schedule.
        seed: of the initial weights; None leaves them on the meta device, for a checkpoint to fill.

    >>> network = EpsilonNetwork(EpsilonConfig())           # the paper's toy network
    >>> sum(parameter.numel() for parameter in network.parameters())
    2690
    """

    kind = "epsilon"
    frequencies: Tensor

    def __init__(self, config: EpsilonConfig, seed: int | None = 0) -> None:
        super().__init__()
        self.config = config
        self.schedule = noise.linear(config.num_levels, config.beta_start, config.beta_end)
        half = config.time_features // 2
        self.register_buffer("frequencies", geometric(half, 1.0, 10000.0 ** (1 / half - 1)))
        dimension = math.prod(config.shape)
        self.activation: nn.Module = nn.ReLU() if config.activation == "relu" else nn.SiLU()
        self.enter = linear(dimension + config.time_features, config.width)
        self.blocks = nn.ModuleList(ResidualBlock(config.width, 0, self.activation) for _ in range(config.depth))
        self.leave = linear(config.width, dimension)
        if seed is not None:
            initialise(self, seed)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one point."""
        return self.config.shape

    def forward(self, x: Tensor, t: int | Tensor) -> Tensor:
        """Predicted noise `eps_hat(x, t)`, shaped like x.

        Args:
            x: (B, *shape), of the network's dtype, at noise level t.
            t: step of the schedule, 0 .. T-1; a number, or an integer tensor () or (B,), which is not checked.

        Raises:
            ValueError: another shape or dtype than the network's.
            IndexError: t outside the schedule.
        """
        if x.shape[1:] != torch.Size(self.shape):
            raise ValueError(f"x has shape {tuple(x.shape)}; accepted is (B, {', '.join(map(str, self.shape))})")
        if x.dtype != self.frequencies.dtype:
            raise ValueError(f"x is {x.dtype} and the network {self.frequencies.dtype}; convert one with .to(dtype)")
        if not isinstance(t, Tensor):
            self.schedule.level(t)  # raises outside 0 .. T-1
        time = torch.as_tensor(t, device=x.device).to(x.dtype).reshape(-1)
        features = sinusoidal(time, self.frequencies).expand(len(x), -1)
        h = self.enter(torch.cat([x.reshape(len(x), -1), features], -1))
        for block in self.blocks:
            h = block(h)
        epsilon: Tensor = self.leave(self.activation(h))
        return epsilon.reshape(x.shape)

    def score(self, x: Tensor, t: int) -> Tensor:
        """Score `-eps_hat(x, t) / sigma_t`, shaped like x; arguments and errors as `forward`."""
        return noise.score_from_epsilon(self(x, t), self.schedule.level(t)[1])

    def score_function(self, t: int) -> Callable[[Tensor], Tensor]:
        """The score at step t of the schedule as a callable x -> score, (B, *shape) -> (B, *shape)."""
        self.schedule.level(t)
        return lambda x: self.score(x, t)
