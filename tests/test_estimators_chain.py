"""Chains of linear layers and elementwise functions: the short way gives what automatic differentiation gives."""

import itertools
import math

import pytest
import torch
from torch import nn

from plaplace.estimators import _chain, autodiff, hutchinson
from plaplace.estimators._chain import ELEMENTWISE, Chain
from plaplace.testing import assert_close
from tests.estimator_cases import generator

P = [1.0, 1.5, 2.0, 3.0, math.inf]
D = 6


def chain(widths, function=nn.SiLU, bias=True, dtype=torch.float64):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layers = []
        for into, out in itertools.pairwise(widths):
            layers += [nn.Linear(into, out, bias=bias), function()]
        return nn.Sequential(*layers[:-1]).to(dtype)


def points(number=5, dtype=torch.float64):
    return torch.randn(number, D, generator=generator(3), dtype=torch.float64).to(dtype)


def hidden(network):
    """The same score, which nobody can tell to be a chain."""
    return lambda x: network(x)


def same(network, x, estimator, rtol=1e-12, **options):
    short, long = (
        estimator(score, x, P, **options, **({"generator": generator()} if estimator is hutchinson else {}))
        for score in (network, hidden(network))
    )
    assert Chain.at(network, x) is not None
    torch.testing.assert_close(short.value, long.value, rtol=rtol, atol=rtol, equal_nan=True)
    torch.testing.assert_close(short.standard_error, long.standard_error, rtol=1e3 * rtol, atol=rtol, equal_nan=True)
    assert torch.equal(torch.as_tensor(short.num_evaluations), torch.as_tensor(long.num_evaluations))
    assert short.num_nonfinite.tolist() == long.num_nonfinite.tolist()
    return short


@pytest.mark.parametrize("function", ELEMENTWISE, ids=lambda each: each.__name__)
def test_every_function_has_its_slope(function):
    same(chain((D, 9, 7, D), function), points(), autodiff)


@pytest.mark.parametrize("widths", [(D, 9, D), (D, 4, D), (D, 9, 7, 5, D)])
@pytest.mark.parametrize("mode", ["reverse", "forward"])
@pytest.mark.parametrize("bias", [True, False])
def test_depths_widths_and_modes(widths, mode, bias):
    same(chain(widths, bias=bias), points(), autodiff, mode=mode)


@pytest.mark.parametrize("method", ["tangent", "plain", "hutch++", "xtrace"])
@pytest.mark.parametrize("probes", [6, 50])  # 50 make whole frames
def test_hutchinson(method, probes):
    same(chain((D, 9, 7, D)), points(), hutchinson, rtol=1e-10, method=method, num_probes=probes)


def mirrored():
    """W'f(W x): a gradient, whose Jacobian is symmetric, so that v'J and Jv give the same samples of n'Jn."""
    network = chain((D, 9, D))
    with torch.no_grad():
        network[2].weight.copy_(network[0].weight.T)
    return network


def test_plain_probes_of_a_symmetric_jacobian():
    same(mirrored(), points(), hutchinson, rtol=1e-10, method="plain", num_probes=4)


@pytest.mark.parametrize(("method", "network"), [("tangent", chain((D, 9, 7, D))), ("plain", mirrored())])
def test_hutchinson_until_a_tolerance(method, network):
    same(network, points(), hutchinson, method=method, num_probes=8, tolerance=1e-9,
         distribution="gaussian", max_probes=16)  # fmt: skip


def test_float32():
    network = chain((D, 9, 7, D), dtype=torch.float32)
    e = same(network, points(dtype=torch.float32), autodiff, rtol=1e-5)
    assert e.value.dtype == torch.float32


@pytest.mark.parametrize("numbers", [1, 100, 2**30])
def test_parts_change_nothing(monkeypatch, numbers):
    network, x = chain((D, 9, 7, D)), points()
    whole = autodiff(network, x, P).value
    monkeypatch.setattr(_chain, "_NUMBERS", numbers)
    torch.testing.assert_close(autodiff(network, x, P).value, whole, rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(autodiff(network, x, P, chunk_size=2).value, whole, rtol=1e-13, atol=1e-13)
    same(network, x, hutchinson, num_probes=3)


def test_critical_points():
    network, x = chain((D, 9, 7, D)), points()
    with torch.no_grad():
        network[-1].bias -= network(x)[2]
        network[-1].bias -= network(x)[2]  # what rounding left
    e = same(network, x, autodiff)
    jacobian = torch.func.jacrev(network)(x[2])
    assert e.value[2].isnan().tolist() == [True, True, False, False, True]
    assert_close(e.value[2, 2], jacobian.trace().detach(), condition=100)


def test_the_tangential_digits_next_to_a_stiff_normal():
    """As in `test_estimators.py`: tr J is -1e14, the tangential trace -7."""
    n0 = nn.functional.normalize(torch.randn(8, generator=generator(), dtype=torch.float64), dim=0)
    network = nn.Sequential(nn.Linear(8, 9, bias=False), nn.LeakyReLU(1.0), nn.Linear(9, 8, bias=False)).double()
    with torch.no_grad():
        network[0].weight.copy_(torch.cat([n0[None], torch.eye(8)]))
        network[2].weight.copy_(torch.cat([-1e14 * n0[:, None], -torch.eye(8)], 1))
    x = n0[None] * 1.0
    assert Chain.at(network, x) is not None
    assert_close(autodiff(network, x, 1.0).value, torch.tensor([-7e-14], dtype=torch.float64), condition=100)


def test_non_finite_scores_stay_in_their_row():
    x = points()
    x[1, 0] = math.nan
    x[3, 0] = math.inf
    e = same(chain((D, 9, 7, D)), x, autodiff)
    assert e.value.isnan().all(1).tolist() == [False, True, False, True, False]


class Doubled(nn.SiLU):
    def forward(self, x):
        return 2 * super().forward(x)


def _hooked():
    network = chain((D, 9, D))
    network[1].register_forward_hook(lambda module, inputs, output: 2 * output)
    return network


def _parametrised():
    network = chain((D, 9, D))
    nn.utils.parametrizations.weight_norm(network[0])
    return network


def _normed():
    return nn.Sequential(nn.Linear(D, 9), nn.LayerNorm(9), nn.Linear(9, D)).double()


OTHERS = {
    "subclass": lambda: chain((D, 9, D), Doubled),
    "hook": _hooked,
    "parametrised": _parametrised,
    "not elementwise": _normed,
    "in place": lambda: chain((D, 9, D), lambda: nn.ELU(inplace=True)),
    "one linear layer": lambda: chain((D, D)),
    "ends in a function": lambda: nn.Sequential(*chain((D, 9, D)), nn.Tanh()),
    "nested": lambda: nn.Sequential(chain((D, 9, D)), nn.SiLU(), nn.Linear(D, D).double()),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_not_plainly_a_chain_is_differentiated(name):
    network, x = OTHERS[name](), points()
    assert Chain.at(network, x) is None
    trace = torch.stack([torch.func.jacrev(lambda z: network(z[None])[0])(each).trace() for each in x])
    torch.testing.assert_close(autodiff(network, x, 2.0).value, trace.detach(), rtol=1e-11, atol=1e-12)


def test_a_network_of_other_widths_or_types_is_refused_as_ever():
    with pytest.raises(ValueError, match="score returned shape"):
        autodiff(chain((D, 9, D + 1)), points(), 1.0)
    with pytest.raises(RuntimeError):
        autodiff(chain((D, 9, D)), points(dtype=torch.float32), 1.0)
    assert Chain.at(chain((D, 9, D)), points(dtype=torch.float32)) is None


def test_points_that_are_not_vectors_are_differentiated():
    network = chain((2, 9, 2))
    x = torch.randn(3, 5, 2, generator=generator(), dtype=torch.float64)  # the chain acts on the last axis
    torch.testing.assert_close(
        autodiff(network, x, 2.0).value,
        torch.stack([torch.stack([torch.func.jacrev(network)(z).trace() for z in each]).sum() for each in x]).detach(),
        rtol=1e-11,
        atol=0,
    )
