"""Plain networks as score models, one line each.

    from_epsilon    eps_hat(x, t) and a table of alphas_cumprod      (DDPM codes)
    from_v          v(x, t) and the same table
    from_sample     x0_hat(x, t) and the same table
    from_denoiser   D(x, sigma), alpha = 1                           (EDM, k-diffusion)
    from_velocity   v(x, t) = eps - x_0, x_t = (1-t) x_0 + t eps     (flow matching)
    from_score      s(x, t) at any kind of levels

Each takes any callable; a torch.nn.Module is set to evaluation, frozen, and moved and converted as `precision` and
`device` say. Further arguments are those of `NetworkModel`: `conditions`, `space`, `time`, `time_dtype`, `name`.

    >>> import torch
    >>> model = from_denoiser(lambda x, sigma: x / (1 + sigma[:, None] ** 2), (3,))      # data N(0, I)
    >>> model.score(torch.ones(1, 3), model.levels.at(sigma=1.0))
    tensor([[-0.5000, -0.5000, -0.5000]])
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from plaplace.models.levels import DiscreteLevels, FlowLevels, Levels, SigmaLevels
from plaplace.models.network_model import NetworkModel
from plaplace.models.precision import Precision, dtype_of, prepare

__all__ = ["from_denoiser", "from_epsilon", "from_network", "from_sample", "from_score", "from_v", "from_velocity"]

Network = Callable[..., Tensor]


def from_network(
    network: Network,
    shape: Sequence[int],
    levels: Levels,
    prediction: str,
    *,
    precision: Precision | None = None,
    device: torch.device | str | None = None,
    **options: Any,
) -> NetworkModel:
    """A model from a network, its levels and what it predicts; the others of this module are short forms of it.

    Args:
        network: (x, t) or, with conditions, (x, t, **inputs) -> (B, *shape); x is (B, *shape), t is (B,).
        shape: of one point.
        levels: `DiscreteLevels`, `SigmaLevels` or `FlowLevels`.
        prediction: "epsilon", "v", "sample", "velocity" or "score".
        precision, device: how and where it runs; as it is when left out.
        options: of `NetworkModel`.

    Raises:
        ValueError: an unknown prediction, or one that the levels do not define.
    """
    how = precision or Precision()
    ready = prepare(network, how, device)
    dtype, where = dtype_of(network)
    return NetworkModel(ready, tuple(shape), levels, prediction, precision=how, dtype=dtype, device=where, **options)


def from_epsilon(network: Network, alphas_cumprod: Any, shape: Sequence[int], **options: Any) -> NetworkModel:
    """`s = -eps_hat / sigma` from eps_hat(x, t), t = 0 .. T-1, and the table of alpha_t^2, shape (T,)."""
    return from_network(network, shape, DiscreteLevels.from_alphas_cumprod(alphas_cumprod), "epsilon", **options)


def from_v(network: Network, alphas_cumprod: Any, shape: Sequence[int], **options: Any) -> NetworkModel:
    """`s = -(alpha v + sigma x)/sigma` from v(x, t) = alpha eps - sigma x_0, and the table of alpha_t^2."""
    return from_network(network, shape, DiscreteLevels.from_alphas_cumprod(alphas_cumprod), "v", **options)


def from_sample(network: Network, alphas_cumprod: Any, shape: Sequence[int], **options: Any) -> NetworkModel:
    """`s = (alpha x0_hat - x)/sigma^2` from a prediction of the clean sample, and the table of alpha_t^2."""
    return from_network(network, shape, DiscreteLevels.from_alphas_cumprod(alphas_cumprod), "sample", **options)


def from_denoiser(
    network: Network, shape: Sequence[int], sigma_min: float = 0.002, sigma_max: float = 80.0, **options: Any
) -> NetworkModel:
    """`s = (D - x)/sigma^2` from a denoiser D(x, sigma) of `x = x_0 + sigma eps`.

    The defaults of sigma are EDM's. At small sigma the difference cancels: its relative error is the rounding of D
    times |x| / (sigma^2 |s|), whatever is done afterwards.
    """
    return from_network(network, shape, SigmaLevels(sigma_min, sigma_max), "sample", **options)


def from_velocity(
    network: Network,
    shape: Sequence[int],
    time_scale: float = 1.0,
    t_min: float = 1e-3,
    t_max: float = 1.0,
    **options: Any,
) -> NetworkModel:
    """`s = -(x + (1-t) v)/t` from the velocity v = eps - x_0 of the straight path; the network is told time_scale t."""
    levels = FlowLevels(t_min, t_max)
    return from_network(network, shape, levels, "velocity", time=lambda level: time_scale * level.t, **options)


def from_score(network: Network, shape: Sequence[int], levels: Levels, **options: Any) -> NetworkModel:
    """A score function s(x, t) at the levels given."""
    return from_network(network, shape, levels, "score", **options)
