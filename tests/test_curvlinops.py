"""Hutchinson's relatives against curvlinops, the same products of the same matrix with the same random vectors.

curvlinops knows matrices and no normals: on the side of plaplace the matrix is what `method` sees of the Jacobian of a
linear score, all of it ("plain") or its compression to the tangent space.
"""

import math

import pytest
import torch

pytest.importorskip("curvlinops", reason="the cross-check needs curvlinops-for-pytorch")

from curvlinops import hutchinson_trace, hutchpp_trace, xtrace
from curvlinops.trace import epperly2024xtrace, meyer2020hutch
from curvlinops.trace import hutchinson as girard

from plaplace.estimators import _deflated as deflated
from plaplace.estimators import hutchinson
from plaplace.estimators._jacobian import Frame

D = 20


@pytest.fixture
def matrix():
    g = torch.Generator().manual_seed(0)
    return torch.randn(D, D, generator=g).double() - 3 * torch.eye(D).double()


def rademacher(number, d, seed):
    g = torch.Generator().manual_seed(seed)
    return torch.randint(0, 2, (number, d), generator=g).double() * 2 - 1


def given(monkeypatch, module, vectors):
    """Make curvlinops draw these vectors, one after another."""
    remaining = iter(vectors)
    monkeypatch.setattr(module, "random_vector", lambda *arguments: next(remaining))


def apply_of(matrix):
    return lambda v: (v @ matrix.T).expand(1, *v.shape[-2:])


@pytest.mark.parametrize("number", [2, 3, 5, 9])
def test_xtrace_is_the_same_number(monkeypatch, matrix, number):
    vectors = rademacher(number, D, number)
    given(monkeypatch, epperly2024xtrace, vectors)
    theirs = xtrace(matrix, 2 * number)
    ours = deflated.xtrace(apply_of(matrix), vectors).mean()
    torch.testing.assert_close(ours, theirs, rtol=1e-11, atol=0)


@pytest.mark.parametrize("number", [1, 2, 5])
def test_hutch_plus_plus_is_the_same_number(monkeypatch, matrix, number):
    vectors = rademacher(2 * number, D, number)
    given(monkeypatch, meyer2020hutch, vectors)
    theirs = hutchpp_trace(matrix, 3 * number)
    ours = deflated.hutch_plus_plus(apply_of(matrix), vectors[:number], vectors[number:]).mean()
    torch.testing.assert_close(ours, theirs, rtol=1e-11, atol=0)


def test_the_jackknife_of_xtrace_is_made_of_xtraces_without_one_probe(monkeypatch, matrix):
    """Pseudo-values: mean + (n-1)(mean of x - x_i), x_i = curvlinops' XTrace of all probes but i."""
    vectors = rademacher(5, D, 7)
    leave_one_out = []
    for i in range(5):
        given(monkeypatch, epperly2024xtrace, torch.cat([vectors[:i], vectors[i + 1 :]]))
        leave_one_out.append(xtrace(matrix, 8))
    x = torch.stack(leave_one_out)
    given(monkeypatch, epperly2024xtrace, vectors)
    want = xtrace(matrix, 10) + 4 * (x.mean() - x)
    torch.testing.assert_close(deflated.xtrace(apply_of(matrix), vectors)[0], want, rtol=1e-9, atol=0)


def test_plain_hutchinson_is_the_same_number(monkeypatch, matrix):
    """The whole estimator, p = 2: the probes it draws, handed to curvlinops."""
    x = torch.randn(1, D, generator=torch.Generator().manual_seed(1)).double()
    seen = []
    draw = torch.randint

    def recording(*arguments, **options):
        drawn = draw(*arguments, **options)
        seen.append(drawn)
        return drawn

    monkeypatch.setattr(torch, "randint", recording)
    ours = hutchinson(lambda z: z @ matrix.T, x, 2.0, num_probes=8, method="plain", distribution="rademacher")
    given(monkeypatch, girard, seen[-1].double() * 2 - 1)
    torch.testing.assert_close(ours.value[0], hutchinson_trace(matrix, 8), rtol=1e-11, atol=0)


@pytest.mark.parametrize("method", ["hutch++", "xtrace"])
def test_deflation_in_the_tangent_space_has_the_mean_and_spread_of_curvlinops(matrix, method):
    """200 draws each on the tangential compression: means to 4.5 standard errors, spreads within 33% (5 sigma)."""
    x = torch.randn(1, D, generator=torch.Generator().manual_seed(1)).double()
    score = x @ matrix.T
    frame = Frame.of(score / score.norm())
    basis = frame.tangents(0, D - 1)[0]
    compressed = basis @ matrix @ basis.T
    run, number = (hutchpp_trace, 9) if method == "hutch++" else (xtrace, 8)
    torch.manual_seed(0)
    theirs = torch.stack([run(compressed, number) for _ in range(200)])
    ours = []
    for seed in range(200):
        g = torch.Generator().manual_seed(seed)
        e = hutchinson(
            lambda z: z @ matrix.T, x, 1.0, num_probes=number, method=method, distribution="rademacher", generator=g
        )
        ours.append(e.value[0] * score.norm())
    ours = torch.stack(ours)
    exact = compressed.trace()
    for values in (theirs, ours):
        assert abs(values.mean() - exact) <= 4.5 * values.std() / math.sqrt(200)
    assert 0.67 <= ours.std() / theirs.std() <= 1.5
