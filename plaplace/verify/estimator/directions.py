"""What an estimator's score calls say about its directions: how far it asks, and whether evenly."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from plaplace.verify.estimator.scenes import scenes
from plaplace.verify.estimator.trial import Trial

__all__ = ["SEVERAL", "look"]

SEVERAL = "the score is asked at several distances: what extrapolates to the point is judged by --target pointwise"

_SEEDS = 60
_SURE = 6.0  # standard errors: a chance of 2e-9 a number, over fewer than a hundred


def look(trial: Trial) -> list[str]:
    """Sentences on what is wrong with where the score is asked; none where it cannot be seen or nothing is wrong."""
    out: list[str] = []
    for scene in (each for each in scenes() if each.dimension in (2, 3)):
        radius, seeds = trial.lengths(scene)[-1], []
        for seed in range(_SEEDS):
            witness = trial.witness(scene)
            trial.bound(witness, scene.x[:1], trial.exponents[-1:], radius, seed)
            if witness.hidden or not witness.points:
                return []
            seeds.append(witness.offsets(scene.points[0]))
        if all(torch.equal(seeds[0], each) for each in seeds[1:]):
            if "random" not in trial.bound.names:
                return []  # a rule
            return ["every seed asks at the same points: if they were drawn, the noise is reused"]
        kinds = len({tuple(each.flatten().tolist()) for each in seeds})
        if kinds < _SEEDS // 2:
            return [f"noise is reused: {_SEEDS} seeds give {kinds} sets of directions"]
        out += _distances(seeds, float(radius or 0.0)) + _unevenness(seeds) + _repeats(seeds)
        if out:
            return list(dict.fromkeys(out))
    return out


def _lengths(offsets: Tensor) -> Tensor:
    return torch.linalg.vector_norm(offsets, dim=1)


def _distances(seeds: list[Tensor], radius: float) -> list[str]:
    """Whether every call off the centre is at one distance, another than the radius."""
    if not radius:
        return []
    far = torch.cat([_lengths(each) for each in seeds])
    far = far[far > 1e-9 * radius]
    if len(far) and float(far.max() - far.min()) < 1e-3 * radius and abs(float(far.mean()) / radius - 1) > 1e-3:
        return [f"the score is asked at a distance of {float(far.mean()) / radius:.3g} R where R was given"]
    if len(far) and float(far.max()) > 1.01 * radius:
        return [f"the score is asked as far as {float(far.max()) / radius:.3g} R from the centre, outside the ball"]
    if len(far) and float(far.max() - far.min()) > 0.01 * radius:
        return [SEVERAL]
    return []


def _unevenness(seeds: list[Tensor]) -> list[str]:
    """First, second and fourth moments of the unit directions against those of the uniform distribution, by seeds."""
    dimension = seeds[0].shape[1]
    moments = []
    for offsets in seeds:
        lengths = _lengths(offsets)
        away = lengths > 1e-9 * lengths.max()
        n = offsets[away] / lengths[away, None]
        second = torch.einsum("mi,mj->mij", n, n).mean(0)
        moments.append((n.mean(0), second.flatten(), n.pow(4).mean(0)))
    expected = (
        torch.zeros(dimension).double(),
        torch.eye(dimension).double().flatten() / dimension,
        torch.full((dimension,), 3 / (dimension * (dimension + 2))).double(),
    )
    names = ("E n", "E n n'", "E n_i^4")
    for name, want, values in zip(names, expected, zip(*moments, strict=True), strict=True):
        stacked = torch.stack(list(values))
        off, error = stacked.mean(0) - want, stacked.std(0) / math.sqrt(len(seeds))
        sure = off.abs() > _SURE * error + 1e-6
        if bool(sure.any()):
            worst = int((off.abs() * sure).argmax())
            return [
                f"the directions are biased: {name} has an entry {stacked.mean(0)[worst]:.3f} where uniform directions "
                f"have {want[worst]:.3f}"
            ]
    return []


def _repeats(seeds: list[Tensor]) -> list[str]:
    """Whether the same points are asked again within a call: noise used twice, and counted twice."""
    offsets = seeds[0][_lengths(seeds[0]) > 0]
    distinct = len(torch.unique(offsets, dim=0))
    if len(offsets) > 8 and distinct <= len(offsets) // 2:
        return [f"noise is reused: {len(offsets)} score calls at {distinct} distinct points"]
    return []
