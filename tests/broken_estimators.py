"""Estimators as other people write them, one right and each of the others wrong in one way: for `plaplace verify`."""

import math

import torch


def _unit(shape, generator):
    n = torch.randn(shape, generator=generator, dtype=torch.float64)
    return n / n.norm(dim=-1, keepdim=True)


def _flux(score, x, p, radius, n):
    """|s|^(p-2) s.n at x + R n for n of shape (B, m, D) or (m, D): (B, m)."""
    shape = (len(x), n.shape[-2], *x.shape[1:])
    around = x[:, None] + radius * n.expand(len(x), -1, -1).reshape(shape).to(x)
    s = score(around.flatten(0, 1)).reshape(len(x), n.shape[-2], -1)
    return s.norm(dim=-1) ** (p - 2) * (s * n.to(x)).sum(-1)


def _answer(flux, factor):
    return factor * flux.mean(1), abs(factor) * flux.std(1) / math.sqrt(flux.shape[1])


def _usual(score, x, p, radius, num_directions, generator, factor):
    d = x[0].numel()
    return _answer(_flux(score, x, p, radius, _unit((len(x), num_directions, d), generator)), factor * d / radius)


def right(score, x, p, radius, num_directions=64, generator=None):
    return _usual(score, x, p, radius, num_directions, generator, 1.0)


def asks_twice(score, x, p, radius, num_directions=64, generator=None):
    """Right, and twice as dear as it need be."""
    n = _unit((len(x), num_directions, x[0].numel()), generator)
    return _answer((_flux(score, x, p, radius, n) + _flux(score, x, p, radius, n)) / 2, x[0].numel() / radius)


def rule(score, x, p, radius):
    """A fixed rule instead of random directions; right in the plane, and for linear scores at p = 2."""
    d = x[0].numel()
    angle = 2 * math.pi * torch.arange(512, dtype=torch.float64) / 512
    n = torch.stack([angle.cos(), angle.sin()], 1) if d == 2 else torch.cat([torch.eye(d), -torch.eye(d)]).double()
    return d / radius * _flux(score, x, p, radius, n).mean(1)


def sign(score, x, p, radius, num_directions=64, generator=None):
    return _usual(score, x, p, radius, num_directions, generator, -1.0)


def factor(score, x, p, radius, num_directions=64, generator=None):
    return _usual(score, x, p, radius, num_directions, generator, radius / x[0].numel())


def biased_directions(score, x, p, radius, num_directions=64, generator=None):
    d = x[0].numel()
    n = torch.rand(len(x), num_directions, d, generator=generator, dtype=torch.float64)
    return _answer(_flux(score, x, p, radius, n / n.norm(dim=-1, keepdim=True)), d / radius)


def cube_directions(score, x, p, radius, num_directions=64, generator=None):
    d = x[0].numel()
    n = 2 * torch.rand(len(x), num_directions, d, generator=generator, dtype=torch.float64) - 1
    return _answer(_flux(score, x, p, radius, n / n.norm(dim=-1, keepdim=True)), d / radius)


def reused_noise(score, x, p, radius, num_directions=64, generator=None):
    d = x[0].numel()
    n = _unit((len(x), num_directions, d), torch.Generator().manual_seed(0))
    return _answer(_flux(score, x, p, radius, n), d / radius)


def repeated_noise(score, x, p, radius, num_directions=64, generator=None):
    d = x[0].numel()
    n = _unit((len(x), num_directions // 4, d), generator).repeat(1, 4, 1)
    return _answer(_flux(score, x, p, radius, n), d / radius)


def pairs_counted_twice(score, x, p, radius, num_directions=64, generator=None):
    """Antithetic pairs whose means enter the standard error as if both members were independent."""
    d = x[0].numel()
    n = _unit((len(x), num_directions // 2, d), generator)
    pair = (_flux(score, x, p, radius, n) + _flux(score, x, p, radius, -n)) / 2
    return _answer(torch.cat([pair, pair], 1), d / radius)


def error_of_one_direction(score, x, p, radius, num_directions=64, generator=None):
    value, error = right(score, x, p, radius, num_directions, generator)
    return value, error * math.sqrt(num_directions)


def swapped_axes(score, x, p, radius, num_directions=64, generator=None):
    """Points and directions are flattened in one order and read back in the other."""
    d = x[0].numel()
    n = _unit((num_directions, d), generator)
    around = (x.reshape(-1, 1, d) + radius * n.to(x)).reshape(-1, *x.shape[1:])
    s = score(around).reshape(num_directions, len(x), d)
    flux = s.norm(dim=-1) ** (p - 2) * (s * n[:, None].to(x)).sum(-1)
    return _answer(flux.mT, d / radius)


def mean_over_the_batch(score, x, p, radius, num_directions=64, generator=None):
    d = x[0].numel()
    flux = _flux(score, x, p, radius, _unit((len(x), num_directions, d), generator))
    value, error = _answer(flux, d / radius)
    return value.mean().expand(len(x)), error


def half_precision(score, x, p, radius, num_directions=64, generator=None):
    d = x[0].numel()
    n = _unit((len(x), num_directions, d), generator)
    around = x[:, None] + radius * n.reshape(len(x), num_directions, *x.shape[1:])
    s = score(around.flatten(0, 1)).reshape(len(x), num_directions, d)
    norm = s.norm(dim=-1)
    cosine = ((s / norm[..., None]).half() * n.half()).sum(-1).to(x)
    return _answer(norm ** (p - 1) * cosine, d / radius)


def wrong_p(score, x, p, radius, num_directions=64, generator=None):
    """|s|^(p-1) where |s|^(p-2) belongs."""
    return right(score, x, p + 1, radius, num_directions, generator)


def one_dimension_short(score, x, p, radius, num_directions=64, generator=None):
    d = x[0].numel()
    return _usual(score, x, p, radius, num_directions, generator, (d - 1) / d)


def rounded_p(score, x, p, radius, num_directions=64, generator=None):
    return right(score, x, int(p), radius, num_directions, generator)


def error_of_the_batch(score, x, p, radius, num_directions=64, generator=None):
    value, error = right(score, x, p, radius, num_directions, generator)
    return value, error.mean().expand(len(x))


def norm_over_the_last_axis(score, x, p, radius, num_directions=64, generator=None):
    """Right for points of shape (D,), wrong for images."""
    d = x[0].numel()
    n = _unit((len(x), num_directions, d), generator)
    around = x[:, None] + radius * n.reshape(len(x), num_directions, *x.shape[1:])
    s = score(around.flatten(0, 1))
    field = (s.norm(dim=-1, keepdim=True) ** (p - 2) * s).reshape(len(x), num_directions, d)
    return _answer((field * n.to(x)).sum(-1), d / radius)


def changes_its_input(score, x, p, radius, num_directions=64, generator=None):
    out = right(score, x, p, radius, num_directions, generator)
    x += radius
    return out


def eight_rows(score, x, p, radius, num_directions=64, generator=None):
    value, error = right(score, x, p, radius, num_directions, generator)
    return torch.where(torch.arange(len(x)) < 8, value, 0.0), error


def two_seeds(score, x, p, radius, num_directions=64, seed=0):
    return right(score, x, p, radius, num_directions, torch.Generator().manual_seed(seed % 2))


def never_twice(score, x, p, radius, num_directions=64, generator=None):
    return right(score, x, p, radius, num_directions, _ENTROPY)


_ENTROPY = torch.Generator().manual_seed(11)


def wrong_radius(score, x, p, radius, num_directions=64, generator=None):
    d = x[0].numel()
    n = _unit((len(x), num_directions, d), generator)
    return _answer(_flux(score, x, p, 2 * radius, n), d / radius)


def published(score, x, p, radius, num_directions=128, generator=None):
    """The p-Laplace paper's boundary estimator as its released code behaves, restated: one power of |s| short for
    p other than 1, no D/R, products in half precision."""
    d = x[0].numel()
    n = _unit((len(x), num_directions, d), generator)
    around = x[:, None] + radius * n.reshape(len(x), num_directions, *x.shape[1:])
    s = score(around.flatten(0, 1)).reshape(len(x), num_directions, d)
    norm = s.norm(dim=-1)
    cosine = ((s / norm[..., None]).half() * n.half()).sum(-1).to(x)
    return (cosine if p == 1 else norm ** (p - 2) * cosine).mean(1)


def detached_norm(score, x, p):
    """The divergence of |s|^(p-2) s with |s| taken for a constant."""
    return _divergence(score, x, p, detach=True)


def attached(score, x, p):
    return _divergence(score, x, p, detach=False)


def _divergence(score, x, p, detach):
    points = x.detach().clone().requires_grad_(True)
    s = score(points).flatten(1)
    norm = s.norm(dim=1, keepdim=True)
    field = (norm.detach() if detach else norm) ** (p - 2) * s
    columns = []
    for i in range(field.shape[1]):
        (gradient,) = torch.autograd.grad(field[:, i].sum(), points, retain_graph=True)
        columns.append(gradient.flatten(1)[:, i])
    return torch.stack(columns).sum(0)


def detached_graph(score, x, p):
    """The score is detached before it is differentiated."""
    points = x.detach().clone().requires_grad_(True)
    s = score(points).detach().flatten(1)
    field = s.norm(dim=1, keepdim=True) ** (p - 2) * s
    (gradient,) = torch.autograd.grad(field.sum(), points)
    return gradient.flatten(1).sum(1)


def one_sided(score, x, p, step=1e-3):
    """Forward differences of the flux field: a bias of first order."""
    shape, flat = x.shape, x.flatten(1)

    def field(points):
        s = score(points.reshape(shape)).flatten(1)
        return s.norm(dim=1, keepdim=True) ** (p - 2) * s

    base, total = field(flat), 0.0
    for i in range(flat.shape[1]):
        moved = flat.clone()
        moved[:, i] += step
        total = total + (field(moved) - base)[:, i] / step
    return total
