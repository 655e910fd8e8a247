"""The toy of `jeon_2025.py` and what is exact about it: the paper's two lemmas, and its modes as conditions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plaplace.compare.truth import generator_for
from plaplace.memorization import detection
from plaplace.mixture import GaussianMixture
from plaplace.noise import Schedule

__all__ = ["BROAD", "SHARP", "VARIANCES", "gap", "gap_rows", "identity_rows", "toy"]

# the paper gives neither places nor covariances: two modes as far from 0 as each other, one extremely narrow
SHARP, BROAD = (-3.0, 0.0), (3.0, 0.0)
VARIANCES = (1e-4, 1.0)
TIMES = (999, 990, 950, 900, 800, 700, 600, 500, 400, 300, 200, 100, 50, 20, 10, 1, 0)
_BLOCKS = 20  # of draws, for standard errors


def toy(weight: float) -> GaussianMixture:
    """`w N((-3, 0), 1e-4 I) + (1 - w) N((3, 0), I)`; the paper's ratio is w = 0.05."""
    return GaussianMixture(
        torch.tensor([weight, 1 - weight], dtype=torch.float64),
        torch.tensor([SHARP, BROAD], dtype=torch.float64),
        torch.tensor(VARIANCES, dtype=torch.float64),
    )


def mode(index: int) -> GaussianMixture:
    """One mode alone: 0 the sharp one."""
    one = torch.ones(1, dtype=torch.float64)
    means = torch.tensor([(SHARP, BROAD)[index]], dtype=torch.float64)
    return GaussianMixture(one, means, VARIANCES[index] * one)


def identity_rows(q: GaussianMixture, schedule: Schedule, draws: int) -> Iterator[dict[str, Any]]:
    """`E|s|^2 / -E tr H`, 1 under every mixture, and `E|Hs|^2 / -E tr H^3`, 1 for one Gaussian, over noised data."""
    for t in TIMES:
        noised = q.noised(*schedule.level(t))
        x = noised.sample(draws, generator_for("jeon", "identities", t))
        s, h = noised.score(x), noised.hessian(x)
        values = torch.linalg.eigvalsh(h)
        pairs = {
            "score": (s.square().sum(1), -values.sum(1)),
            "product": (torch.einsum("bij,bj->bi", h, s).square().sum(1), -values.pow(3).sum(1)),
        }
        for name, (above, below) in pairs.items():
            ratio, error = _ratio(above, below)
            yield {"t": t, "lemma": name, "draws": draws, "ratio": ratio, "standard_error": error}


def _ratio(above: Tensor, below: Tensor) -> tuple[float, float]:
    """Ratio of two means on the same draws, and its standard error by leaving out blocks (jackknife)."""
    a = torch.stack([part.mean() for part in above.chunk(_BLOCKS)])
    b = torch.stack([part.mean() for part in below.chunk(_BLOCKS)])
    left_out = (a.sum() - a) / (b.sum() - b)
    error = (_BLOCKS - 1) / _BLOCKS * (left_out - left_out.mean()).square().sum()
    return float(a.mean() / b.mean()), float(error.sqrt())


def gap(condition: GaussianMixture, whole: GaussianMixture, x: Tensor) -> dict[str, Tensor]:
    """(B,) each: Wen's `|s_c - s_u|` and Jeon's `|(H_c - H_u)(s_c - s_u)|` at noised points x, (B, 2)."""
    s = condition.score(x) - whole.score(x)
    h = condition.hessian(x) - whole.hessian(x)
    return {"wen": s.norm(dim=1), "jeon": torch.einsum("bij,bj->bi", h, s).norm(dim=1)}


def gap_rows(schedule: Schedule, draws: int) -> Iterator[dict[str, Any]]:
    """Rows of gap.csv: noised data of the sharp mode as a condition against those of the broad one.

    The unconditional model is the mixture, with the sharp mode rare, as frequent as the other, or common.
    """
    for weight in (0.05, 0.5, 0.95):
        q = toy(weight)
        for t in TIMES:
            level = schedule.level(t)
            found = []
            for index in range(2):
                condition, whole = mode(index).noised(*level), q.noised(*level)
                x = condition.sample(draws, generator_for("jeon", "gap", index, t))
                found.append(gap(condition, whole, x))
            labels = torch.arange(2 * draws) < draws
            for name in ("wen", "jeon"):
                values = torch.cat([found[0][name], found[1][name]])
                area = detection.evaluate(values, labels, fprs=(0.01,), num_bootstrap=20).auc
                yield {
                    "weight": weight, "t": t, "quantity": name, "draws": draws,
                    "sharp": float(found[0][name].median()), "broad": float(found[1][name].median()),
                    "auc": area.value, "low": area.low, "high": area.high,
                }  # fmt: skip
