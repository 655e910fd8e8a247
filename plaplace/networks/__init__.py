"""Small score networks and their training by denoising score matching.

    >>> import torch
    >>> from plaplace import networks
    >>> network, history = networks.train(torch.randn(64, 2), "edm-mlp", num_steps=3, width=16, batch_size=8)
    >>> score = network.score_function(sigma := 0.5)           # x -> score of the data noised by sigma
    >>> score(torch.zeros(5, 2)).shape
    torch.Size([5, 2])

`train` takes points (N, *shape), or a sampler such as `mixture.sample`; with `labels` the network is class-conditional.
`RECIPES` names the settings; `save` and `load` keep a network in a safetensors file, a U-Net in a diffusers folder;
`start`, `advance`, `finish`, `save_state`, `load_state` are a training in parts; `sample` draws from what was learned.
Image sets and planted duplicates are in `networks.data`.
"""

from plaplace.networks.checkpoint import describe, load, save
from plaplace.networks.configuration import DenoiserConfig, EpsilonConfig, UNetConfig
from plaplace.networks.denoiser import Denoiser
from plaplace.networks.epsilon import EpsilonNetwork
from plaplace.networks.evaluation import History, evaluate, finish
from plaplace.networks.recipes import RECIPES, Recipe, Training, recipe
from plaplace.networks.samples import sample
from plaplace.networks.state import load_state, save_state
from plaplace.networks.training import Run, advance, start, train
from plaplace.networks.unet import UNet

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
    "UNet",
    "UNetConfig",
    "advance",
    "describe",
    "evaluate",
    "finish",
    "load",
    "load_state",
    "recipe",
    "sample",
    "save",
    "save_state",
    "start",
    "train",
]
