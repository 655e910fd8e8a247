"""The paper's flux estimator three ways: as its released code computes it, as the paper defines it, and ours.

    as published   cos(s, n) for p = 1, |s|^(p-2) cos(s, n) for every other p
    as defined     (D/R) mean of |s|^(p-2) s.n over independent directions
    ours           the same over +- orthonormal frames, at equal calls

Source: Brokman et al. (2025), arXiv 2505.08246, and the behaviour of the code released with it, restated here.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from plaplace.compare.methods import METHODS, Score
from plaplace.compare.truth import Truth, generator_for
from plaplace.directions import draw

__all__ = ["VERSIONS", "as_published", "published_rows"]

EXPONENTS = (1.0, 2.0, 3.0)

# version -> what is wrong with it
VERSIONS = {
    "as published": "one power of |s| short for p other than 1, so that p = 2 repeats p = 1; no factor D/R; products "
    "in half precision; independent directions",
    "as defined": "right on average; the variance of independent directions grows like 1/R^2",
    "ours": "",
}


def as_published(
    score: Score, x: Tensor, p: Sequence[float], radius: float, number: int, generator: torch.Generator
) -> Tensor:
    """The released estimator at points x, (B, D): values (B, P).

        mean over m independent n of  w cos(s(x + Rn), n),      w = 1 for p = 1, |s|^(p-2) otherwise.

    Its three faults, kept on purpose:

    * the cosine is already `s.n / |s|`; times `|s|^(p-2)` it is one power of |s| short of the flux `|s|^(p-2) s.n`, so
      that p = 2 gives what p = 1 gives;
    * the factor D/R that makes a mean flux a mean divergence is missing;
    * unit score and direction are rounded to half precision before their product, and the product after it.

    >>> x, g = torch.tensor([[3.0, 4.0]]), torch.Generator().manual_seed(0)
    >>> value = as_published(lambda z: -z, x, [1.0, 2.0], 0.1, 8, g)
    >>> bool(value[0, 0] == value[0, 1])
    True
    """
    n = draw("iid", number, x.shape[1], generator).vectors.to(x)
    s = score((x[:, None] + radius * n).flatten(0, 1)).reshape(len(x), number, -1)
    norm = s.norm(dim=-1)
    cosine = ((s / norm[..., None]).half() * n.half()).sum(-1).to(x)
    return torch.stack([(cosine if q == 1 else norm.pow(q - 2) * cosine).mean(1) for q in p], -1)


def published_rows(
    truth: Truth, radius: float, points: Sequence[int], number: int, repeats: int, run_id: str
) -> list[dict[str, Any]]:
    """Rows of published.csv on the exact score: mean and spread of each version over repeats, beside the ball mean."""
    problem = truth.problem
    x, score = problem.points[list(points)], problem.exact.score
    mean, error = truth.ball_mean(radius)
    columns = truth.columns(EXPONENTS)
    versions: dict[str, Callable[[torch.Generator], Tensor]] = {
        "as published": lambda g: as_published(score, x, EXPONENTS, radius, number, g),
        "as defined": functools.partial(_value, "iid", score, x, radius, number),
        "ours": functools.partial(_value, "frame", score, x, radius, number),
    }
    rows = []
    for version, run in versions.items():
        generators = (generator_for(problem.name, version, seed) for seed in range(repeats))
        values = torch.stack([run(generator) for generator in generators])
        for i, point in enumerate(points):
            for j, (p, column) in enumerate(zip(EXPONENTS, columns, strict=True)):
                rows.append(
                    {
                        "problem": problem.name,
                        "point": point,
                        "label": problem.labels[point],
                        "version": version,
                        "p": p,
                        "radius": radius,
                        "num_directions": number,
                        "repeats": repeats,
                        "mean": float(values[:, i, j].mean()),
                        "sd": float(values[:, i, j].std()),
                        "ball_mean": float(mean[point, column]),
                        "ball_mean_error": float(error[point, column]),
                        "wrong": VERSIONS[version],
                        "run_id": run_id,
                    }
                )
    return rows


def _value(name: str, score: Score, x: Tensor, radius: float, number: int, generator: torch.Generator) -> Tensor:
    return METHODS[name].call(score, x, EXPONENTS, radius, number, generator).value
