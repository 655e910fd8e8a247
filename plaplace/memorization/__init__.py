"""Memorization: which images a diffusion model has learned by heart, from its score around them.

    >>> import torch
    >>> from plaplace import memorization, models
    >>> model = models.from_score(lambda x, t: -(x - 1) / (t[:, None]**2 + 0.01), (3,), models.SigmaLevels())
    >>> probes = memorization.probe(model, torch.ones(2, 3), level=0.1, num_directions=6)
    >>> memorization.statistics["flux_2"](probes)
    tensor([0.5000, 0.5000], dtype=torch.float64)

`probe` is the one pass over the network and `profile` the same at several levels; `statistics` are the rules that make
one number an image of it, larger where more memorized; `Profile` is our calibrated detector; `detection` judges scores
and gives thresholds, p-values and verdicts. `memorization.worlds` are models of which it is known what they memorized.
"""

from plaplace.memorization import detection
from plaplace.memorization.detector import Profile
from plaplace.memorization.probe import probe, profile
from plaplace.memorization.probes import Probes
from plaplace.memorization.registry import statistics
from plaplace.memorization.statistic import Ingredient, Statistic

__all__ = ["Ingredient", "Probes", "Profile", "Statistic", "detection", "probe", "profile", "statistics"]
