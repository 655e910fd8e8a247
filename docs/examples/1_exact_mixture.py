r"""
A mixture and its ball mean
===========================

A mixture of Gaussians knows its p-Laplacians exactly: at a point, and, in the plane, as the mean over a ball. The mean
tends to the value at the centre with an error that falls as :math:`R^2`.

Three modes in a triangle of side 5, the toy problem of Brokman et al., *Identifying Memorization of Diffusion Models
through p-Laplace Analysis* (2025), `arXiv 2505.08246 <https://arxiv.org/abs/2505.08246>`_.
"""

import math

import matplotlib.pyplot as plt
import torch

from plaplace import GaussianMixture, estimators

angle = math.pi * torch.tensor([1 / 2, 7 / 6, 11 / 6], dtype=torch.float64)
means = 5 / math.sqrt(3) * torch.stack([angle.cos(), angle.sin()], dim=1)
q = GaussianMixture(torch.full((3,), 1 / 3).double(), means, torch.full((3,), 0.1).double())

# %%
# Between two modes, exactly:

x = (means[:1] + means[1:2]) / 2 + torch.tensor([[0.10, 0.15]])
exponents = (1.0, 2.0, 3.0)
exact = q.p_laplacian(x, exponents)[0]
for p, value in zip(exponents, exact.tolist(), strict=True):
    print(f"p = {p:g}: {value:10.4f}")

# %%
# The exact mean over balls of shrinking radius, against the value at their centre: the slope on logarithmic axes is 2.

radii = torch.logspace(-2, math.log10(0.35), 12).tolist()
drawing, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
for p, color, marker in zip(exponents, ("#0072B2", "#000000", "#D55E00"), "os^", strict=True):
    truth = q.p_laplacian(x, p)
    bias = [((q.ball_mean(x, p, r) - truth) / truth).abs().item() for r in radii]
    axes.loglog(radii, bias, color=color, marker=marker, label=f"p = {p:g}")
axes.loglog(radii, [r**2 for r in radii], color="#6b7280", linestyle=":", label="slope 2")
axes.set(xlabel="radius R (length; a mode is 0.32 wide)", ylabel="ball mean against value, relative")
axes.legend()
axes.grid(color="#e3e6ea")

# %%
# What 64 calls of the score say, with a 95% interval. The estimator returns the ball mean, not the value at the centre;
# at R = 0.3 the ball holds the critical point between the modes, and for p = 1 its mean is another number altogether.

g = torch.Generator().manual_seed(0)
for r in (0.3, 0.1, 0.03):
    e = estimators.sphere_flux(q.score, x, 1.0, radius=r, num_directions=64, generator=g)
    low, high = e.interval(0.95)
    mean = q.ball_mean(x, 1.0, r).item()
    print(f"R = {r:4g}: {e.value.item():.4f} in [{low.item():.4f}, {high.item():.4f}], exact mean {mean:.4f}")
print(f"value at the centre: {exact[0].item():.4f}")
