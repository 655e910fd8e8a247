"""Drawing until the standard error is small enough, row by row."""

import math
from functools import partial

import pytest
import torch

from plaplace.directions import summarise
from plaplace.estimators import autodiff, hutchinson, sphere_flux
from plaplace.estimators._sequential import until
from plaplace.testing import CountedScore
from tests.estimator_cases import eight, generator


@pytest.mark.parametrize("kind", ["iid", "antithetic", "frame", "orthonormal", "sobol"])
def test_flux_under_a_tolerance(kind):
    q, x = eight()
    counted = CountedScore(q.score)
    run = partial(sphere_flux, p=[1.0, 2.0], radius=2.0, directions=kind, num_directions=32, max_directions=1024)
    first = run(q.score, x, tolerance=1e9, generator=generator())
    # frames: 8 whole ones of D = 8 rather than 8 pairs of axes
    assert first.num_evaluations.tolist() == [{"frame": 128, "orthonormal": 65}.get(kind, 32)] * 5
    tolerance = 0.7 * first.standard_error.amax(1).median().item()
    e = run(counted, x, tolerance=tolerance, generator=generator())
    assert counted.evaluations == e.num_evaluations.sum()
    assert e.num_evaluations.shape == e.degrees_of_freedom.shape == (5,)
    done = (e.standard_error <= tolerance).all(1)
    assert (done | (e.num_evaluations >= 1024)).all()
    assert e.num_evaluations.unique().numel() > 1
    assert e.interval()[0].shape == (5, 2)
    for i in (0, 4):  # a row depends on itself alone
        alone = run(q.score, x[i : i + 1], tolerance=tolerance, generator=generator(), chunk_size=7)
        torch.testing.assert_close(alone.value[0], e.value[i], rtol=1e-9, atol=0)
        assert alone.num_evaluations[0] == e.num_evaluations[i]


@pytest.mark.parametrize("mode", ["reverse", "forward"])
@pytest.mark.parametrize(("distribution", "method"), [("orthonormal", "tangent"), ("sphere", "plain")])
def test_hutchinson_under_a_tolerance(mode, distribution, method):
    a = torch.linspace(0.5, 2.0, 40).double()
    x = torch.randn(4, 40, generator=generator()).double() * torch.tensor([[0.1], [1.0], [1.0], [3.0]]).double()

    def score(z):
        return -a * z - z**3 / 10

    counted = CountedScore(score)
    run = partial(hutchinson, p=[1.0, 2.0], num_probes=8, distribution=distribution, method=method, mode=mode)
    e = run(counted, x, tolerance=0.9, generator=generator(), max_probes=200)
    assert counted.evaluations == e.num_evaluations.sum()
    exact = autodiff(score, x, [1.0, 2.0]).value
    whole = e.degrees_of_freedom == math.inf
    first = 1 if method == "plain" else 3  # and the product along n
    assert ((e.standard_error <= 0.9).all(1) | (e.num_evaluations >= first + 2 * 200)).all()
    assert e.num_evaluations.unique().numel() > 1
    assert ((e.value - exact).abs() <= 5 * e.standard_error + 1e-9).all()
    torch.testing.assert_close(e.value[whole], exact[whole])
    alone = run(score, x[3:], tolerance=0.9, generator=generator(), max_probes=200, chunk_size=1)
    torch.testing.assert_close(alone.value[0], e.value[3])
    assert alone.num_evaluations[0] == e.num_evaluations[3]


@pytest.mark.parametrize(
    ("p", "method", "distribution"),
    [
        (1.0, "tangent", "orthonormal"),
        (1.0, "tangent", "gaussian"),
        (2.0, "plain", "orthonormal"),
        (2.0, "plain", "sphere"),
        (3.0, "plain", "orthonormal"),
        (1.0, "plain", "gaussian"),
    ],
)
def test_hutchinson_under_a_tolerance_without_the_product_along_n(p, method, distribution):
    a, x = torch.linspace(0.5, 2.0, 40).double(), torch.randn(4, 40, generator=generator()).double()
    counted = CountedScore(lambda z: -a * z - z**3 / 10)
    run = partial(hutchinson, x=x, num_probes=8, distribution=distribution, method=method, tolerance=0.9)
    e = run(counted, p=p, generator=generator(), max_probes=96)
    assert counted.evaluations == e.num_evaluations.sum()
    assert (e.num_evaluations >= 1 + 16).all()
    among = run(counted, p=[p, p], generator=generator(), max_probes=96)
    assert torch.equal(among.value[:, 0], e.value)
    exact = autodiff(counted, x, p).value
    assert ((e.value - exact).abs() <= 5 * e.standard_error + 1e-9).all()
    with_product = run(counted, p=[p, 3.0, math.inf], generator=generator(), max_probes=8)
    assert (with_product.num_evaluations == 3 + 16).all()
    without = run(counted, p=p, generator=generator(), max_probes=8)
    assert (without.num_evaluations == 1 + 16).all()
    torch.testing.assert_close(without.value, with_product.value[:, 0])
    torch.testing.assert_close(without.standard_error, with_product.standard_error[:, 0])


@pytest.mark.parametrize("population", [None, 24])
def test_rounds_give_the_summary_of_all_their_blocks(population):
    """Drawing 8 blocks at a time is summarising all of them, row by row up to where each stopped."""
    values = torch.randn(3, 24, 2, generator=generator()).double() * torch.tensor([1.0, 3.0, 30.0])[:, None, None]
    values[2, 20] = math.nan
    start = 0

    def round_of(active):
        nonlocal start
        start += 8
        part = values[active, start - 8 : start]
        return part, (~part.isfinite()).any(-1).sum(1)

    got = until(round_of, 3, 2, 0.8, 3, torch.device("cpu"), population)
    assert got.blocks[2] == 24
    assert got.nonfinite.tolist() == [0, 0, 1]
    assert got.blocks[0] == 8 < got.blocks[1]
    for row in (0, 1):
        n = int(got.blocks[row])
        seen = values[row : row + 1, :n]
        want = summarise(seen, (1,) * n) if population is None else summarise(seen, (n,), population)
        torch.testing.assert_close(got.mean[row], want.mean[0])
        torch.testing.assert_close(got.standard_error[row], want.standard_error[0])
        assert got.rounds[row] == n // 8
        assert (got.standard_error[row] <= 0.8).all()


def test_a_tolerance_ends_at_a_row_without_a_value_and_at_the_cap():
    x = torch.stack([torch.zeros(20), torch.ones(20)]).double()
    a = torch.linspace(1, 9, 20).double()
    for distribution in ("orthonormal", "rademacher"):
        e = hutchinson(
            lambda z: -a * z,
            x,
            1.0,
            num_probes=8,
            distribution=distribution,
            tolerance=1e-9,
            max_probes=16,
            generator=generator(),
        )
        assert e.value[0].isnan()
        assert e.num_evaluations[0] == 1 + 16
    capped = sphere_flux(torch.sin, x, 1.0, radius=1.0, num_directions=32, tolerance=1e-12, max_directions=64)
    assert capped.num_evaluations.tolist() == [64, 64]
