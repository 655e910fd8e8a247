"""The tests of the test helpers: right estimators pass, each way of being wrong is caught and named."""

import math
from dataclasses import replace
from functools import partial

import pytest
import torch

from plaplace.estimators import autodiff, hutchinson, sphere_flux
from plaplace.testing import PROBLEMS, CountedScore, assert_close, check_estimator, contract

BALL = {"target": "ball_mean", "radius": 0.3, "exponents": [1.0, 2.0], "problems": ["waves"]}


def right(score, x, p, *, generator=None, chunk_size=None, directions="frame"):
    return sphere_flux(
        score, x, p, radius=0.3, num_directions=40, directions=directions, generator=generator, chunk_size=chunk_size
    )


def broken(change):
    """`right` with its Estimate changed."""

    def estimator(score, x, p, *, generator=None, chunk_size=None):
        return change(right(score, x, p, generator=generator, chunk_size=chunk_size))

    return estimator


def scaled(value=1.0, error=1.0):
    return broken(lambda e: replace(e, value=value * e.value, standard_error=error * e.standard_error))


def test_a_right_estimator_passes():
    check_estimator(right, repeats=400, **BALL)


def one_power_short(score, x, p, *, generator=None, chunk_size=None):
    """The published code: the cosine scaled by |s|^(p-2), so that p = 2 is p = 1."""
    ps = [p] if isinstance(p, float) else p
    e = right(score, x, [1.0 for _ in ps], generator=generator, chunk_size=chunk_size)
    return replace(e, value=e.value[:, 0], standard_error=e.standard_error[:, 0]) if isinstance(p, float) else e


def shared_with_the_batch(score, x, p, *, generator=None, chunk_size=None):
    e = right(score, x, p, generator=generator, chunk_size=chunk_size)
    return replace(e, value=e.value * (1 + 1e-6 * len(x)))


def chunk_dependent(score, x, p, *, generator=None, chunk_size=None):
    e = right(score, x, p, generator=generator, chunk_size=chunk_size)
    return replace(e, value=e.value * (1 + 1e-6 * (chunk_size or 0)))


def ignores_chunk_size(score, x, p, *, generator=None, chunk_size=None):
    return right(score, x, p, generator=generator)


def ignores_the_seed(score, x, p, *, generator=None, chunk_size=None):
    return right(score, x, p, generator=torch.Generator().manual_seed(0), chunk_size=chunk_size)


def not_reproducible(score, x, p, *, generator=None, chunk_size=None):
    return right(score, x, p, generator=torch.Generator().manual_seed(torch.seed() % 2**31), chunk_size=chunk_size)


def evaluates_twice(score, x, p, *, generator=None, chunk_size=None):
    right(score, x, p, chunk_size=chunk_size)
    return right(score, x, p, generator=generator, chunk_size=chunk_size)


def spreads_nan(score, x, p, *, generator=None, chunk_size=None):
    e = right(score, x, p, generator=generator, chunk_size=chunk_size)
    return replace(e, value=e.value + 0 * e.value.sum())


def hides_nan(score, x, p, *, generator=None, chunk_size=None):
    return right(lambda z: score(z).nan_to_num(1.0), x, p, generator=generator, chunk_size=chunk_size)


def takes_any_p(score, x, p, *, generator=None, chunk_size=None):
    q = max(p, 1.0) if isinstance(p, float) else p
    return right(score, x, q, generator=generator, chunk_size=chunk_size)


def many_p_differ(score, x, p, *, generator=None, chunk_size=None):
    e = right(score, x, p, generator=generator, chunk_size=chunk_size)
    return e if isinstance(p, float) else replace(e, value=e.value * (1 + 1e-6))


def raises(score, x, p, *, generator=None, chunk_size=None):
    raise RuntimeError("out of luck")


@pytest.mark.parametrize(
    ("estimator", "clause", "message"),
    [
        (scaled(value=-1.0), "mean and coverage", "the mean over 60 seeds is .* where the exact value is"),
        (scaled(value=1.01), "mean and coverage", "the mean over 60 seeds"),
        (scaled(value=0.5), "mean and coverage", "off by"),
        (one_power_short, "mean and coverage", "p = 2, the mean over 60 seeds"),
        (scaled(error=0.4), "mean and coverage", "the standard error is too small"),
        (scaled(error=0.0), "mean and coverage", "the standard error is too small"),
        (scaled(error=math.inf), "shapes", "standard_error is infinite"),
        (scaled(error=-1.0), "shapes", "standard_error is negative or NaN"),
        (broken(lambda e: replace(e, value=e.value.double())), "shapes", "value has dtype torch.float64 for x of"),
        (broken(lambda e: replace(e, value=e.value[..., None])), "shapes", "value has shape"),
        (broken(lambda e: replace(e, num_evaluations=20)), "cost", "says 60 evaluations for the batch; 120 were seen"),
        (evaluates_twice, "cost", "says 120 evaluations for the batch; 240 were seen"),
        (chunk_dependent, "chunks", "chunk_size = 1 against None: values differ by"),
        (ignores_chunk_size, "chunks", "chunk_size = 1, but a call had 120 points"),
        (shared_with_the_batch, "rows", "row 0 alone against in a batch: values differ by"),
        (ignores_the_seed, "seeds", "other seeds give the same values"),
        (not_reproducible, "seeds", "the same seed gives other values"),
        (many_p_differ, "many", "alone against many p: values differ by"),
        (spreads_nan, "nonfinite", "a NaN row changes others"),
        (hides_nan, "nonfinite", "a row whose scores are NaN has the value"),
        (broken(lambda e: replace(e, num_nonfinite=0 * e.num_nonfinite)), "nonfinite", "num_nonfinite is 0"),
        (
            broken(lambda e: replace(e, num_nonfinite=1 + e.num_nonfinite)),
            "nonfinite",
            "counts rows whose scores are fin",
        ),
        (takes_any_p, "refuses", "p = 0.5 was accepted"),
        (raises, "shapes", "RuntimeError: out of luck"),
    ],
)
def test_each_way_of_being_wrong_is_named(estimator, clause, message):
    with pytest.raises(AssertionError, match=rf"(?s)breaks its contract.*{clause}, waves, D = 2: .*{message}"):
        check_estimator(estimator, repeats=60, **BALL)


@pytest.mark.parametrize(("factor", "wrong"), [(0.75, "small"), (3.0, "large")])
def test_an_error_off_by_little_is_caught_by_many_seeds(factor, wrong):
    """0.75 covers 86% in place of 95%; 3.0 all of 700, where 98% would have a chance of 7e-7."""
    with pytest.raises(AssertionError, match=f"the standard error is too {wrong}"):
        check_estimator(scaled(error=factor), repeats=700, **BALL)


def test_a_wrong_pointwise_estimator_is_caught_too():
    """The trace in place of the p-Laplacian, and a reverse-mode cost that forgets the products."""
    options = {"target": "pointwise", "repeats": 2}
    check_estimator(autodiff, **options)
    wrong = [lambda score, x, p: autodiff(score, x, [2.0] * len(p) if isinstance(p, list) else 2.0)]
    wrong += [lambda score, x, p: replace(autodiff(score, x, p), num_evaluations=1 + x[0].numel())]
    for estimator, message in zip(wrong, ("p = 1, the mean over 1 seeds", "cost, linear"), strict=True):
        with pytest.raises(AssertionError, match=message):
            check_estimator(estimator, **options)


def test_findings_say_what_was_seen():
    findings = list(contract(partial(hutchinson, num_probes=1), target="pointwise", repeats=5, problems=["waves"]))
    assert all(each.holds for each in findings)
    details = {each.clause: each.detail for each in findings}
    assert details["cost"] == "15 evaluations for 3 points, as stated"
    assert details["mean and coverage"].startswith("the mean over 5 seeds is right at 9 values")
    assert len(findings) == 9


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": "flux"}, "target = 'flux' was given; accepted are 'ball_mean' and 'pointwise'"),
        ({"target": "ball_mean"}, "radius = None was given; the target 'ball_mean' needs the radius"),
        ({"target": "pointwise", "problems": ["cubes"]}, r"problems = \['cubes'\] were given; accepted are \['linear'"),
    ],
)
def test_bad_options_are_a_sentence(options, message):
    with pytest.raises(ValueError, match=message):
        check_estimator(autodiff, **options)


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_jacobians_of_the_problems_are_those_of_their_scores(name):
    problem = PROBLEMS[name]()
    for x, jacobian in zip(problem.points, problem.jacobian, strict=True):
        d = x.numel()
        want = torch.autograd.functional.jacobian(lambda z: problem.score(z[None])[0], x).reshape(d, d)
        assert_close(jacobian, want, scale=want.abs().max())


@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize("radius", [0.3, 1.0])
def test_the_ball_means_of_the_problems_are_means_over_the_ball(name, radius):
    """Against the mean of the pointwise Laplacian at 20,000 points in the ball, 5 standard errors."""
    problem, g = PROBLEMS[name](), torch.Generator().manual_seed(0)
    shape = problem.points.shape[1:]
    inside = torch.randn(20_000, shape.numel(), generator=g).double()
    inside *= torch.rand(20_000, 1, generator=g).double() ** (1 / shape.numel()) / inside.norm(dim=1, keepdim=True)
    for x, mean in zip(problem.points, problem.ball_mean(2.0, radius), strict=True):
        laplacian = autodiff(problem.score, x + radius * inside.reshape(-1, *shape), 2.0).value
        assert abs(laplacian.mean() - mean) <= 5 * laplacian.std() / math.sqrt(20_000) + 1e-12


def test_a_counted_score_counts_forward_passes_and_products_of_both_modes():
    x = torch.ones(4, 3).double()
    for mode in ("reverse", "forward"):
        counted = CountedScore(torch.sin)
        autodiff(counted, x, 1.0, mode=mode)
        assert counted.evaluations == 4 * (1 + 2 * 3)
        assert counted.largest_call == 4


def test_close_means_the_rounding_of_the_less_precise_dtype():
    one = torch.ones(2, dtype=torch.float64)
    assert_close(one + 1e-15, one)
    assert_close((one + 1e-6).float(), one)
    assert_close(one + 1e-12, one, condition=1e3)
    assert_close(one + 1e-10, one, condition=torch.tensor([1e5, 1e6]))
    assert_close(one * 1e-16, 0 * one, scale=1.0)
    assert_close(torch.tensor([math.nan, -math.inf]), torch.tensor([math.nan, -math.inf]))
    with pytest.raises(AssertionError, match=r"flux\[1\] = 1.0000000001 instead of 1: off by 1.0e-10, allowed"):
        assert_close(torch.stack([one[0], one[1] + 1e-10]), one, what="flux")
    with pytest.raises(AssertionError, match="condition 1e\\+03"):
        assert_close(one + 1e-10, one, condition=1e3)
    with pytest.raises(AssertionError, match=r"value has shape \(2,\); expected \(1,\)"):
        assert_close(one, one[:1])
    for bad in (math.nan, math.inf, -math.inf):
        with pytest.raises(AssertionError, match="instead of"):
            assert_close(torch.tensor([bad]), torch.tensor([1.0]))
        with pytest.raises(AssertionError, match="instead of"):
            assert_close(torch.tensor([1.0]), torch.tensor([bad]))
    with pytest.raises(AssertionError, match="instead of"):
        assert_close(torch.tensor([math.inf]), torch.tensor([-math.inf]))
    with pytest.raises(AssertionError, match="instead of 0"):
        assert_close(torch.tensor([1e-30]), torch.tensor([0.0]))
