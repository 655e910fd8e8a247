"""Noise levels: alpha, sigma and the schedules that name them.

A noise level is a pair (alpha, sigma) of

    x_t = alpha x_0 + sigma eps,      eps ~ N(0, I),

nothing else: no time, and no relation between the two is implied. A schedule says which pair belongs to which time:

    variance preserving (DDPM)   alpha^2 + sigma^2 = 1,  alpha_t^2 = prod_(j<=t) (1 - beta_j)
    variance exploding (EDM)     alpha = 1
    flow matching                alpha = 1 - t, sigma = t

A network may predict eps, v, x_0 or a velocity; each determines the score `s = grad log q_t` at its level:

    epsilon    s = -eps_hat / sigma
    v          s = -(alpha v + sigma x) / sigma            (variance preserving, v = alpha eps - sigma x_0)
    sample     s = (alpha x0_hat - x) / sigma^2
    velocity   eps_hat = x + (1-t) v,  s = -eps_hat / t    (flow matching, v = eps - x_0)

Sources: Ho, Jain, Abbeel, "Denoising diffusion probabilistic models" (2020), arXiv 2006.11239; Nichol, Dhariwal,
"Improved denoising diffusion probabilistic models" (2021), arXiv 2102.09672; Salimans, Ho, "Progressive distillation"
(2022), arXiv 2202.00512; Karras et al., "Elucidating the design space of diffusion-based generative models" (2022),
arXiv 2206.00364; Lipman et al., "Flow matching for generative modeling" (2023), arXiv 2210.02747.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = [
    "Schedule",
    "add_noise",
    "check_level",
    "cosine",
    "flow_matching",
    "karras_sigmas",
    "linear",
    "probe_radius",
    "score_from_epsilon",
    "score_from_sample",
    "score_from_v",
    "score_from_velocity",
]


def check_level(alpha: float, sigma: float) -> None:
    """Raise a ValueError unless alpha and sigma are finite, >= 0 and not both 0. alpha = 0 is noise alone."""
    if not (math.isfinite(alpha) and alpha >= 0):
        raise ValueError(f"alpha = {alpha} was given; the signal scale of a noise level is finite and >= 0")
    if not (math.isfinite(sigma) and sigma >= 0):
        raise ValueError(f"sigma = {sigma} was given; the noise scale of a noise level is finite and >= 0")
    if alpha == 0 and sigma == 0:
        raise ValueError("alpha = 0 and sigma = 0 were given; a noise level has signal or noise")


@dataclass(frozen=True)
class Schedule:
    """Discrete noise levels `t = 0 .. T-1`, from the least noise to the most.

    Attributes:
        alphas: (T,) float64, signal scale.
        sigmas: (T,) float64, noise scale.

    >>> schedule = linear(1000)
    >>> alpha, sigma = schedule.level(10)
    >>> round(alpha, 6), round(sigma, 6), round(alpha**2 + sigma**2, 12)
    (0.998903, 0.046834, 1.0)
    """

    alphas: Tensor
    sigmas: Tensor

    def __len__(self) -> int:
        return len(self.alphas)

    def level(self, t: int) -> tuple[float, float]:
        """(alpha, sigma) of step t. Raises an IndexError outside 0 .. T-1."""
        if not 0 <= t < len(self):
            raise IndexError(f"t = {t} was given; the schedule has the steps 0 to {len(self) - 1}")
        return float(self.alphas[t]), float(self.sigmas[t])


def _variance_preserving(betas: Tensor) -> Schedule:
    # by logarithms: 1 - prod(1 - beta) would cancel at small t
    log_alpha_squared = torch.log1p(-betas).cumsum(0)
    return Schedule((log_alpha_squared / 2).exp(), (-torch.expm1(log_alpha_squared)).sqrt())


def linear(num_steps: int, beta_start: float = 1e-4, beta_end: float = 0.02) -> Schedule:
    """Variance preserving, beta linear in t (Ho et al. 2020): `alpha_t^2 = prod (1 - beta_j)`."""
    return _variance_preserving(torch.linspace(beta_start, beta_end, num_steps, dtype=torch.float64))


def cosine(num_steps: int, offset: float = 0.008, beta_max: float = 0.999) -> Schedule:
    """Variance preserving, `alpha^2` a squared cosine of t (Nichol, Dhariwal 2021), betas clipped at `beta_max`."""
    grid = torch.arange(num_steps + 1, dtype=torch.float64) / num_steps
    curve = torch.cos((grid + offset) / (1 + offset) * math.pi / 2).square()
    return _variance_preserving((1 - curve[1:] / curve[:-1]).clamp(max=beta_max))


def karras_sigmas(num_levels: int, sigma_min: float = 0.002, sigma_max: float = 80.0, rho: float = 7.0) -> Tensor:
    """EDM levels, shape (N,), decreasing: `sigma^(1/rho)` equidistant (Karras et al. 2022, equation 5); alpha = 1."""
    ramp = torch.linspace(0, 1, num_levels, dtype=torch.float64)
    low, high = sigma_min ** (1 / rho), sigma_max ** (1 / rho)
    return (high + ramp * (low - high)).pow(rho)


def flow_matching(t: float) -> tuple[float, float]:
    """(alpha, sigma) = (1-t, t) of the straight path `x_t = (1-t) x_0 + t eps`, 0 <= t <= 1; t = 1 is noise alone."""
    if not 0 <= t <= 1:
        raise ValueError(f"t = {t} was given; flow-matching times lie in [0, 1]")
    return 1 - t, t


def add_noise(x: Tensor, alpha: float, sigma: float, generator: torch.Generator | None = None) -> Tensor:
    """`alpha x + sigma eps` with eps ~ N(0, I) from the generator; shaped like x."""
    eps = torch.randn(x.shape, generator=generator, dtype=x.dtype, device=x.device)
    return alpha * x + sigma * eps


def probe_radius(sigma: float, dimension: int) -> float:
    """`R = sigma sqrt(D)`, the length of the noise the network saw in training at this level."""
    return sigma * math.sqrt(dimension)


def score_from_epsilon(epsilon: Tensor, sigma: float) -> Tensor:
    """Score from a prediction of the noise: `-eps_hat / sigma`."""
    return -epsilon / sigma


def score_from_v(v: Tensor, x: Tensor, alpha: float, sigma: float) -> Tensor:
    """Score from a v-prediction, variance preserving: `-(alpha v + sigma x) / sigma`."""
    return -(alpha * v + sigma * x) / sigma


def score_from_sample(sample: Tensor, x: Tensor, alpha: float, sigma: float) -> Tensor:
    """Score from a prediction of the clean sample (Tweedie): `(alpha x0_hat - x) / sigma^2`."""
    return (alpha * sample - x) / sigma**2


def score_from_velocity(velocity: Tensor, x: Tensor, t: float) -> Tensor:
    """Score from a flow-matching velocity `v = eps - x_0`: `-(x + (1-t) v) / t`."""
    return -(x + (1 - t) * velocity) / t
