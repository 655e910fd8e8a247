"""
A detector with calibrated verdicts
===================================

A rank says which image is the most suspicious. A verdict needs a null: images of the same kind that the model has not
seen. With them every score becomes a p-value, and the discoveries have a false discovery rate.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from plaplace import memorization
from plaplace.memorization import detection
from plaplace.memorization.worlds import WORLDS

torch.set_num_threads(1)
bed = next(WORLDS["memorizer-hard"].build(seed=0, quick=True))
members = torch.tensor([group == "member" for group in bed.groups])

# %%
# Our detector is fitted to 48 unseen images; 48 others give the p-values.

g = torch.Generator().manual_seed(0)
ours = memorization.Profile.fit(bed.model, bed.null[:48], bed.level, num_directions=16, generator=g)
scores, null = ours(bed.images), ours(bed.null[48:])
p = detection.p_values(scores, null)
for level in (0.05, 0.1, 0.2):
    said = detection.verdicts(scores, null, level=level)
    for group, name in ((members.numpy(), "members"), (~members.numpy(), "others")):
        counts = {str(v): int((said[group] == v).sum()) for v in detection.VERDICTS}
        print(f"false discovery rate {level:4g}, {name:8} {counts}")

# %%
# At 5% nothing can be told: with 48 images the least p-value is 1/49, and a discovery needs more than that. "Cannot
# tell" is the honest answer; a larger reference is the remedy.
#
# The p-values of the images that were never seen are spread evenly, those of the members are small.

drawing, axes = plt.subplots(figsize=(7, 3.2), layout="constrained")
for group, color, dash, name in ((~members, "#E69F00", "--", "population"), (members, "#0072B2", "-", "members")):
    values = np.sort(np.asarray(p)[group.numpy()])
    share = np.arange(1, len(values) + 1) / len(values)
    axes.step(values, share, where="post", color=color, linestyle=dash, label=name)
axes.plot([0, 1], [0, 1], color="#6b7280", linestyle=":", label="evenly spread")
axes.set(xlabel="p-value", ylabel="share of images at or below")
axes.legend()
axes.grid(color="#e3e6ea")
