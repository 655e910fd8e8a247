"""
Your own network as a model
===========================

A noise predictor as any DDPM code has it, ``eps_hat(x, t)`` with a table of ``alphas_cumprod``, trained here by
a few lines of plain torch, becomes a score model in one line.
"""

import matplotlib.pyplot as plt
import torch
from torch import nn

from plaplace import GaussianMixture, estimators, models, noise

torch.set_num_threads(1)
torch.manual_seed(0)
truth = GaussianMixture(torch.tensor([0.5, 0.5]), torch.tensor([[-1.0, 0.0], [1.0, 0.5]]), torch.tensor([0.1, 0.2]))
alphas_cumprod = noise.linear(100, 0.02, 0.2).alphas.square()
network = nn.Sequential(nn.Linear(3, 128), nn.SiLU(), nn.Linear(128, 128), nn.SiLU(), nn.Linear(128, 2))


def eps_hat(x, t):
    return network(torch.cat([x, t[:, None].to(x) / 100], dim=1))


optimiser = torch.optim.Adam(network.parameters(), lr=2e-3)
g = torch.Generator().manual_seed(0)
for _step in range(2500):
    x0, t = truth.sample(256, g), torch.randint(100, (256,), generator=g)
    alpha = alphas_cumprod[t].sqrt().float()[:, None]
    eps = torch.randn(x0.shape, generator=g)
    loss = (eps_hat(alpha * x0 + (1 - alpha**2).sqrt() * eps, t) - eps).square().mean()
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
network.requires_grad_(False)
print(f"loss of the last batch {loss.item():.2f}")

# %%
# One line, and the questions that every score has to answer: Stein's identities, Tweedie's formula, the bound on the
# trace, a symmetric Jacobian.

model = models.from_epsilon(eps_hat, alphas_cumprod, (2,))
x0 = truth.sample(1000, g)
print(models.check(model, x0, levels=3, generator=torch.Generator().manual_seed(1)))

# %%
# The same network with the sign of its prediction lost:

wrong = models.from_epsilon(lambda x, t: -eps_hat(x, t), alphas_cumprod, (2,))
print(models.check(wrong, x0, levels=3, generator=torch.Generator().manual_seed(1)))

# %%
# An estimator beside the truth, at one level: what is off the diagonal is what the network does not know.

level = model.levels.at(t=10)
field = models.unconditional(model, level)
x = level.alpha * x0[:300]
e = estimators.sphere_flux(field, x, 2.0, radius=0.1, num_directions=4, generator=g)
exact = truth.noised(level.alpha, level.sigma).p_laplacian(x, 2.0)
print(f"{level}: median error {((e.value - exact).abs() / exact.abs()).median():.1%}")
drawing, axes = plt.subplots(figsize=(5, 3.6), layout="constrained")
axes.scatter(exact, e.value, s=8, color="#0072B2")
axes.axline((0, 0), slope=1, color="#6b7280", linestyle=":")
axes.set(xlabel="exact Laplacian (1/length²)", ylabel="estimate, 4 calls (1/length²)")
axes.grid(color="#e3e6ea")
