"""A network and a text encoder that remember what they were asked."""

import torch

from plaplace import models
from plaplace.models import Labels, Precision, SigmaLevels

__all__ = ["Encoder", "counting"]


class Encoder:
    """Texts to their length, twice over; remembers what it was asked."""

    def __init__(self):
        self.asked = []

    def __call__(self, texts):
        self.asked += texts
        return {"tokens": torch.tensor([[len(t), 1.0] for t in texts]), "pooled": torch.tensor([len(t) for t in texts])}


class Counting(torch.nn.Module):
    """s = -(1 + label) x / (1 + t^2): a score that shows its label and counts the points it was asked for."""

    def __init__(self):
        super().__init__()
        self.batches = []

    def forward(self, x, t, class_labels):
        self.batches.append(len(x))
        return -(1 + class_labels)[:, None] * x / (1 + t**2)[:, None]


def counting(memory=None, null=0):
    network = Counting()
    precision = Precision(memory=memory)
    conditions = Labels(5, null=null)
    return models.from_score(network, (3,), SigmaLevels(), conditions=conditions, precision=precision), network
