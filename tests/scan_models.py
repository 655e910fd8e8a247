"""Models and images for the tests of a scan: a score that is known, pictures that it has memorized or not."""

import math

import numpy as np
import torch
from PIL import Image

from plaplace import models
from plaplace.mixture import GaussianMixture

__all__ = ["SIZE", "Broken", "Exact", "exact", "pixels", "unpack", "write_folder"]

SIZE = 4


def pixels(number, seed):
    """(N, 4, 4) uint8 pictures of one law."""
    smooth = np.random.default_rng(seed).normal(size=(number, SIZE, SIZE)).cumsum(1)
    return (255 / (1 + np.exp(-smooth))).round().astype(np.uint8)


def unpack(images):
    """(N, 16) points in [-1, 1] of 8-bit pictures."""
    return torch.from_numpy(images.reshape(len(images), -1)).double() / 127.5 - 1


def write_folder(folder, images, suffix=".png"):
    """Pictures as files 0000.png, .."""
    folder.mkdir(parents=True)
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{number:04d}{suffix}")
    return folder


class Exact:
    """A `ScoreModel` of 4 x 4 pictures: `(population + peaks at what is memorized) / 2`, exactly."""

    shape = (1, SIZE, SIZE)
    name = "exact memorizer"

    def __init__(self, memorized, population):
        points = unpack(population)
        broad = GaussianMixture(torch.ones(1).double(), points.mean(0)[None], torch.cov(points.T)[None])
        peaks = GaussianMixture.kernel_density(unpack(memorized), 0.03)
        self.mixture = GaussianMixture.mix([(0.5, broad), (0.5, peaks)])
        self.levels = models.SigmaLevels(0.01, 10.0)
        self.space = models.ImageSpace(1, (SIZE, SIZE))
        self.calls = 0

    def score(self, x, level, condition=None):
        level = self.levels.check(level)
        self.calls += len(x)
        return self.mixture.noised(1.0, level.sigma).score(x.flatten(1).double()).reshape(x.shape).to(x)

    def encode(self, images):
        return self.space.encode(images)

    def decode(self, x):
        return self.space.decode(x)


class Broken(Exact):
    """NaN where there is little noise and the first pixel is brighter than white."""

    def score(self, x, level, condition=None):
        bad = (x[:, 0, 0, 0] > 1) & (self.levels.check(level).sigma < 0.5)
        return super().score(x, level).masked_fill(bad[:, None, None, None], math.nan)


def exact(memorized=12, seed=0, kind=Exact):
    """A model, the pictures that it has memorized, pictures that it has not, and a reference."""
    images = pixels(400, seed)
    return kind(images[:memorized], images), images[:memorized], pixels(60, seed + 1), pixels(300, seed + 2)
