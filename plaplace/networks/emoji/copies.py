"""Is a sample a copy of the picture it was prompted with?

    ratio = |y - x| / min_j |y - x_j|,    x the prompted picture, x_j all others

A ratio well below 1 says that the sample y is far nearer to x than to anything else; 1 and above, that some other
picture is as near.

Source: Yoon, Choi, Kwon, Ryu, "Diffusion probabilistic models generalize when they fail to memorize" (2023), ICML
workshop, who compare the nearest with the second nearest training picture and call a third or less a copy.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["COPY_BELOW", "copy_ratio"]

COPY_BELOW = 1 / 3


def copy_ratio(samples: Tensor, images: Tensor, prompted: Sequence[int]) -> Tensor:
    """The ratio of each sample, (B,).

    Args:
        samples: (B, 3, s, s).
        images: (N, 3, s, s), N >= 2.
        prompted: B indices of the prompted pictures.

    >>> images = torch.tensor([0.0, 2.0])[:, None, None, None]
    >>> copy_ratio(torch.full((1, 1, 1, 1), 0.5), images, [0])
    tensor([0.3333])
    """
    own = torch.tensor(list(prompted))[:, None]
    distances = torch.cdist(samples.flatten(1), images.flatten(1), compute_mode="donot_use_mm_for_euclid_dist")
    others = distances.scatter(1, own, torch.inf).min(1).values
    return distances.gather(1, own)[:, 0] / others
