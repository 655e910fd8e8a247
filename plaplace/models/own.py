"""Networks of `plaplace train` as score models."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from plaplace.models.conditions import Labels, Unconditioned
from plaplace.models.levels import DiscreteLevels, SigmaLevels
from plaplace.models.network_model import NetworkModel
from plaplace.models.plain import from_network
from plaplace.models.precision import Precision
from plaplace.models.space import ImageSpace
from plaplace.networks import Denoiser, EpsilonNetwork, Training, UNet, describe
from plaplace.networks import load as load_network

__all__ = ["NETWORK", "from_own", "load_own"]

NETWORK = "network.safetensors"
_SPREAD = 2.5  # standard deviations of ln sigma that count as trained on, as in the validation


def load_own(path: Path, precision: Precision, device: torch.device | str | None, **options: Any) -> NetworkModel:
    """The model of a network.safetensors or of the folder that holds it; options of `NetworkModel`."""
    described = describe(path)
    said = described.get("training", {})
    known = {name: float(said[name]) for name in ("p_mean", "p_std") if name in said}
    training = replace(Training(), **known)  # type: ignore[arg-type]
    network = load_network(path)
    options.setdefault("name", str(described.get("recipe", network.kind)))
    return from_own(network, precision, device, training, **options)


def from_own(
    network: Denoiser | EpsilonNetwork | UNet,
    precision: Precision,
    device: torch.device | str | None,
    training: Training | None = None,
    **options: Any,
) -> NetworkModel:
    """The model of a network in memory, which is frozen; options of `NetworkModel`.

    A denoiser's levels are the middle 98.8% of those it was trained on, a noise predictor's all of its schedule.

    Args:
        training: how it was trained, which says a denoiser's levels; the default of `Training` when left out.
    """
    shape = tuple(network.shape)
    if len(shape) == 3 and shape[0] in (1, 3):
        options.setdefault("space", ImageSpace(shape[0], (shape[1], shape[2])))
    classes = getattr(network.config, "num_classes", 0)
    options.setdefault("conditions", Labels(classes, null=classes, name="labels") if classes else Unconditioned())
    options.setdefault("name", network.kind)
    if isinstance(network, Denoiser):
        settings = training or Training()
        scale, spread = network.config.sigma_data, _SPREAD * settings.p_std
        levels = SigmaLevels(scale * math.exp(settings.p_mean - spread), scale * math.exp(settings.p_mean + spread))
        # its own score does not cancel at small sigma, as (D - x)/sigma^2 would
        return from_network(_Score(network), shape, levels, "score", precision=precision, device=device, **options)
    options.setdefault("time_dtype", torch.int64)
    steps = DiscreteLevels(network.schedule)
    return from_network(network, shape, steps, "epsilon", precision=precision, device=device, **options)


class _Score(torch.nn.Module):
    """A denoiser's score as a module, so that it can be moved and converted."""

    def __init__(self, network: Denoiser) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: torch.Tensor, t: torch.Tensor, **inputs: torch.Tensor) -> torch.Tensor:
        return self.network.score(x, t, **inputs)
