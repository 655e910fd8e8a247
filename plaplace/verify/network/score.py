"""A network's score against the exact one, level by level, and what its output is where it is no score."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from plaplace.mixture import GaussianMixture
from plaplace.models import Level
from plaplace.verify.finding import Finding
from plaplace.verify.network.call import Network
from plaplace.verify.network.levels import ENCODINGS

__all__ = ["Asked", "ask", "judge_score"]

_EXPLAINED = 0.5  # relative error that an explanation leaves at most, at any level: a learned score is not exact
_SHAPED = 0.3  # ... where only a factor is fitted
_BETTER = 4.0  # how much smaller than the error to be explained it must be


@dataclass(frozen=True)
class Asked:
    """Points at one level.

    Attributes:
        level: where.
        x: (B, D) float64, samples of the mixture with noise, as the network gets them.
        exact: the mixture at that level.
        score: its score there, (B, D).
    """

    level: Level
    x: Tensor
    exact: GaussianMixture
    score: Tensor

    def error(self, score: Tensor) -> float:
        """`sqrt(E|s_hat - s|^2 / E|s|^2)`; inf for what is not finite."""
        error = float(((score - self.score).square().sum() / self.score.square().sum()).sqrt())
        return error if math.isfinite(error) else math.inf


def ask(mixture: GaussianMixture, level: Level, number: int, dtype: torch.dtype, seed: int = 0) -> Asked:
    """Points of the mixture noised to a level, rounded to what the network takes."""
    g = torch.Generator().manual_seed(seed)
    clean = mixture.sample(number, g).double()
    eps = torch.randn(clean.shape, generator=g, dtype=torch.float64)
    x = (level.alpha * clean + level.sigma * eps).to(dtype).double()
    exact = mixture.noised(level.alpha, level.sigma)
    return Asked(level, x, exact, exact.score(x))


# what an output may be -> the score that follows from it; simplest first
MEANINGS: dict[str, Callable[[Tensor, Tensor, Level], Tensor]] = {
    "": lambda y, x, at: y,
    "the sign is reversed": lambda y, x, at: -y,
    "it returns the noise eps_hat = -sigma s, not the score": lambda y, x, at: -y / at.sigma,
    "it returns sigma s, the score of x in units of sigma: divide by sigma": lambda y, x, at: y / at.sigma,
    "it returns the denoised sample x0_hat, not the score": lambda y, x, at: (at.alpha * y - x) / at.sigma**2,
    "it returns v = alpha eps - sigma x_0, not the score": (
        lambda y, x, at: -(at.alpha * y + at.sigma * x) / (at.sigma * (at.alpha**2 + at.sigma**2))
    ),
    "it returns the velocity eps - x_0 of flow matching, not the score": (
        lambda y, x, at: -(x + at.alpha * y) / (at.sigma * (at.alpha + at.sigma))
    ),
    "it returns the velocity x_0 - eps, not the score": (
        lambda y, x, at: -(x - at.alpha * y) / (at.sigma * (at.alpha + at.sigma))
    ),
    "a factor sigma^2 too much: it returns x0_hat - x, or sigma^2 s": lambda y, x, at: y / at.sigma**2,
    "the sign is reversed, with a factor sigma^2: it returns x - x0_hat": lambda y, x, at: -y / at.sigma**2,
    "a factor 1/sigma too much: it divides by sigma twice": lambda y, x, at: y * at.sigma,
    "a factor 1/sigma^2 too much": lambda y, x, at: y * at.sigma**2,
    "a factor alpha too much": lambda y, x, at: y / at.alpha,
    "a factor 1/alpha too much": lambda y, x, at: y * at.alpha,
}


def judge_score(network: Network, asked: Sequence[Asked], tolerance: float) -> Iterator[Finding]:
    """The relative error of the score at each level; with a diagnosis if it is too large at any."""
    errors = [each.error(network.score(each.x, each.level)) for each in asked]
    for each, error in zip(asked, errors, strict=True):
        words = f"the score is off by {_share(error)} of its size over {len(each.x)} noised samples"
        verdict = "holds" if error <= tolerance else "fails"
        accepted = "" if error <= tolerance else f"; accepted are {tolerance:.0%}"
        yield Finding("score", name(each.level), verdict, words + accepted)  # type: ignore[arg-type]
    if max(errors) > tolerance:
        found = _explain(network, asked, max(errors))
        if found:
            yield Finding("diagnosis", "all levels", "fails", found)


def name(level: Level) -> str:
    """A level in words."""
    return f"sigma = {level.sigma:.3g}" + (f", alpha = {level.alpha:.3g}" if level.alpha != 1 else "")


def _share(error: float) -> str:
    return f"{error:.1e}" if error < 1e-3 else f"{error:.1%}" if error < 10 else f"{error:.0f} times"


def _explain(network: Network, asked: Sequence[Asked], worst: float) -> str | None:
    """The meaning of the output, of the level, or both, with which the score is right; else a factor that is wrong."""
    found = _factors(network, asked)
    for encoding in ENCODINGS if network.told != "level" else [""]:
        try:
            outputs = [network.output(each.x, each.level, encoding) for each in asked]
        except Exception:  # a number out of its range: this is not what it wants
            continue
        for meaning, score in MEANINGS.items():
            left = max(each.error(score(y, each.x, each.level)) for each, y in zip(asked, outputs, strict=True))
            given = "sigma" if network.told == "sigma" else "t"
            level = f"the level is misread: it wants {encoding} where {given} is given" if encoding else ""
            faults = [each for each in (meaning, level) if each]
            if faults and left <= _EXPLAINED and left * _BETTER <= worst:
                found.append((_cost(left, len(faults)), "; and ".join(faults)))
    return min(found)[1] if found else None


def _cost(error: float, faults: float) -> float:
    """What explanations are ranked by: a further fault must halve the worst error that is left."""
    return max(error, 1e-9) * 2.0**faults


def _factors(network: Network, asked: Sequence[Asked]) -> list[tuple[float, str]]:
    """A factor without a name: one for all levels, or, as the last resort, one for each; with what it costs."""
    factors, left = [], []
    for each in asked:
        got = network.score(each.x, each.level)
        factor = float((got * each.score).sum() / each.score.square().sum())
        factors.append(factor)
        left.append(each.error(got / factor) if factor else math.inf)
    if not max(left) <= _SHAPED:
        return []
    if max(factors) - min(factors) <= 0.1 * abs(factors[0]):
        words = f"every score is about {sum(factors) / len(factors):.3g} times the true one: a constant factor"
        return [(_cost(max(left), 1.5), words)]
    listed = ", ".join(f"{factor:.3g} at {name(each.level)}" for factor, each in zip(factors, asked, strict=True))
    return [(_cost(max(left), 3), f"a factor that depends on the level alone is wrong: {listed}")]
