"""Networks on disk: one safetensors file, the configuration as JSON in its metadata. No pickles, no code.

A U-Net is a folder as diffusers has them, see `pipeline`.

    metadata    "plaplace": JSON {"format": 2, "kind": .., "network": {..}, "recipe", "seed", "step", ..}
    tensors     the weights and buffers by name

`load` takes a file apart before it allocates: configuration first, then names and shapes, then numbers.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save as serialise
from torch import Tensor

from plaplace.networks import pipeline
from plaplace.networks.configuration import DenoiserConfig, EpsilonConfig, UNetConfig, from_json, to_json
from plaplace.networks.denoiser import Denoiser
from plaplace.networks.epsilon import EpsilonNetwork
from plaplace.networks.objective import Network
from plaplace.networks.unet import UNet

__all__ = ["FILE_NAME", "FORMAT", "describe", "load", "network_from", "read", "save", "write"]

FILE_NAME = "network.safetensors"
FORMAT = 2  # 1 had no classes


def save(network: Network, path: str | Path, **provenance: Any) -> Path:
    """Write the network; returns the file, of a U-Net the folder's `plaplace.json`.

    Args:
        network: any of ours, on any device, of any dtype.
        path: a file that ends in .safetensors, or a folder, which then holds `network.safetensors`; of a U-Net a
            folder.
        provenance: what else the file should say of itself (recipe, seed, step, ..), as JSON takes it.

    Raises:
        ValueError: a file for a U-Net.
    """
    file = Path(path)
    if isinstance(network, UNet):
        if file.suffix == ".safetensors":
            raise ValueError(f"{file} was given for a U-Net; accepted is a folder")
        description = {"format": FORMAT, "kind": network.kind, "network": to_json(network.config), **provenance}
        return pipeline.save(network, file, description)
    if file.suffix != ".safetensors":
        file = file / FILE_NAME
    description = {"format": FORMAT, "kind": network.kind, "network": to_json(network.config), **provenance}
    return write(file, dict(network.state_dict()), description)


def load(path: str | Path, device: str | torch.device = "cpu") -> Network:
    """The network of a file or folder that `save` or `plaplace train` wrote, for evaluation: no gradients of weights.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a safetensors file, no or a malformed configuration, or tensors that do not fit it.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = save(Denoiser(DenoiserConfig(shape=(4,), width=8)), folder)
    ...     load(folder).shape
    (4,)
    """
    file = Path(path)
    if file.is_dir() and not pipeline.found(file):
        file = file / FILE_NAME
    description, tensors = _checked(*pipeline.read(file), file) if pipeline.found(file) else read(file)
    network = network_from(description, tensors, str(file))
    return network.to(device).eval().requires_grad_(False)


def describe(path: str | Path) -> dict[str, Any]:
    """What the file says of itself: kind, configuration, recipe, seed, step; errors as `load`."""
    file = Path(path)
    if pipeline.found(file):
        return _checked(*pipeline.read(file), file)[0]
    return read(file / FILE_NAME if file.is_dir() else file)[0]


def write(file: Path, tensors: dict[str, Tensor], description: dict[str, Any]) -> Path:
    """Write a safetensors file so that a crash leaves the old one or the new one, never half of one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(file.name + ".partial")
    own = {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors.items()}
    partial.write_bytes(serialise(own, metadata={"plaplace": json.dumps(description, allow_nan=False)}))
    os.replace(partial, file)
    return file


def read(file: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Description and tensors of a file of ours; errors as `load`."""
    if not file.is_file():
        raise FileNotFoundError(f"{file} does not exist; accepted is what plaplace.networks.save wrote")
    metadata, tensors = pipeline.read_tensors(file)
    try:
        description = json.loads(metadata["plaplace"])
    except (KeyError, ValueError, RecursionError) as error:
        raise ValueError(f"{file} has no configuration of plaplace in its metadata ({error!r})") from error
    return _checked(description, tensors, file)


def _checked(description: Any, tensors: dict[str, Tensor], file: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        raise ValueError(f"{file} is of another format than {FORMAT}, the one this version of plaplace reads")
    return description, tensors


def network_from(description: dict[str, Any], tensors: dict[str, Tensor], name: str) -> Network:
    """The network of a description, with these tensors as its weights; `name` is what errors call the file."""
    kind = description.get("kind")
    network: Network
    try:
        if kind == Denoiser.kind:
            network = Denoiser(from_json(DenoiserConfig, description.get("network")), seed=None)
        elif kind == EpsilonNetwork.kind:
            network = EpsilonNetwork(from_json(EpsilonConfig, description.get("network")), seed=None)
        elif kind == UNet.kind:
            network = UNet(from_json(UNetConfig, description.get("network")), seed=None)
        else:
            accepted = f"{Denoiser.kind!r}, {EpsilonNetwork.kind!r} and {UNet.kind!r}"
            raise ValueError(f"kind = {kind!r} was given; accepted are {accepted}")
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    expected = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    given = {key: tuple(value.shape) for key, value in tensors.items()}
    if given != expected:
        wrong = sorted(key for key in expected.keys() | given.keys() if expected.get(key) != given.get(key))
        raise ValueError(
            f"{name}: the tensors {', '.join(wrong[:3])} do not fit the configuration, "
            f"{len(wrong)} of {len(expected)} in all (first: {given.get(wrong[0])}, expected {expected.get(wrong[0])})"
        )
    types = {tensor.dtype for tensor in tensors.values()}
    if len(types) != 1 or types.pop() not in (torch.float32, torch.float64):
        raise ValueError(f"{name}: the tensors are not all float32 or all float64")
    network.load_state_dict(tensors, assign=True)
    return network
