"""Scores that are hard to differentiate, bad input, and what the standard error says it covers."""

import math
from functools import partial

import pytest
import torch

from plaplace.estimators import autodiff, ball_volume, finite_difference, hutchinson, sphere_flux
from plaplace.testing import assert_close
from tests.estimator_cases import eight, generator


class Attention(torch.nn.Module):
    """A small attention network, row by row: what forward mode fails on unless its attention runs in plain form."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.norm = torch.nn.GroupNorm(2, 4)
        self.qkv = torch.nn.Linear(4, 12)
        self.out = torch.nn.Linear(4, 4)

    def forward(self, x):  # (B, 4, 3, 3)
        tokens = self.norm(x).flatten(2).transpose(1, 2)
        q, k, v = self.qkv(tokens)[:, None].chunk(3, -1)  # one head: (B, 1, 9, 4) takes the fused kernel
        mixed = torch.nn.functional.scaled_dot_product_attention(q, k, v)[:, 0]
        return -x + self.out(mixed).transpose(1, 2).reshape(x.shape)


def test_forward_and_reverse_mode_agree_on_attention():
    network, x = Attention().double(), torch.randn(3, 4, 3, 3, generator=generator()).double()
    reverse = autodiff(network, x, [1.0, 2.0])
    for other in (autodiff(network, x, [1.0, 2.0], mode="forward"), finite_difference(network, x, [1.0, 2.0])):
        torch.testing.assert_close(other.value, reverse.value, rtol=1e-7, atol=1e-9)
    assert all(parameter.grad is None for parameter in network.parameters())


def test_scores_without_a_graph_are_refused_in_reverse_mode_only():
    @torch.no_grad()
    def score(z):
        return -(z**3)

    x, weight = torch.ones(2, 3).double(), torch.ones(3).double().requires_grad_()
    for estimator in (autodiff, hutchinson):
        with pytest.raises(ValueError, match=r"score has no graph.*forward.*finite_difference"):
            estimator(score, x, 1.0)
        torch.testing.assert_close(estimator(score, x, 2.0, mode="forward").value, torch.full((2,), -9.0).double())
        with pytest.raises(ValueError, match="graph that does not reach x"):
            estimator(lambda z: z.detach() * weight, x, 1.0)
        with pytest.raises(ValueError, match="no forward-mode derivative"):
            estimator(lambda z: z.detach() * 2, x, 1.0, mode="forward")


def test_energy_scores_that_differentiate_inside_work():
    def score(z):
        with torch.enable_grad():
            z = z if z.requires_grad else z.detach().requires_grad_()
            return torch.autograd.grad(-(z**4).sum() / 4, z, create_graph=True)[0]

    x = torch.tensor([[1.0, 2.0]]).double()
    assert_close(autodiff(score, x, 2.0).value, torch.tensor([-15.0]).double())
    assert sphere_flux(score, x, 2.0, radius=1e-3, num_directions=4).value.item() == pytest.approx(-15, abs=1e-4)


def ok(z):
    return -z


X = torch.ones(2, 4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sphere_flux(ok, X, 0.5, radius=1.0), r"p = 0.5 was given"),
        (lambda: sphere_flux(ok, X, [], radius=1.0), r"p is an empty sequence"),
        (lambda: sphere_flux(ok, X, math.inf, radius=1.0), r"p = inf was given; .*use autodiff"),
        (lambda: ball_volume(ok, X, [1.0, math.inf], radius=1.0), r"p = inf was given"),
        (lambda: sphere_flux(ok, X, 1.0, radius=0.0), r"radius = 0.0 was given; it must be finite and > 0"),
        (lambda: sphere_flux(ok, X, 1.0, radius=math.nan), r"radius = nan was given"),
        (
            lambda: sphere_flux(ok, X, 1.0, radius=1.0, directions="frames"),
            r"directions = 'frames' was given; accepted",
        ),
        (lambda: sphere_flux(ok, X, 1.0, radius=1.0, directions="x", tolerance=1.0), r"directions = 'x' was given"),
        (lambda: sphere_flux(ok, X, 1.0, radius=1.0, num_directions=7), r"num_directions = 7 was given; .*even"),
        (lambda: sphere_flux(ok, X, 1.0, radius=1.0, num_directions=0), r"num_directions = 0 was given; at least 1"),
        (lambda: sphere_flux(ok, X, 1.0, radius=1.0, tolerance=-1.0), r"tolerance = -1.0 was given"),
        (lambda: sphere_flux(ok, X, 1.0, radius=1.0, tolerance=1.0, num_directions=8), r"at least 16 directions"),
        (
            lambda: sphere_flux(ok, X, 1.0, radius=1.0, tolerance=1.0, max_directions=8),
            r"max_directions = 8 was given; it must be at least 64",
        ),
        (lambda: sphere_flux(ok, X, 1.0, radius=1.0, chunk_size=0), r"chunk_size = 0 was given; it must be at least 1"),
        (lambda: sphere_flux(ok, X[0], 1.0, radius=1.0), r"x has shape \(4,\); the points have shape \(B, \*shape\)"),
        (lambda: sphere_flux(ok, X.int(), 1.0, radius=1.0), r"x has dtype torch.int32"),
        (lambda: autodiff(lambda z: z[:, :2], X, 1.0), r"score returned shape \(2, 2\) for points of shape \(2, 4\)"),
        (lambda: autodiff(ok, X, 1.0, eps=-1.0), r"eps = -1.0 was given"),
        (lambda: autodiff(ok, X, 1.0, mode="both"), r"mode = 'both' was given; accepted are 'reverse' and 'forward'"),
        (lambda: finite_difference(ok, X, 1.0, step=0.0), r"step = 0.0 was given"),
        (lambda: ball_volume(ok, X, 1.0, radius=1.0, num_axes=5), r"num_axes = 5 was given; .*1 to 4 axes"),
        (lambda: ball_volume(ok, X, 1.0, radius=1.0, num_points=0), r"num_points = 0 was given"),
        (lambda: hutchinson(ok, X, 1.0, method="slq"), r"method = 'slq' was given; accepted are 'tangent', .*'xtrace'"),
        (lambda: hutchinson(ok, X, 1.0, distribution="cube"), r"distribution = 'cube' was given; accepted are 'ortho"),
        (lambda: hutchinson(ok, X, 1.0, method="xtrace", distribution="orthonormal"), r"must be independent"),
        (lambda: hutchinson(ok, X, 1.0, method="xtrace", num_probes=7), r"num_probes = 7 was given; .*even"),
        (lambda: hutchinson(ok, X, 1.0, method="hutch++", num_probes=2), r"num_probes = 2 was given; .*at least 3"),
        (lambda: hutchinson(ok, X, 1.0, tolerance=1.0, num_probes=4), r"at least 8 probes a round"),
        (lambda: hutchinson(ok, X, 1.0, tolerance=1.0, method="xtrace"), r"it takes the methods 'tangent' and 'plain'"),
    ],
)
def test_bad_input_is_a_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_wrong_types_are_a_sentence():
    with pytest.raises(TypeError, match="x is a ndarray; the points must be a torch tensor"):
        autodiff(ok, X.numpy(), 1.0)
    with pytest.raises(TypeError, match="score = 3 was given; it must be a callable"):
        autodiff(3, X, 1.0)
    with pytest.raises(TypeError, match="score returned NoneType"):
        autodiff(lambda z: None, X, 1.0)
    with pytest.raises(TypeError, match=r"num_probes = 2.5 was given; it must be an integer"):
        hutchinson(ok, X, 1.0, num_probes=2.5)


def test_what_the_error_covers_is_said():
    q, x = eight()
    run = partial(sphere_flux, q.score, x, 1.0, radius=0.1)
    assert "16 frames" in sphere_flux(ok, X[:, :2], 1.0, radius=0.1).covers
    assert "whole frame of D = 8 axes; not what curvature adds" in run(num_directions=16).covers
    assert "4 axes of one frame of D = 8; not what curvature adds" in run(num_directions=8).covers
    assert "no spread" in run(num_directions=2).covers
    assert (run(num_directions=2).standard_error == math.inf).all()
    assert "whole frame of probes gives the trace exactly" in hutchinson(q.score, x, 1.0).covers
    assert "exact" in autodiff(q.score, x, 1.0).covers
