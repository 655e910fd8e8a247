"""A conditional model whose every score is exact: one mixture a label, their mean for the null label."""

import torch

from plaplace import GaussianMixture, memorization, models, noise
from plaplace.models import DiscreteLevels, Labels, SigmaLevels
from tests.dressed import ExactScore, mixture

__all__ = ["AT_NOISE", "AT_THE_IMAGE", "PATHS", "ConditionalMixture", "ask", "gaussians", "mixtures", "points", "value"]

AT_THE_IMAGE = ("wen_image", "kim_lee_gap", "jeon", "jeon_difference", "kim_lee")
AT_NOISE = ("wen", "wen_1", "asthana_cosine", "asthana", "jeon_noise")


class ConditionalMixture:
    """A `ScoreModel` and its truth.

    Attributes:
        parts: label -> mixture of the clean data.
        null: the label of the unconditional branch, the last key.
        asked: (points, labels, t) of every call of the network.
        model: the network in the package's dress.
    """

    def __init__(self, parts, levels):
        self.parts, self.levels, self.asked = dict(enumerate(parts)), levels, []
        self.null, self.dimension = len(parts) - 1, parts[0].dimension
        conditions = Labels(self.null, null=self.null, name="labels")
        self.model = models.from_score(self._network, (self.dimension,), levels, conditions=conditions)

    def _network(self, x, t, labels):
        self.asked.append((x.detach().double(), labels, t))
        rows = [
            ExactScore.apply(each[None].double(), self.at(int(label), self.levels.at(t=float(time)))).to(x)
            for each, label, time in zip(x, labels, t, strict=True)
        ]
        return torch.cat(rows)

    def at(self, label, level):
        """The noised mixture of a label."""
        return self.parts[label].noised(level.alpha, level.sigma)

    def epsilon(self, x, label, level):
        """`eps_hat` (B, D) of points under one label, or one an image."""
        labels = [label] * len(x) if isinstance(label, int) else label
        scores = [self.at(each, level).score(row[None]) for row, each in zip(x, labels, strict=True)]
        return -level.sigma * torch.cat(scores)

    def hessian(self, x, label, level):
        """(B, D, D), as `epsilon`."""
        labels = [label] * len(x) if isinstance(label, int) else label
        return torch.cat([self.at(each, level).hessian(row[None]) for row, each in zip(x, labels, strict=True)])

    def gap(self, x, label, level):
        """`eps_c - eps_u`."""
        return self.epsilon(x, label, level) - self.epsilon(x, self.null, level)

    def rows(self):
        """How many points the network was asked for."""
        return sum(len(x) for x, _, _ in self.asked)


PATHS = {"table": DiscreteLevels(noise.linear(1000)), "sigma": SigmaLevels(0.05, 20.0)}


def mixtures(dimension=5, labels=3, path="table"):
    """Mixtures of three components for each label, their mean for the null label."""
    parts = [mixture(dimension, seed=1 + label) for label in range(labels)]
    return ConditionalMixture([*parts, GaussianMixture.mix([(1 / labels, q) for q in parts])], PATHS[path])


def gaussians(means, variances, path="table"):
    """`N(mean_c, variance_c I)` for each label, the last one the null label's."""
    one = torch.ones(1, dtype=torch.float64)
    means, variances = torch.as_tensor(means).double(), torch.as_tensor(variances).double()
    return ConditionalMixture(
        [GaussianMixture(one, mean[None], variance[None]) for mean, variance in zip(means, variances, strict=True)],
        PATHS[path],
    )


def points(number, dimension, seed=0):
    return torch.randn(number, dimension, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def ask(world, name, x, condition, level, m=10, seed=0, **options):
    generator = torch.Generator().manual_seed(seed)
    return memorization.probe(
        world.model, x, level, m, generator, condition, statistics=[name] if isinstance(name, str) else name, **options
    )


def value(world, name, x, condition, level, **options):
    return memorization.statistics[name](ask(world, name, x, condition, level, **options))
