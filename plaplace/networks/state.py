"""A training under way on disk: all that its next step depends on, in one safetensors file.

    tensors     network.*, average.*     raw and averaged weights
                adam.<name>.*            step, exp_avg, exp_avg_sq of each parameter
                generator, order         state of the random numbers, order of the epoch
                losses                   one a step, float64
    metadata    the configuration as in `checkpoint`, the training's settings, seed, step, data, position

On a CPU a resumed training ends with the parameters of an uninterrupted one, to the bit.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from plaplace.networks.checkpoint import FORMAT, network_from, read, write
from plaplace.networks.configuration import from_json, to_json
from plaplace.networks.points import Batches, Sampler, checked_labels, checked_points, fingerprint
from plaplace.networks.recipes import Recipe, Training
from plaplace.networks.training import Run, assemble

__all__ = ["STATE_NAME", "load_state", "provenance", "read_state", "save_state"]

STATE_NAME = "training.safetensors"
_MOMENTS = ("step", "exp_avg", "exp_avg_sq")


def provenance(run: Run) -> dict[str, Any]:
    """What a checkpoint of this run says of itself besides its configuration."""
    import plaplace

    return {
        "recipe": run.recipe.name,
        "training": to_json(run.recipe.training),
        "seed": run.seed,
        "step": run.step,
        "plaplace": getattr(plaplace, "__version__", "unknown"),
        "torch": torch.__version__,
    }


def save_state(run: Run, path: str | Path, **extra: Any) -> Path:
    """Write the run to a file, atomically; returns the file. `extra` is kept in its description, as JSON takes it."""
    tensors = {f"network.{name}": value for name, value in run.network.state_dict().items()}
    tensors |= {f"average.{name}": value for name, value in run.average.state_dict().items()}
    for name, parameter in run.network.named_parameters():
        for key, value in run.optimizer.state.get(parameter, {}).items():
            tensors[f"adam.{name}.{key}"] = value
    tensors["generator"] = run.generator.get_state()
    tensors["order"] = run.batches.order
    tensors["losses"] = torch.tensor(run.losses, dtype=torch.float64)
    description = {
        "format": FORMAT,
        "kind": run.network.kind,
        "network": to_json(run.network.config),
        **provenance(run),
        "data_digest": run.data_digest,
        "position": run.batches.position,
        "extra": extra,
    }
    return write(Path(path), tensors, description)


def read_state(path: str | Path) -> dict[str, Any]:
    """The description in a state file; errors as `load_state`."""
    return read(Path(path))[0]


def load_state(
    path: str | Path,
    data: Sampler | Tensor,
    *,
    device: str | torch.device = "cpu",
    compile_network: bool = False,
    labels: Tensor | None = None,
) -> Run:
    """The run of a state file, ready to go on with `advance`.

    Args:
        path: what `save_state` wrote.
        data: the sampler or the points the run was started with.
        device, compile_network, labels: as in `start`.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a state of ours, or other points than those it was started with.
    """
    file = Path(path)
    description, tensors = read(file)
    try:
        return _restore(file, description, tensors, data, labels, device, compile_network)
    except (KeyError, TypeError, RuntimeError) as error:
        raise ValueError(f"{file} is not a training state that can be resumed ({error!r})") from error


def _restore(
    file: Path,
    description: dict[str, Any],
    tensors: dict[str, Tensor],
    data: Sampler | Tensor,
    labels: Tensor | None,
    device: str | torch.device,
    compile_network: bool,
) -> Run:
    training = from_json(Training, description["training"])
    seed, digest = int(description["seed"]), str(description["data_digest"])
    network = network_from(description, _under("network.", tensors), str(file)).to(device)
    chosen = Recipe(str(description["recipe"]), network.config, training)
    classes = None if labels is None else checked_labels(labels, len(labels))
    batches = Batches.of(_same_data(data, classes, training, seed, digest), training.batch_size, classes)
    batches.order, batches.position = tensors["order"], int(description["position"])
    generator = torch.Generator()
    generator.set_state(tensors["generator"])
    run = assemble(chosen, seed, network, batches, generator, digest, compile_network)
    run.average.load_state_dict(_under("average.", tensors))
    for name, parameter in network.named_parameters() if len(tensors["losses"]) else ():
        moments = {key: tensors[f"adam.{name}.{key}"].to(device) for key in _MOMENTS}
        if moments["exp_avg"].shape != parameter.shape or moments["exp_avg_sq"].shape != parameter.shape:
            raise ValueError(f"{file}: the moments of {name} do not have its shape {tuple(parameter.shape)}")
        run.optimizer.state[parameter] = moments
    run.losses = tensors["losses"].tolist()
    return run


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _same_data(
    data: Sampler | Tensor, labels: Tensor | None, training: Training, seed: int, digest: str
) -> Sampler | Tensor:
    if callable(data):
        if not digest:
            return data
        # a finite set from a sampler is the first thing a run draws
        points = checked_points(data(training.num_samples, torch.Generator().manual_seed(seed)), "what was drawn")
    else:
        points = checked_points(data)
    if not digest:
        raise ValueError("the training was started with a sampler and points were given; give it the sampler")
    if fingerprint(points, labels) != digest:
        named = "without labels" if labels is None else "with labels"
        raise ValueError(
            f"the data ({len(points)} points of shape {tuple(points.shape[1:])}, {named}) "
            "are not those the training began with"
        )
    return points
