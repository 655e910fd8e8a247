"""Exact Gaussian mixtures dressed up as networks of every kind: what an adapter must undo.

Each formula here starts from the posterior mean `x0 = E[x_0 | x_t]` and `eps = -sigma s` of the mixture itself, at an
alpha and sigma that the test took from the scheduler's own table. The noised mixture knows its score independently.
"""

from types import SimpleNamespace

import torch
from torch import nn

from plaplace import GaussianMixture


def mixture(dimension, seed=0, components=3):
    """A mixture whose components overlap at some levels and stand apart at others."""
    g = torch.Generator().manual_seed(seed)
    means = 0.7 * torch.randn(components, dimension, generator=g, dtype=torch.float64)
    variances = 0.05 + 0.3 * torch.rand(components, dimension, generator=g, dtype=torch.float64)
    weights = torch.rand(components, generator=g, dtype=torch.float64) + 0.2
    return GaussianMixture(weights / weights.sum(), means, variances)


class ExactScore(torch.autograd.Function):
    """The score of a mixture with the derivative that torch needs: its Hessian."""

    @staticmethod
    def forward(ctx, x, q):
        ctx.save_for_backward(x)
        ctx.q = q
        return q.score(x)

    @staticmethod
    def backward(ctx, v):
        (x,) = ctx.saved_tensors
        return torch.einsum("bij,bj->bi", ctx.q.hessian(x), v), None


def predict(kind, q, x, alpha, sigma):
    """What a perfect network of that kind says at x (B, *shape), in the dtype of x, computed in float64."""
    flat = x.double().flatten(1)
    s = ExactScore.apply(flat, q.noised(alpha, sigma))
    eps = -sigma * s
    # the posterior mean by the components themselves where no gradient is asked for; Tweedie is the same otherwise
    clean = (flat + sigma**2 * s) / alpha if flat.requires_grad and alpha > 0 else q.denoise(flat, alpha, sigma)
    says = {
        "epsilon": eps,
        "v": alpha * eps - sigma * clean,
        "sample": clean,
        "velocity": eps - clean,
        "score": s,
    }[kind]
    return says.reshape(x.shape).to(x.dtype)


def rounding(kind, x, score, alpha, sigma):
    """Relative error that rounding the network's output once to the dtype of x brings into the score, per row.

    The score is a sum of the output times `gain` and of x times a number: what cancels between them is lost before any
    adapter sees it.
    """
    x, score = x.double().flatten(1), score.double().flatten(1)
    clean = (x + sigma**2 * score) / max(alpha, 1e-300) if alpha > 0 else torch.zeros_like(x)
    eps = -sigma * score
    output, gain = {
        "epsilon": (eps, 1 / sigma),
        "v": (alpha * eps - sigma * clean, alpha / sigma),
        "sample": (clean, alpha / sigma**2),
        "velocity": (eps - clean, alpha / sigma),
        "score": (score, 1.0),
    }[kind]
    carried = {"v": 1.0, "sample": 1 / sigma**2, "velocity": 1 / sigma}.get(kind, 0.0)
    size = gain * output.norm(dim=1) + carried * x.norm(dim=1)
    return size / score.norm(dim=1)


class DressedUNet(nn.Module):
    """Stands where a `UNet2DModel` or `UNet2DConditionModel` stands: called as the pipelines call them.

    Args:
        kind: what it predicts.
        q: the mixture, or {condition: mixture}; None is the key of the unconditional branch.
        levels: t -> (alpha, sigma).
        shape: of one point.
        which: inputs of the network -> list of keys, one a row.
        variance: whether the output carries a learned variance.
    """

    def __init__(self, kind, q, levels, shape, which=None, variance=False, dtype=torch.float32, **config):
        super().__init__()
        self.kind, self.q, self.levels, self.which, self.variance = kind, q, levels, which, variance
        self.weight = nn.Parameter(torch.zeros((), dtype=dtype))
        self.config = Config(in_channels=shape[0], out_channels=shape[0], sample_size=tuple(shape[1:]), **config)
        self.calls = 0

    @property
    def dtype(self):
        return self.weight.dtype

    @property
    def device(self):
        return self.weight.device

    def forward(self, sample=None, timestep=None, hidden_states=None, return_dict=True, **inputs):
        x = sample if sample is not None else hidden_states
        assert x.dtype == self.dtype, f"the network is {self.dtype} and got {x.dtype}"
        assert timestep.shape == (len(x),)
        self.calls += len(x)
        keys = self.which(**inputs) if self.which else [None] * len(x)
        rows = [
            predict(self.kind, self.q[key] if isinstance(self.q, dict) else self.q, x[i : i + 1], *self.levels(t))
            for i, (key, t) in enumerate(zip(keys, timestep.tolist(), strict=True))
        ]
        output = torch.cat(rows)
        if self.variance:
            output = torch.cat([output, torch.full_like(output, 17.0)], 1)
        return SimpleNamespace(sample=output) if return_dict else (output,)


class Config(dict):
    """A configuration read by name or by key, as diffusers has it."""

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


def relative_error(got, want):
    """Largest |got - want| / |want| over the rows, in float64."""
    got, want = got.double().flatten(1), want.double().flatten(1)
    return (got - want).norm(dim=1) / want.norm(dim=1)


def assert_recovers(model, kind, q, level, truth_level, condition=None, dtype=torch.float64, seed=1, points=3):
    """The score of the adapter is the mixture's own: 1e-10 (float64), 1e-5 (float32), or what one rounding costs."""
    alpha, sigma = truth_level
    g = torch.Generator().manual_seed(seed)
    clean = q.sample(points, g)
    x = (alpha * clean + sigma * torch.randn(clean.shape, generator=g, dtype=clean.dtype)).to(dtype)
    want = q.noised(alpha, sigma).score(x.double())
    got = model.score(x.reshape(points, *model.shape), level, condition)
    assert got.dtype == dtype
    unit = torch.finfo(dtype).eps
    allowed = (4 * unit * rounding(kind, x, want, alpha, sigma)).clamp(min=1e-10 if dtype == torch.float64 else 1e-5)
    error = relative_error(got, want)
    assert bool((error <= allowed).all()), (
        f"{kind} at {level}: relative errors {error.tolist()}, allowed {allowed.tolist()}"
    )
    return error.max().item()
