"""The contract that every estimator keeps, clause by clause, for any callable that claims to be one.

A statistical clause fails a correct estimator with at most the stated `false_alarm` probability over all its
comparisons together (Bonferroni); the other clauses are deterministic.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from plaplace.estimate import Estimate
from plaplace.testing.problems import PROBLEMS, CountedScore, Problem, Score
from plaplace.testing.statistics import judge

__all__ = ["ROUNDING", "Finding", "check_estimator", "contract"]

ROUNDING = 1e-9  # relative to Problem.size: what summing in another order may change, in float64


@dataclass(frozen=True)
class Finding:
    """One clause of the contract on one problem, whether it holds, and in words what was seen."""

    clause: str
    problem: str
    holds: bool
    detail: str


def check_estimator(estimator: Callable[..., Estimate], **options: Any) -> None:
    """Raise an AssertionError with every clause of `contract` (same options) that the estimator breaks, in words."""
    broken = [each for each in contract(estimator, **options) if not each.holds]
    lines = "\n".join(f"  {each.clause}, {each.problem}: {each.detail}" for each in broken)
    assert not broken, f"the estimator breaks its contract:\n{lines}"


def contract(
    estimator: Callable[..., Estimate],
    *,
    target: str,
    radius: float | None = None,
    exponents: Sequence[float] = (1.0, 2.0, 3.0),
    repeats: int = 400,
    bias: float = 1e-7,
    coverage: tuple[float, float] = (0.92, 0.98),
    false_alarm: float = 1e-3,
    problems: Collection[str] = tuple(PROBLEMS),
) -> Iterator[Finding]:
    """Every clause of the contract of an estimator on every problem, one finding each.

    Clauses: shapes and dtypes; mean over seeds equal to the target, and 95% intervals that cover it as often as they
    should; cost as stated; the same numbers for the same seed, for any chunk size, alone or in a batch, one p or
    many; a non-finite score kept to its row and counted; p < 1 refused in words.

    Args:
        estimator: (score, x, p) -> Estimate, all else bound; called with `generator` and `chunk_size` where it takes
            them.
        target: "ball_mean", with a radius, or "pointwise".
        exponents: those it takes.
        repeats: seeds for the mean and the coverage; 1 is used for an estimator without a generator. It takes about 600
            to tell 100% from the default 98%.
        bias: systematic error that is allowed, relative to `Problem.size`: of a finite step, or of a radius.
        coverage: least and most accepted true coverage of 95% intervals; not judged where every error is within the
            bias.
        false_alarm: probability that a correct estimator fails any statistical clause.
        problems: names in `PROBLEMS`.

    Raises:
        ValueError: an unknown target or problem, or "ball_mean" without a radius.
    """
    if target not in ("ball_mean", "pointwise"):
        raise ValueError(f"target = {target!r} was given; accepted are 'ball_mean' and 'pointwise'")
    if target == "ball_mean" and not (radius is not None and radius > 0):
        raise ValueError(f"radius = {radius} was given; the target 'ball_mean' needs the radius of the ball, > 0")
    unknown = [name for name in problems if name not in PROBLEMS]
    if unknown:
        raise ValueError(f"problems = {unknown} were given; accepted are {list(PROBLEMS)}")
    made = [PROBLEMS[name]() for name in problems]
    ps = list(map(float, exponents))
    share = false_alarm / (3 * len(ps) * sum(len(each.points) for each in made))
    for problem in made:
        check = _Check(estimator, problem, ps, bias, problem.size(ps))
        truth = problem.pointwise(ps) if target == "pointwise" else problem.ball_means(ps, float(radius or 0))
        yield check.finding("shapes", check.shapes)
        yield check.finding("mean and coverage", check.statistics, truth, repeats, coverage, share)
        for clause in (check.cost, check.seeds, check.chunks, check.rows, check.many, check.nonfinite, check.refuses):
            yield check.finding(clause.__name__, clause)


@dataclass(frozen=True)
class _Check:
    """The clauses, as methods that return what was seen or raise an AssertionError."""

    estimator: Callable[..., Estimate]
    problem: Problem
    exponents: list[float]
    bias: float
    size: Tensor

    def finding(self, clause: str, run: Callable[..., str], *arguments: Any) -> Finding:
        try:
            return Finding(clause, self.problem.name, True, run(*arguments))
        except AssertionError as error:
            return Finding(clause, self.problem.name, False, str(error))
        except Exception as error:  # whatever somebody else's estimator raises is a finding too
            return Finding(clause, self.problem.name, False, f"{type(error).__name__}: {error}")

    def takes(self, name: str) -> bool:
        parameters = inspect.signature(self.estimator).parameters
        return name in parameters or any(each.kind == each.VAR_KEYWORD for each in parameters.values())

    def run(
        self,
        score: Score | None = None,
        x: Tensor | None = None,
        p: float | list[float] | None = None,
        seed: int = 0,
        **options: Any,
    ) -> Estimate:
        if self.takes("generator"):
            options["generator"] = torch.Generator().manual_seed(seed)
        x = self.problem.points if x is None else x
        return self.estimator(score or self.problem.score, x, self.exponents if p is None else p, **options)

    def same(self, got: Tensor, want: Tensor, size: Tensor, what: str) -> None:
        off = float(((got - want).abs() / size).max())
        assert off <= ROUNDING, f"{what}: values differ by {off:.1e} of their size, rounding is {ROUNDING:.0e}"

    def shapes(self) -> str:
        rows = len(self.problem.points)
        for dtype in (torch.float64, torch.float32):
            for p, shape in ((self.exponents, (rows, len(self.exponents))), (self.exponents[0], (rows,))):
                e = self.run(x=self.problem.points.to(dtype), p=p)
                for name, tensor in (("value", e.value), ("standard_error", e.standard_error)):
                    assert tensor.shape == shape, (
                        f"{name} has shape {tuple(tensor.shape)} for p = {p}; expected {shape}"
                    )
                    assert tensor.dtype == dtype, f"{name} has dtype {tensor.dtype} for x of {dtype}"
                assert bool(e.value.isfinite().all()), f"value is not finite where the score is, for p = {p}, {dtype}"
                assert bool((e.standard_error >= 0).all()), f"standard_error is negative or NaN for p = {p}, {dtype}"
                assert not bool(e.standard_error.isinf().any()), (
                    "standard_error is infinite: bind a setting with at least two independent blocks"
                )
                assert e.num_nonfinite.shape == (rows,), f"num_nonfinite has shape {tuple(e.num_nonfinite.shape)}"
        return "value, standard_error and num_nonfinite as they should be, in float64 and float32"

    def statistics(self, truth: Tensor, repeats: int, coverage: tuple[float, float], share: float) -> str:
        runs = [self.run(seed=seed) for seed in range(repeats if self.takes("generator") else 1)]
        return judge(runs, truth, self.bias * self.size, coverage, share, [f"{p:g}" for p in self.exponents])

    def cost(self) -> str:
        counted = CountedScore(self.problem.score)
        stated = self.run(counted).num_evaluations
        total = int(stated.sum()) if isinstance(stated, Tensor) else stated * len(self.problem.points)
        seen = counted.evaluations
        assert total == seen, f"num_evaluations says {total} evaluations for the batch; {seen} were seen"
        return f"{seen} evaluations for {len(self.problem.points)} points, as stated"

    def seeds(self) -> str:
        first, again, *others = (self.run(seed=seed) for seed in (1, 1, 2, 3, 4, 5, 6))
        assert torch.equal(first.value, again.value), "the same seed gives other values"
        random = first.standard_error > self.bias * self.size
        # few probes with few values can agree by chance: not for five seeds
        same = torch.stack([each.value == first.value for each in others]).all(0)
        assert not bool((random & same).any()), "other seeds give the same values"
        return "the same seed gives the same values, other seeds others"

    def chunks(self) -> str:
        if not self.takes("chunk_size"):
            return "takes no chunk_size"
        whole = self.run()
        for chunk_size in (1, 7):
            counted = CountedScore(self.problem.score)
            e = self.run(counted, chunk_size=chunk_size)
            largest = counted.largest_call
            assert largest <= chunk_size, f"chunk_size = {chunk_size}, but a call had {largest} points"
            self.same(e.value, whole.value, self.size, f"chunk_size = {chunk_size} against None")
        return "the same values for chunk_size 1, 7 and None"

    def rows(self) -> str:
        whole = self.run()
        for i in range(len(self.problem.points)):
            alone = self.run(x=self.problem.points[i : i + 1])
            self.same(alone.value[0], whole.value[i], self.size[i], f"row {i} alone against in a batch")
        return "a row has the same value alone and in a batch"

    def many(self) -> str:
        whole = self.run()
        for i, p in enumerate(self.exponents):
            self.same(self.run(p=p).value, whole.value[:, i], self.size[:, i], f"p = {p:g} alone against many p")
        return "the same values for one p and for many"

    def nonfinite(self) -> str:
        points = self.problem.points

        def score(x: Tensor) -> Tensor:
            far = x.flatten(1).abs().amax(1) > 1e3
            return self.problem.score(x) + torch.where(far, math.nan, 0.0).reshape(-1, *(1,) * (x.ndim - 1)).to(x)

        x = torch.cat([points[:1], torch.full_like(points[:1], 1e4), points[1:]])
        e, clean = self.run(score, x), self.run()
        good = [i for i in range(len(x)) if i != 1]
        self.same(e.value[good], clean.value, self.size, "a NaN row changes others")
        assert bool(e.value[1].isnan().all()), (
            f"a row whose scores are NaN has the value {e.value[1].tolist()}, not NaN"
        )
        assert bool(e.standard_error[1].isnan().all()), "a row whose scores are NaN has a standard error"
        assert int(e.num_nonfinite[1]) > 0, "num_nonfinite is 0 for a row whose scores are NaN"
        assert not bool(e.num_nonfinite[good].any()), "num_nonfinite counts rows whose scores are finite"
        return "a NaN row is NaN, counted, and alone"

    def refuses(self) -> str:
        message = None
        try:
            self.run(p=0.5)
        except (ValueError, TypeError) as error:
            message = str(error)
        assert message is not None, "p = 0.5 was accepted; p >= 1 is needed"
        assert "0.5" in message, f"p = 0.5 is refused without naming it: {message}"
        return "p = 0.5 is refused in words"
