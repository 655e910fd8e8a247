"""Named network-and-training settings, in the open.

    edm-mlp      ours: a residual MLP denoiser, EDM preconditioning and loss, fresh points every step where it can
    paper-toy    the p-Laplace paper's toy network (Brokman et al. 2025, arXiv 2505.08246, Gaussian-mixture study)
    d8-residual  the size and schedule of the d = 8 membership study (Verma et al. 2026, arXiv 2610.11670)
    image-mlp    ours: a wider edm-mlp, for images of 8 to 14 pixels a side; 20 seconds on one thread
    unet-8       ours: U-Nets that predict the noise on DDPM's linear schedule; the number is the pixels a side each was
    unet-14      chosen for, others fit that can be halved as often; 4, 8 and 20 minutes on one thread
    unet-28

What the two papers do not tell is chosen here: for the toy, which sinusoidal features of t (16 standard ones, see
`epsilon`) and torch's default initialisation; for d = 8, a shape that has exactly the stated 102,024 parameters:
(8 + 6 time features) -> 128, three residual blocks of two 128 x 128 layers, -> 8, SiLU.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, cast

from torch import Tensor

from plaplace.networks.configuration import DenoiserConfig, EpsilonConfig, UNetConfig
from plaplace.networks.denoiser import Denoiser
from plaplace.networks.epsilon import EpsilonNetwork
from plaplace.networks.objective import Network
from plaplace.networks.unet import UNet

__all__ = ["DEFAULT_RECIPE", "RECIPES", "Recipe", "Training", "build", "recipe"]


@dataclass(frozen=True)
class Training:
    """How a network is trained; what its optimiser is told.

    Attributes:
        num_steps: of the optimiser.
        batch_size: points a step.
        num_samples: draw this many points once and go through them in shuffled epochs; 0: fresh points every step.
            Of a sampler only: an array is always gone through in epochs.
        learning_rate: of Adam.
        decay: "constant", or "cosine" from `learning_rate` to 0 over `num_steps`.
        p_mean, p_std: `ln(sigma / sigma_data)` of the training levels is normal with these; relative to the data's
            scale, so that the source's -1.2 at its sigma_data = 0.5 is -0.5 here. Unused by the epsilon networks.
        ema_decay: of the exponential moving average of the weights, which is what is kept; at step k the decay is
            `min(ema_decay, (1 + k)/(10 + k))`. 0 keeps the last weights.
        gradient_clip: largest norm of the gradient; 0 for no clipping.
        label_dropout: probability that a label is replaced by the null class. Of a conditional network only.
    """

    num_steps: int = 8000
    batch_size: int = 128
    num_samples: int = 0
    learning_rate: float = 2e-3
    decay: str = "cosine"
    p_mean: float = -0.8
    p_std: float = 1.4
    ema_decay: float = 0.999
    gradient_clip: float = 1.0
    label_dropout: float = 0.1

    def __post_init__(self) -> None:
        for name, value in (("num_steps", self.num_steps), ("batch_size", self.batch_size)):
            if value < 1:
                raise ValueError(f"{name} = {value} was given; accepted are whole numbers >= 1")
        if self.num_samples < 0:
            raise ValueError(f"num_samples = {self.num_samples} was given; accepted are whole numbers >= 0")
        if self.decay not in ("constant", "cosine"):
            raise ValueError(f"decay = {self.decay!r} was given; accepted are 'constant' and 'cosine'")
        for name in ("learning_rate", "p_std"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise ValueError(f"{name} = {getattr(self, name)} was given; accepted are finite numbers > 0")
        if not math.isfinite(self.p_mean):
            raise ValueError(f"p_mean = {self.p_mean} was given; accepted are finite numbers")
        if not 0 <= self.ema_decay < 1:
            raise ValueError(f"ema_decay = {self.ema_decay} was given; accepted are numbers in [0, 1)")
        if not (math.isfinite(self.gradient_clip) and self.gradient_clip >= 0):
            raise ValueError(f"gradient_clip = {self.gradient_clip} was given; accepted are finite numbers >= 0")
        if not 0 <= self.label_dropout <= 1:
            raise ValueError(f"label_dropout = {self.label_dropout} was given; accepted are numbers from 0 to 1")


@dataclass(frozen=True)
class Recipe:
    """A network and its training. The network's `shape`, `sigma_data` and `num_classes` come from the data: `build`."""

    name: str
    network: DenoiserConfig | EpsilonConfig | UNetConfig
    training: Training


RECIPES = {
    "edm-mlp": Recipe("edm-mlp", DenoiserConfig(), Training()),
    "paper-toy": Recipe(
        "paper-toy",
        EpsilonConfig(),
        # 300 epochs of ceil(2000/128) = 16 batches
        Training(4800, 128, 2000, 1e-3, "constant", ema_decay=0.0, gradient_clip=0.0),
    ),
    "d8-residual": Recipe(
        "d8-residual",
        EpsilonConfig((8,), width=128, depth=3, time_features=6, activation="silu", num_levels=1000),
        Training(8000, 256, 0, 1e-3, "constant", ema_decay=0.0, gradient_clip=0.0),
    ),
    "image-mlp": Recipe("image-mlp", DenoiserConfig((1, 8, 8), width=256), Training(2000, learning_rate=1e-3)),
    "unet-8": Recipe("unet-8", UNetConfig((1, 8, 8), (32, 64)), Training(5000, 32, 0, 1e-3)),
    "unet-14": Recipe("unet-14", UNetConfig((1, 14, 14), (24, 48)), Training(5000, 32, 0, 1e-3)),
    "unet-28": Recipe("unet-28", UNetConfig((1, 28, 28), (16, 32, 64)), Training(6000, 32, 0, 1e-3)),
}


DEFAULT_RECIPE = "edm-mlp"
_FROM_THE_DATA = ("shape", "sigma_data", "num_classes")


def recipe(name: str = DEFAULT_RECIPE, **changes: int | float | str | tuple[int, ...] | None) -> Recipe:
    """The recipe of that name with some settings changed, of the network or of the training; None changes nothing.

    Raises:
        ValueError: an unknown name or setting, or a value out of range.

    >>> recipe("edm-mlp", width=64, num_steps=100).network.width
    64
    """
    if name not in RECIPES:
        raise ValueError(f"recipe = {name!r} was given; accepted are {', '.join(map(repr, RECIPES))}")
    chosen = RECIPES[name]
    network, training = chosen.network, chosen.training
    for key, value in changes.items():
        if value is None:
            continue
        if key not in _FROM_THE_DATA and hasattr(network, key):
            network = replace(network, **{key: cast(Any, value)})
        elif hasattr(training, key):
            training = replace(training, **{key: cast(Any, value)})
        else:
            raise ValueError(f"{key} = {value!r} was given; the recipe {name!r} has no such setting")
    return Recipe(name, network, training)


def build(chosen: Recipe, points: Tensor, seed: int, labels: Tensor | None = None) -> Network:
    """An untrained network for data like `points`, (N, *shape): its shape, centre, scale and classes are theirs."""
    shape = tuple(points.shape[1:])
    num_classes = 0 if labels is None else int(labels.max()) + 1
    if isinstance(chosen.network, UNetConfig):
        return UNet(replace(chosen.network, shape=shape, num_classes=num_classes), seed)
    if isinstance(chosen.network, EpsilonConfig):
        if labels is not None:
            raise ValueError(
                f"labels were given; the recipe {chosen.name!r} is unconditional, image-mlp or unet-8 is not"
            )
        return EpsilonNetwork(replace(chosen.network, shape=shape), seed)
    flat = points.reshape(len(points), -1).double()
    centre = flat.mean(0)
    sigma_data = float((flat - centre).square().mean().sqrt())
    if not sigma_data > 0:
        raise ValueError(f"the {len(points)} points are all the same; a denoiser needs data with a positive spread")
    config = replace(chosen.network, shape=shape, sigma_data=sigma_data, num_classes=num_classes)
    return Denoiser(config, centre, seed)
