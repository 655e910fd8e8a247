"""Is the standard error honest? What it says against what seeds do, and intervals against the truth."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from plaplace.verify.estimator.runs import Runs
from plaplace.verify.estimator.trial import Measured, Trial
from plaplace.verify.estimator.values import reused
from plaplace.verify.finding import Finding, Judgement

__all__ = ["judge_spread"]

CLAUSE = "standard error"
_ACCEPTED = 1.25  # ratio of true to stated standard error, either way, beyond which it is dishonest
_UNEVEN = 1.5  # the same for one point and exponent
_COVERAGE = (0.88, 0.995)  # accepted true coverage of 95% intervals
_BLOCKS = 20  # of seeds, for the interval of the ratio
_RANDOM = 1e-7  # spread relative to the terms, below which a value is not random but rounded


def judge_spread(trial: Trial, found: Sequence[Measured]) -> Iterator[Finding]:
    """One finding a scene where it is honest, one for all where it is not."""
    answered = [(each, each.runs) for each in found if each.runs is not None]
    if any(runs.errors is None for _, runs in answered):
        words = "none is returned: nobody can tell noise from value"
        if any(runs.repeated for _, runs in answered):
            yield _all("note", words)
        return
    if any(reused(trial, each) for each, _ in answered):
        yield _all("fails", "the standard error is not 0, yet every seed gives the same value: the noise is reused")
        return
    judged = [(each, judgement) for each, runs in answered if (judgement := _judge(trial, each, runs)) is not None]
    if not judged:
        yield _all("note", "nothing is random here: no spread to compare with")
    yield from _together([(each, judgement) for each, judgement in judged if judgement.verdict == "fails"], trial)
    for each, judgement in judged:
        if judgement.verdict != "fails":
            yield Finding(CLAUSE, each.name, judgement.verdict, judgement.words)


def _all(verdict: Judgement, sentence: str) -> Finding:
    return Finding(CLAUSE, "all scenes", verdict, sentence)


class _Judgement(NamedTuple):
    """Of one scene: a verdict, its words, and the ratio behind them where there is one."""

    verdict: Judgement
    words: str
    ratio: _Ratio | None = None


def _together(failed: list[tuple[Measured, _Judgement]], trial: Trial) -> Iterator[Finding]:
    """Scenes whose ratio is off in one sentence, with the median ratio; the others each on its own."""
    for small in (True, False):
        ratios = [
            judgement.ratio for _, judgement in failed if judgement.ratio and (judgement.ratio.value > 1) == small
        ]
        if ratios:
            ratio = sorted(ratios)[len(ratios) // 2]
            value, low, high = ratio if small else (1 / ratio.value, 1 / ratio.high, 1 / ratio.low)
            words = f"{'small' if small else 'large'} by {value:.2g} [{low:.2f}, {high:.2f}]"
            scenes = f" in {len(ratios)} scenes" if len(ratios) > 1 else ""
            yield _all("fails", f"the standard error is too {words}{scenes}{_hint(trial, ratio)}")
    for each, judgement in failed:
        if not judgement.ratio:
            yield Finding(CLAUSE, each.name, "fails", judgement.words)


def _judge(trial: Trial, each: Measured, runs: Runs) -> _Judgement | None:
    assert runs.errors is not None
    if bool((runs.errors < 0).any()):
        return _Judgement("fails", f"it is negative: {float(runs.errors.min()):.3g}")
    if bool(runs.errors.isinf().all()):
        return _Judgement("note", "it is infinite: one block only; ask with more directions")
    random = (runs.deviation > _RANDOM * each.size) & runs.errors.isfinite().all(0)
    if not bool(random.any()):
        return None
    if bool((random & (runs.errors == 0).all(0)).any()):
        return _Judgement("fails", "it is 0 where seeds give different values")
    ratio = _ratio(runs.values, runs.errors, random)
    words = f"seeds spread {ratio.value:.2f} [{ratio.low:.2f}, {ratio.high:.2f}] times what it says"
    if ratio.low > _ACCEPTED or ratio.high < 1 / _ACCEPTED:
        return _Judgement("fails", words, ratio)
    uneven = _uneven(trial, runs, random)
    if uneven:
        return _Judgement("fails", uneven)
    covered = _coverage(trial, each, runs, random)
    if covered is None:
        return _Judgement("holds", words)
    rate, low, high = covered
    if high < _COVERAGE[0] or low > _COVERAGE[1]:
        wide = "few" if high < _COVERAGE[0] else "many"
        return _Judgement("fails", f"95% intervals hold the truth too {wide} times: {rate:.1%}")
    return _Judgement("holds", f"{words}; 95% intervals hold the truth {rate:.1%} of the time")


class _Ratio(NamedTuple):
    value: float
    low: float
    high: float


def _ratio(values: Tensor, errors: Tensor, random: Tensor) -> _Ratio:
    """Spread over stated error, root mean square over seeds, geometric mean over entries; jackknife interval, 95%."""

    def of(keep: Tensor) -> float:
        spread, stated = values[keep].var(0), errors[keep].square().mean(0)
        return float((spread[random] / stated[random]).log().mean()) / 2

    number = len(values)
    blocks = min(_BLOCKS, number)
    block = torch.arange(number) % blocks
    whole = of(block >= 0)
    parts = torch.tensor([of(block != b) for b in range(blocks)])
    half = 2.1 * math.sqrt(float((parts - parts.mean()).square().sum()) * (blocks - 1) / blocks)
    return _Ratio(*(math.exp(each) for each in (whole, whole - half, whole + half)))


def _uneven(trial: Trial, runs: Runs, random: Tensor) -> str:
    """The point and exponent whose own error is surely off, where the errors are right on average; or nothing."""
    assert runs.errors is not None
    number = len(runs.values)
    centred = (runs.values - runs.mean).square()
    stated = runs.errors.square().mean(0)
    ratio = (centred.mean(0) / stated).log() / 2
    # of a logarithm of a mean of squares: the relative error of the mean, halved
    spread = centred.std(0) / centred.mean(0) / math.sqrt(number) / 2
    sure = random & (ratio.abs() > math.log(_UNEVEN) + 5 * spread)
    if not bool(sure.any()):
        return ""
    row, j = (int(i) for i in torch.unravel_index(torch.where(sure, ratio.abs(), 0.0).argmax(), ratio.shape))
    off = math.exp(abs(float(ratio[row, j])))
    way = "small" if ratio[row, j] > 0 else "large"
    return (
        f"at point {row}, p = {trial.exponents[j]:g}, it is too {way} by {off:.2g}, though right on average: an error "
        "of another point or exponent"
    )


def _hint(trial: Trial, ratio: _Ratio) -> str:
    """What a ratio usually comes from, where its interval holds the number."""
    known = {math.sqrt(2): "sqrt(2): pairs counted as independent directions, or half of them used", 2.0: "2"}
    if trial.bound.number:
        m = trial.bound.number
        known |= {
            1 / math.sqrt(m): f"sqrt(m), m = {m}: the spread of single directions, not of their mean",
            math.sqrt(m): f"sqrt(m), m = {m}: divided by m in place of sqrt(m)",
        }
    for number, words in known.items():
        if ratio.low <= number <= ratio.high:
            return f", as by {words}"
    return ""


def _coverage(trial: Trial, each: Measured, runs: Runs, random: Tensor) -> tuple[float, float, float] | None:
    """Share of 95% intervals that hold the truth, with an exact interval at the trial's level; None where nothing is
    known, or where the values are wrong and intervals cannot be right."""
    from scipy.stats import beta, t

    assert runs.errors is not None
    known = random & each.truth.isfinite() & ((runs.mean - each.truth).abs() < runs.deviation / 3)
    if not bool(known.any()) or len(runs.values) < 50:
        return None
    quantile = float(t.ppf(0.975, runs.freedom)) if math.isfinite(runs.freedom) else 1.96
    half = quantile * runs.errors + trial.bias * each.size
    hits = ((runs.values - each.truth).abs() <= half)[:, known].double().mean(1)
    # rows and exponents of one seed share their directions: one number a seed
    number, rate = len(hits), float(hits.mean())
    level = trial.false_alarm / 2
    low = float(beta.ppf(level, rate * number, number - rate * number + 1)) if rate > 0 else 0.0
    high = float(beta.ppf(1 - level, rate * number + 1, number - rate * number)) if rate < 1 else 1.0
    return rate, low, high
