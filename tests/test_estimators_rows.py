"""Rows of one call: shapes, dtypes, chunks, generators, and non-finite scores that stay where they are."""

import math
from functools import partial

import pytest
import torch

from plaplace.estimators import ESTIMATORS, sphere_flux
from plaplace.testing import CountedScore
from tests.estimator_cases import EVERY, eight, generator, shaped


@pytest.mark.parametrize("name", ESTIMATORS)
def test_shapes_dtypes_and_many_p(name):
    q, x = eight()
    x = x.reshape(5, 2, 1, 4)
    for dtype, score in ((torch.float64, shaped(q)), (torch.float32, lambda z: shaped(q)(z.double()).float())):
        seed = {"generator": generator()} if name in ("sphere_flux", "ball_volume", "hutchinson") else {}
        many = EVERY[name](score, x.to(dtype), [1.0, 2.0], **seed)
        assert many.value.shape == many.standard_error.shape == (5, 2)
        assert many.value.dtype == many.standard_error.dtype == dtype
        seed = {"generator": generator()} if seed else {}
        one = EVERY[name](score, x.to(dtype), 1.0, **seed)
        assert one.value.shape == one.standard_error.shape == one.num_nonfinite.shape == (5,)
        torch.testing.assert_close(one.value, many.value[:, 0])
        empty = EVERY[name](score, x[:0].to(dtype), [1.0, 2.0])
        assert empty.value.shape == empty.standard_error.shape == (0, 2)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_half_precision_points_are_accumulated_in_full(name):
    x = torch.ones(2, 4, dtype=torch.bfloat16)
    e = EVERY[name](lambda z: -z, x, 2.0)
    assert e.value.dtype == torch.float32
    assert (e.value + 4).abs().max() < 1.5


@pytest.mark.parametrize("kind", ["frame", "orthonormal"])
def test_float32_sees_the_directions_of_float64(kind):
    q, x = eight()
    run = partial(sphere_flux, p=[1.0, 2.0], radius=0.5, num_directions=32, directions=kind)
    wide = run(q.score, x, generator=generator())
    narrow = run(lambda z: q.score(z.double()).float(), x.float(), generator=generator())
    torch.testing.assert_close(narrow.value.double(), wide.value, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("chunk_size", [1, 3, 16, 10**9])
def test_chunks_change_nothing(name, chunk_size):
    q, x = eight()
    run = partial(EVERY[name], p=[1.0, 3.0])
    seed = {"generator": generator()} if name in ("sphere_flux", "ball_volume", "hutchinson") else {}
    whole = run(q.score, x, **seed)
    seed = {"generator": generator()} if seed else {}
    counted = CountedScore(q.score)
    parts = run(counted, x, chunk_size=chunk_size, **seed)
    torch.testing.assert_close(parts.value, whole.value, rtol=1e-9, atol=0)
    torch.testing.assert_close(parts.standard_error, whole.standard_error, rtol=1e-7, atol=1e-12)
    assert counted.largest_call <= chunk_size
    assert counted.evaluations == 5 * parts.num_evaluations == 5 * whole.num_evaluations


@pytest.mark.parametrize(
    ("name", "many"), [("sphere_flux", "num_directions"), ("ball_volume", "num_points"), ("hutchinson", "num_probes")]
)
def test_one_call_takes_one_number_of_the_generator(name, many):
    after = []
    for number in (2, 8):
        g = generator()
        EVERY[name](lambda z: -z, torch.ones(4, 9).double(), 1.0, generator=g, **{many: number})
        after.append(torch.rand(1, generator=g))
    assert torch.equal(*after)
    torch.manual_seed(3)
    first = EVERY[name](torch.sin, torch.ones(4, 3).double(), 1.0)
    torch.manual_seed(3)
    assert torch.equal(first.value, EVERY[name](torch.sin, torch.ones(4, 3).double(), 1.0).value)


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_non_finite_scores_stay_in_their_row_and_are_counted(name, bad):
    def score(z):
        return torch.where(z[:, :1] > 50, bad, 1.0) * -z

    x = torch.tensor([[1.0, 2.0, 0.5], [99.0, 1.0, 0.0], [0.3, 0.0, -1.0]]).double()
    e = EVERY[name](score, x, [1.0, 2.0])
    assert e.value[1].isnan().all()
    assert e.standard_error[1].isnan().all()
    assert e.value[[0, 2]].isfinite().all()
    assert e.num_nonfinite.tolist()[0::2] == [0, 0]
    assert e.num_nonfinite[1] > 0
    if name in ("sphere_flux", "ball_volume", "finite_difference"):
        assert e.num_nonfinite[1] == e.num_evaluations


def test_an_infinite_score_is_no_infinite_value():
    e = sphere_flux(lambda z: z * math.inf, torch.ones(1, 1), 2.0, radius=0.1, num_directions=1, directions="iid")
    assert e.value.isnan()
    assert e.standard_error.isnan()


def test_a_bad_centre_spoils_the_kind_that_uses_it_and_counts_once():
    def score(z):
        return torch.where(z.abs().sum(1, keepdim=True) == 0, math.inf, -z)

    x = torch.tensor([[0.0, 0.0], [1.0, 0.0]]).double()
    run = partial(sphere_flux, score, x, 2.0, radius=0.1, num_directions=32)
    for options in ({}, {"tolerance": 1.0}):
        e = run(directions="orthonormal", **options)
        assert e.value.isnan().tolist() == [True, False]
        assert e.num_nonfinite.tolist() == [1, 0]
    assert run(directions="frame").value.isfinite().all()


def test_one_bad_probe_is_enough():
    def score(z):
        return torch.where((z[:, :1] > 1.09) & (z[:, 1:2] > -1), math.nan, -1.0) * z

    x = torch.tensor([[1.0, 0.0], [0.0, 0.0]]).double()
    e = sphere_flux(score, x, 2.0, radius=0.1, num_directions=64, generator=generator())
    assert 0 < e.num_nonfinite[0] < 64
    assert e.value[0].isnan()
    assert e.value[1] == pytest.approx(-2)
