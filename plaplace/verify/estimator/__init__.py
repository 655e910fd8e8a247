"""Judging an estimator: `(score, x, p, ...) -> value[, standard_error]`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from plaplace.verify.arrays import Backend, guess
from plaplace.verify.estimator.behaviour import judge_behaviour, judge_rows, judge_seeds
from plaplace.verify.estimator.binding import bind
from plaplace.verify.estimator.directions import SEVERAL, look
from plaplace.verify.estimator.hard import judge_hard
from plaplace.verify.estimator.order import judge_order
from plaplace.verify.estimator.spread import judge_spread
from plaplace.verify.estimator.trial import TARGETS, Measured, Trial, describe
from plaplace.verify.estimator.values import biased_on_a_ridge, diagnose, judge_values, reused
from plaplace.verify.finding import Finding

__all__ = ["examine"]


def examine(
    function: Callable[..., Any],
    *,
    target: str | None = None,
    exponents: Sequence[float] = (1.0, 2.0, 3.0),
    settings: Mapping[str, Any] | None = None,
    number: int | None = None,
    seeds: int = 200,
    bias: float = 1e-4,
    false_alarm: float = 1e-3,
    backend: str | None = None,
) -> Iterator[Finding]:
    """Every clause of the contract of an estimator.

    Args:
        target: "ball_mean", the mean over the ball of the radius it is given, or "pointwise". None: the ball mean for
            an estimator with a radius, the point for others.
        exponents: the p it is asked for.
        settings: keyword arguments that it is always called with.
        number: of directions or probes, where it has a parameter for them; None: 64 for balls, 16 for points.
        seeds: repetitions for means, spreads and coverage.
        bias: systematic error allowed, relative to the size of the operator's terms.
        false_alarm: probability that a correct estimator fails by its values; the clauses on standard errors have
            margins of their own.
        backend: "torch", "numpy" or "jax"; None guesses from its source.

    Raises:
        ValueError: an unknown target, parameters that no name explains, a setting it does not have.
    """
    arrays = Backend(backend) if backend else guess(function)  # type: ignore[arg-type]
    bound = bind(function, arrays, settings or {}, number)
    target = target or ("ball_mean" if "radius" in bound.names else "pointwise")
    if target not in TARGETS:
        raise ValueError(f"target = {target!r} was given; accepted are {', '.join(map(repr, TARGETS))}")
    if target == "ball_mean" and "radius" not in bound.names:
        raise ValueError("target = 'ball_mean' was given, but no parameter is a radius by its name")
    trial = Trial(bound, target, tuple(map(float, exponents)), seeds, bias, false_alarm)
    found = list(trial.everywhere())
    values, repeated = list(judge_values(trial, found)), judge_seeds(trial)
    rows = judge_rows(trial, repeats=repeated.verdict != "fails")
    right = all(each.verdict != "fails" for each in values)
    yield from (Finding("diagnosis", "all scenes", "fails", each) for each in _faults(trial, found, values, rows))
    for remark in dict.fromkeys(remark for each in found if each.runs for remark in each.runs.remarks):
        yield Finding("shape", "all scenes", "fails", remark)
    yield from values
    if all(each.runs is None for each in found):
        return
    yield repeated
    yield rows
    yield from judge_spread(trial, found)
    yield from judge_behaviour(trial, repeated.verdict != "fails", right)
    if right and not any(reused(trial, each) for each in found):  # one draw for ever has no mean to compare
        yield from _order(trial)
        yield from judge_hard(trial)


def _faults(trial: Trial, found: Sequence[Measured], values: Sequence[Finding], rows: Finding) -> list[str]:
    """What makes the values wrong, a sentence a fault, the surest first; empty where they are right."""
    if all(each.verdict != "fails" for each in values):
        return _hidden_bias(trial)
    if all(each.runs is None for each in found):
        return [f"it raised {found[0].error}"]
    if rows.verdict == "fails":
        return [rows.sentence]
    shaped = {len(each.scene.shape) > 1 for each, value in zip(found, values, strict=True) if value.verdict == "fails"}
    if shaped == {True}:
        return ["right for points of shape (D,), wrong for images (C, H, W): their axes are not flattened"]
    explanation = diagnose(trial, found)
    seen = _seen(trial)
    if SEVERAL in seen and not (explanation and not any("radius is wrong" in each for each in explanation.sentences)):
        return [SEVERAL]  # one wrong radius cannot be what explains it
    seen = [each for each in seen if each != SEVERAL]
    if explanation and explanation.sentences and not any("biased" in each for each in seen):
        return [*explanation.sentences, *(each for each in seen if "reused" in each)]
    order = [each.sentence for each in _order(trial) if "one-sided" in each.sentence]
    small = (
        ["right to 2% of the terms, and off by more than its own sampling error"]
        if explanation and all(each.runs for each in found)
        else []
    )
    return seen or order or small or ["no single mistake known here explains it: see the values below"]


def _hidden_bias(trial: Trial) -> list[str]:
    """Uneven directions are a fault where they can be shown to bias values, which ordinary scenes may not show."""
    seen = _seen(trial)
    # the same points for every seed are a rule's, and a score asked twice is a cost: right values are right
    reuse, biased = [each for each in seen if "sets of directions" in each], [each for each in seen if "biased" in each]
    return reuse + (biased if biased and biased_on_a_ridge(trial) else [])


def _seen(trial: Trial) -> list[str]:
    """What its score calls say; nothing where it cannot take one point alone, which other clauses tell."""
    try:
        return look(trial) if trial.target == "ball_mean" else []
    except Exception:
        return []


def _order(trial: Trial) -> list[Finding]:
    try:
        return list(judge_order(trial))
    except Exception as raised:  # at lengths that no scene has asked for
        return [Finding("order of the bias", "all scenes", "fails", f"it raised {describe(raised)}")]
