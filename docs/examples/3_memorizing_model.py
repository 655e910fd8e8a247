"""
A memorizing model, found
=========================

A population of which a model has memorized 512 points, by construction: the mixture ``(1 - w) population + w KDE``, its
peaks so wide that the task is hard. It is known exactly, so the statistic of 16 network calls stands beside the exact
operator.
"""

import matplotlib.pyplot as plt
import torch

from plaplace import memorization
from plaplace.memorization.worlds import WORLDS

torch.set_num_threads(1)
bed = next(WORLDS["memorizer-hard"].build(seed=0))
members = torch.tensor([group == "member" for group in bed.groups])
print(bed.title)
print(f"{int(members.sum())} members, {int((~members).sum())} others, D = {bed.images.shape[1]}, {bed.level}")

# %%
# One pass over the network, every statistic from it.

g = torch.Generator().manual_seed(0)
probes = memorization.probe(bed.model, bed.images, bed.level, num_directions=16, generator=g)
names = ("flux_1", "flux_2", "denoising_loss", "displacement", "sphere_norm")
for name in names:
    found = memorization.detection.evaluate(memorization.statistics[name](probes), members, fprs=(0.01,))
    print(f"{name:15} {found}")
for name in ("exact_1", "exact_2", "exact_log_density"):
    print(f"{name:17} {memorization.detection.evaluate(bed.exact[name], members, fprs=(0.01,))}")

# %%
# Each image, by the estimate and by the exact operator.

drawing, axes = plt.subplots(1, 2, figsize=(7, 3.2), layout="constrained")
for axis, p in zip(axes, (1, 2), strict=True):
    value = memorization.statistics[f"flux_{p}"](probes)
    for group, color, marker in ((members, "#0072B2", "o"), (~members, "#E69F00", "s")):
        label = "member" if group is members else "population"
        axis.scatter(bed.exact[f"exact_{p}"][group], value[group], color=color, marker=marker, s=6, label=label)
    unit = "1/length²" if p == 2 else "1/length"
    axis.set(xlabel=f"exact {p}-Laplacian, inwards ({unit})", ylabel="normalised flux, 16 calls")
    axis.set_title(f"p = {p}", loc="left")
    axis.grid(color="#e3e6ea")
axes[0].set_xscale("symlog", linthresh=10)
axes[0].legend()
