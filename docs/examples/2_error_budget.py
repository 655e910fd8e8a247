r"""
The error budget of an estimate
===============================

An estimate of a p-Laplacian from a trained network is wrong in three ways,

.. math:: \text{estimate} - \Delta_p u(x) = [\text{sampling}] + [\text{radius}] + [\text{network}],

and where the truth is a mixture each of them can be measured alone.
"""

import matplotlib.pyplot as plt
import torch

from plaplace import GaussianMixture, estimators, networks

torch.set_num_threads(1)
means = torch.tensor([[-1.0, 0.0], [1.0, 0.0], [0.0, 1.5]], dtype=torch.float64)
q = GaussianMixture(torch.tensor([0.4, 0.4, 0.2]).double(), means, torch.tensor([0.1, 0.2, 0.15]).double())
sigma = 0.3
noised = q.noised(1.0, sigma)


def sampler(n, generator):
    return q.sample(n, generator).float()


# %%
# A small denoiser learns the mixture; it is then asked at one noise level.

network, history = networks.train(sampler, "edm-mlp", width=64, num_steps=1500, batch_size=256, seed=0)
learned = network.score_function(sigma)
x = noised.sample(200, torch.Generator().manual_seed(1))


def score(points):
    return learned(points.float()).double()


error = (score(x) - noised.score(x)).norm(dim=1) / noised.score(x).norm(dim=1)
print(f"loss {sum(history.losses[-100:]) / 100:.3f}, median relative error of the score {error.median():.3f}")

# %%
# The three parts for p = 1 at every radius. *Sampling*: the spread of repeated estimates with other directions, on the
# exact score. *Radius*: the exact ball mean against the exact value. *Network*: the same estimator with the same
# directions on the learned and on the exact score.

p, calls, repeats = 1.0, 16, 20
radii = (0.03, 0.06, 0.12, 0.25, 0.5)
parts = {"sampling": [], "radius": [], "network": []}
for r in radii:
    exact, mean = noised.p_laplacian(x, p), noised.ball_mean(x, p, r)
    size = exact.abs().median()

    def estimate(field, seed, radius=r):
        g = torch.Generator().manual_seed(seed)
        return estimators.sphere_flux(field, x, p, radius=radius, num_directions=calls, generator=g).value

    runs = torch.stack([estimate(noised.score, seed) for seed in range(repeats)])
    parts["sampling"].append((runs.std(0).median() / size).item())
    parts["radius"].append(((mean - exact).abs().median() / size).item())
    parts["network"].append(((estimate(score, 0) - runs[0]).abs().median() / size).item())

print("radius    " + "".join(f"{r:>10g}" for r in radii))
for name, values in parts.items():
    print(f"{name:10}" + "".join(f"{100 * v:>9.2g}%" for v in values))

# %%
drawing, axes = plt.subplots(figsize=(7, 3.4), layout="constrained")
looks = (("#0072B2", "o", "-"), ("#000000", "s", "--"), ("#D55E00", "^", ":"))
for (name, values), (color, marker, dash) in zip(parts.items(), looks, strict=True):
    axes.loglog(radii, values, color=color, marker=marker, linestyle=dash, label=name)
axes.set(xlabel="radius R (length)", ylabel="error over the median value", title=f"p = 1, {calls} calls, 200 points")
axes.set_xticks(radii, [f"{r:g}" for r in radii])
axes.minorticks_off()
axes.legend()
axes.grid(color="#e3e6ea")

# %%
# More calls shrink the first, a smaller radius the second. The third stays: it is what the network does not know.
