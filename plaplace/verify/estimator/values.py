"""Are the values right? Means over seeds against the exact values, and what explains them where they are wrong."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Literal

import torch
from torch import Tensor

from plaplace.verify.estimator.hypotheses import Evidence, Explanation, explain
from plaplace.verify.estimator.runs import repeat
from plaplace.verify.estimator.scenes import ridge
from plaplace.verify.estimator.sphere import Sphere
from plaplace.verify.estimator.trial import Measured, Trial
from plaplace.verify.finding import Finding
from plaplace.verify.formulas import alternatives

__all__ = ["biased_on_a_ridge", "diagnose", "judge_values", "reused"]


def judge_values(trial: Trial, found: Sequence[Measured]) -> Iterator[Finding]:
    """One finding a scene: the mean over seeds is the truth, within sampling error and the allowed bias."""
    number = sum(int(each.truth.isfinite().sum()) for each in found)
    share = trial.false_alarm / max(number, 1)
    for each in found:
        if each.runs is None:
            yield Finding("values", each.name, "fails", f"it raised {each.error}")
        else:
            yield _judge(trial, each, share)


def _judge(trial: Trial, each: Measured, share: float) -> Finding:
    from scipy.stats import t

    assert each.runs is not None
    mean, count, known = each.runs.mean, len(each.runs.values), each.truth.isfinite()
    if not bool(known.any()):
        return Finding("values", each.name, "note", "no exact value is known here")
    bad = known & ~mean.isfinite()
    if bool(bad.any()):
        row, j = (int(i) for i in bad.nonzero()[0])
        return _says(each, "fails", f"the value at point {row}, p = {trial.exponents[j]:g}, is {mean[row, j]}")
    allowed = trial.bias * each.size
    limit = float(t.ppf(1 - share / 2, count - 1)) * each.runs.mean_error if count > 1 else torch.zeros_like(mean)
    if reused(trial, each):  # one draw for ever: its own error is all there is to judge by
        assert each.runs.errors is not None
        limit = 6 * each.runs.errors[0].nan_to_num(math.inf)
    off = (mean - each.truth).abs()
    excess = torch.where(known, off / (limit + allowed), 0.0)
    if bool((excess > 1).any()):
        row, j = (int(i) for i in torch.unravel_index(excess.argmax(), excess.shape))
        within = f"; sampling allows {limit[row, j]:.2g}" if count > 1 else ""
        return _says(
            each,
            "fails",
            f"point {row}, p = {trial.exponents[j]:g}: {mean[row, j]:.6g} where the exact value is "
            f"{each.truth[row, j]:.6g}{within}",
        )
    worst = float(torch.where(known, off / each.size, 0.0).max())
    seeds = f"mean over {count} seeds" if count > 1 else "the value"
    return _says(each, "holds", f"{seeds} is exact at {int(known.sum())} values, within {worst:.1e} of their terms")


def biased_on_a_ridge(trial: Trial) -> bool:
    """Whether means over ten times the seeds miss the truth where directions matter most."""
    scene, seeds = ridge(), 10 * trial.seeds
    (radius,) = trial.lengths(scene)
    runs = repeat(trial.bound, trial.score(scene), scene.x, trial.exponents, radius, seeds)
    measured = Measured(scene, radius, trial.truth(scene, radius), scene.size(trial.exponents), runs, "")
    return _judge(trial, measured, trial.false_alarm / measured.truth.numel()).verdict == "fails"


def reused(trial: Trial, each: Measured) -> bool:
    """Whether it claims a sampling error, yet every seed gives the same."""
    runs = each.runs
    if runs is None or runs.repeated or runs.errors is None:
        return False
    return bool((runs.errors[0] > 1e-6 * each.size).any())


def _says(each: Measured, verdict: Literal["holds", "fails", "note"], sentence: str) -> Finding:
    return Finding("values", each.name, verdict, sentence)


def diagnose(trial: Trial, found: Sequence[Measured]) -> Explanation | None:
    """The simplest mistake that explains all that was measured; None where none of those known does."""
    rows = [each for each in found if each.runs is not None]
    if not rows:
        return None

    def flat(tensors: list[Tensor]) -> Tensor:
        return torch.cat([each.reshape(-1).double() for each in tensors])

    shapes = [each.truth.shape for each in rows]
    evidence = Evidence(
        flat([each.runs.mean for each in rows if each.runs]),
        flat([each.runs.mean_error for each in rows if each.runs]),
        flat([each.size for each in rows]),
        flat([torch.full(shape, float(each.scene.dimension)) for each, shape in zip(rows, shapes, strict=True)]),
        flat([torch.full(shape, each.length or 1.0) for each, shape in zip(rows, shapes, strict=True)]),
        trial.bound.number,
    )
    make = _of_balls if trial.target == "ball_mean" else _of_points
    tables = [make(trial, each) for each in rows]
    return explain(evidence, {name: flat([table[name] for table in tables]) for name in tables[0]})


def _of_points(trial: Trial, each: Measured) -> dict[str, Tensor]:
    """Alternatives to the pointwise operator, (B, P) each."""
    norm, along, trace = each.scene.parts()
    return alternatives(norm, along, trace, trial.exponents, each.scene.dimension)


def _of_balls(trial: Trial, each: Measured) -> dict[str, Tensor]:
    """Alternatives to the ball mean, (B, P) each: other exponents, other radii, the value at the point."""
    scene, radius, p = each.scene, each.length or 1.0, trial.exponents
    root = math.sqrt(scene.dimension)
    sphere = Sphere(scene, radius)
    short = "is an exponent short: |s|^(p-2) multiplies the cosine s.n/|s| in place of s.n"
    found = {
        "": sphere.means(p),
        f"p = 2 returns the p = 1 flux: every p but 1 {short}": sphere.means([q if q == 1 else q - 1 for q in p]),
        f"p = 2 returns the p = 1 flux: every p {short}": sphere.means([q - 1 for q in p]),
        "p = 1 returns the p = 2 flux: an exponent is one too many": sphere.means([q + 1 for q in p]),
        "p = 1 returns the p = 3 flux: an exponent is two too many": sphere.means([q + 2 for q in p]),
        "p is ignored: every p returns the value of p = 1": sphere.means([1.0 for _ in p]),
        "p is ignored: every p returns the value of p = 2": sphere.means([2.0 for _ in p]),
        "p above 2 is treated as 2": sphere.means([min(q, 2.0) for q in p]),
        "D + 2 stands where D belongs": sphere.means(p) * (1 + 2 / scene.dimension),
        "the sign is lost: every value is negative": -sphere.means(p).abs(),
        "|s|^(p-2) is taken at the centre in place of the sphere": sphere.centred_means(p),
        "D - 1 stands where D belongs": sphere.means(p) * (1 - 1 / scene.dimension),
        "these are values at the point, not means over the ball (--target pointwise)": scene.pointwise(p),
    }
    for name, multiple in (("2 R", 2.0), ("R/2", 0.5), ("R sqrt(D)", root), ("R/sqrt(D)", 1 / root), ("R^2", radius)):
        words, other = (
            f"the radius is wrong: the score is asked at {name} where R was given",
            Sphere(scene, radius * multiple),
        )
        found[words] = other.means(p)
        found[f"{words} (the factor D/R has R)"] = multiple * other.means(p)
    return found
