"""Small score networks and their training by denoising score matching.

    >>> import torch
    >>> from plaplace import networks
    >>> network, history = networks.train(torch.randn(64, 2), "edm-mlp", num_steps=3, width=16, batch_size=8)
    >>> score = network.score_function(sigma := 0.5)           # x -> score of the data noised by sigma
    >>> score(torch.zeros(5, 2)).shape
    torch.Size([5, 2])

`train` takes points (N, *shape), or a sampler such as `mixture.sample`; `RECIPES` names the settings; `save` and `load`
keep a network in a safetensors file; `start`, `advance`, `finish`, `save_state`, `load_state` are a training in parts.
"""

from plaplace.networks.checkpoint import describe, load, save
from plaplace.networks.configuration import DenoiserConfig, EpsilonConfig
from plaplace.networks.denoiser import Denoiser
from plaplace.networks.epsilon import EpsilonNetwork
from plaplace.networks.evaluation import History, evaluate, finish
from plaplace.networks.recipes import RECIPES, Recipe, Training, recipe
from plaplace.networks.state import load_state, save_state
from plaplace.networks.training import Run, advance, start, train

__all__ = [
    "RECIPES",
    "Denoiser",
    "DenoiserConfig",
    "EpsilonConfig",
    "EpsilonNetwork",
    "History",
    "Recipe",
    "Run",
    "Training",
    "advance",
    "describe",
    "evaluate",
    "finish",
    "load",
    "load_state",
    "recipe",
    "save",
    "save_state",
    "start",
    "train",
]
