"""How much a value can move when its inputs are rounded: the yardstick of every tolerance in these tests."""

import torch

from plaplace import GaussianMixture, LowRank

EPS = torch.finfo(torch.float64).eps


def leaves(weights, means, covariances):
    parts = [covariances.isotropic, covariances.factors] if isinstance(covariances, LowRank) else [covariances]
    return [tensor.detach().clone().requires_grad_() for tensor in (weights, means, *parts)]


def build(tensors):
    weights, means, *rest = tensors
    # low rank as a full matrix: the same value, and differentiable in the factors at any rank
    return GaussianMixture(weights, means, LowRank(*rest).dense() if len(rest) == 2 else rest[0])


def absolute_condition(parameters, x, function):
    """`sum |a|_max |dv/da|` over every entry a of point and parameters, per row of x: (B,).

    The normwise form, an upper bound of the componentwise one: rotations and sums round relative to the largest entry.
    """
    tensors = leaves(*parameters)
    conditions = []
    for row in x:
        point = row[None].detach().clone().requires_grad_()
        value = function(build(tensors), point).sum()
        gradients = torch.autograd.grad(value, [point, *tensors], allow_unused=True)
        conditions.append(
            sum(
                float(gradient.abs().sum() * tensor.detach().abs().max())
                for gradient, tensor in zip(gradients, [point, *tensors], strict=True)
                if gradient is not None
            )
        )
    return torch.tensor(conditions, dtype=torch.float64)


def assert_agree(got, want, condition, roundings=1000.0, eps=EPS, what="value"):
    """|got - want| <= roundings x eps x (|want| + absolute condition), entry by entry, with the worst one told."""
    got, want = got.double(), want.double()
    limit = roundings * eps * (want.abs() + condition)
    excess = ((got - want).abs() / limit).nan_to_num(0.0 if torch.equal(got, want) else torch.inf)
    worst = int(excess.argmax())
    assert bool(((got - want).abs() <= limit).all()), (
        f"{what} {worst}: got {got.flatten()[worst].item():.17g}, expected {want.flatten()[worst].item():.17g}, "
        f"{excess.flatten()[worst].item():.3g} times the limit of {roundings:g} roundings"
    )
