"""Diffusion models in: whatever a user has becomes a `ScoreModel`.

    >>> from plaplace import models
    >>> model = models.from_denoiser(lambda x, sigma: x / (1 + sigma[:, None] ** 2), (3,))     # data N(0, I)
    >>> level = model.levels.at(sigma=1.0)
    >>> import torch
    >>> model.score(torch.zeros(1, 3), level)
    tensor([[0., 0., 0.]])

`load` takes a diffusers folder or pipeline, a folder of `plaplace train`, or a program file; `from_epsilon` and its
siblings take plain networks; `conditional`, `unconditional`, `guided` and `gap` are the fields that estimators see;
`check` asks whether a model's score behaves like one.
"""

from plaplace.models.conditions import Embeddings, Labels, Prompts, Unconditioned
from plaplace.models.diagnostics import Diagnosis, Finding, check
from plaplace.models.fields import Field, conditional, gap, guided, unconditional
from plaplace.models.levels import DiscreteLevels, FlowLevels, Level, Levels, SigmaLevels
from plaplace.models.load import load
from plaplace.models.network_model import NetworkModel
from plaplace.models.plain import (
    from_denoiser,
    from_epsilon,
    from_network,
    from_sample,
    from_score,
    from_v,
    from_velocity,
)
from plaplace.models.precision import Precision
from plaplace.models.protocol import ScoreModel
from plaplace.models.space import ImageSpace, LatentSpace

__all__ = [
    "Diagnosis",
    "DiscreteLevels",
    "Embeddings",
    "Field",
    "Finding",
    "FlowLevels",
    "ImageSpace",
    "Labels",
    "LatentSpace",
    "Level",
    "Levels",
    "NetworkModel",
    "Precision",
    "Prompts",
    "ScoreModel",
    "SigmaLevels",
    "Unconditioned",
    "check",
    "conditional",
    "from_denoiser",
    "from_epsilon",
    "from_network",
    "from_sample",
    "from_score",
    "from_v",
    "from_velocity",
    "gap",
    "guided",
    "load",
    "unconditional",
]
