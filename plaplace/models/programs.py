"""Programs in files: TorchScript (.pt, .ts) and torch.export (.pt2). A program is code, read only when trusted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from plaplace.models.levels import Levels
from plaplace.models.network_model import NetworkModel
from plaplace.models.plain import from_network

__all__ = ["SUFFIXES", "load_program"]

SUFFIXES = (".pt", ".ts", ".pt2")


def load_program(
    file: Path,
    trust_pickle: bool,
    shape: Sequence[int] | None = None,
    levels: Levels | None = None,
    prediction: str | None = None,
    **options: Any,
) -> NetworkModel:
    """The model around the program of a file; arguments as `plain.from_network`.

    Raises:
        ValueError: not trusted, shape, levels or prediction missing, or not a readable program.
    """
    if not trust_pickle:
        raise ValueError(
            f"{file} is a program, which runs code when it is loaded; accepted with trust_pickle = True, for a file "
            "whose origin you trust"
        )
    missing = [n for n, v in (("shape", shape), ("levels", levels), ("prediction", prediction)) if v is None]
    if shape is None or levels is None or prediction is None:
        raise ValueError(f"{', '.join(missing)} was not given; a program does not say it of itself")
    try:
        if file.suffix == ".pt2":
            network: Any = torch.export.load(file).module()
        else:
            network = torch.jit.load(str(file), map_location="cpu")
    except Exception as error:  # torch raises of many types over a broken archive
        raise ValueError(f"{file} is not a readable program of TorchScript or torch.export ({error})") from error
    return from_network(network, shape, levels, prediction, **options)
