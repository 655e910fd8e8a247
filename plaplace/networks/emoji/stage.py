"""One stage of the training: modules, their average, Adam, and a stream of rows, stopped and resumed between steps.

All random numbers come from the stage's own generator on the CPU, so that a stage read back from its file goes on as
if it had never stopped, to the bit.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from plaplace.networks.checkpoint import FORMAT, read, write
from plaplace.networks.emoji.plan import Settings

__all__ = ["Loss", "Stage", "advance", "load_stage", "save_stage", "start_stage"]

Loss = Callable[[nn.ModuleDict, Tensor, torch.Generator], Tensor]  # modules, rows (B,), generator -> mean loss
_START = 100  # steps of rising learning rate
_CLIP = 1.0  # largest norm of the gradient
_MOMENTS = ("step", "exp_avg", "exp_avg_sq")


@dataclass
class Stage:
    """A stage under way.

    Attributes:
        name: what a progress line and the file call it.
        settings: of its training.
        modules, average: raw weights and their moving average, which is the result.
        optimizer: Adam over the parameters of `modules`.
        rows: (M,) int64, the training set, repeats and all.
        order, position: the shuffled order of the epoch, and how much of it is done.
        generator: of every random number after the start.
        losses: one a step.
    """

    name: str
    settings: Settings
    modules: nn.ModuleDict
    average: nn.ModuleDict
    optimizer: torch.optim.Adam
    rows: Tensor
    order: Tensor
    generator: torch.Generator
    position: int = 0
    losses: list[float] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether the last step is done."""
        return len(self.losses) >= self.settings.num_steps


def start_stage(name: str, settings: Settings, modules: dict[str, nn.Module], rows: Tensor, seed: int) -> Stage:
    """A stage before its first step; `rows` (M,) int64 are the training set, repeats and all."""
    trained = nn.ModuleDict(modules).train()
    average = copy.deepcopy(trained).eval().requires_grad_(False)
    optimizer = torch.optim.Adam(trained.parameters(), lr=settings.learning_rate, fused=True)
    generator = torch.Generator().manual_seed(seed)
    return Stage(name, settings, trained, average, optimizer, rows, torch.empty(0, dtype=torch.int64), generator)


def advance(stage: Stage, loss: Loss, on_step: Callable[[Stage], bool]) -> bool:
    """Train until the last step, or until `on_step` returns True; returns whether the last step is done.

    Raises:
        FloatingPointError: the loss is not finite.
    """
    while not stage.complete:
        _one_step(stage, loss)
        if on_step(stage):
            break
    return stage.complete


def _one_step(stage: Stage, loss: Loss) -> None:
    step, settings = len(stage.losses), stage.settings
    rate = settings.learning_rate * min(1.0, (step + 1) / _START)
    rate *= 0.5 * (1 + math.cos(math.pi * step / settings.num_steps))
    for group in stage.optimizer.param_groups:
        group["lr"] = rate
    stage.optimizer.zero_grad()
    mean = loss(stage.modules, _draw(stage), stage.generator)
    mean.backward()
    value = float(mean.detach())
    if not math.isfinite(value):
        raise FloatingPointError(f"the loss of step {step} of the {stage.name} is {value}; try another seed")
    nn.utils.clip_grad_norm_(stage.modules.parameters(), _CLIP)
    stage.optimizer.step()
    decay = min(settings.ema_decay, (1 + step) / (10 + step))
    update = torch.optim.swa_utils.get_ema_multi_avg_fn(decay)
    update(list(stage.average.parameters()), list(stage.modules.parameters()), 0)
    stage.losses.append(value)


def _draw(stage: Stage) -> Tensor:
    if stage.position >= len(stage.order):
        stage.order, stage.position = torch.randperm(len(stage.rows), generator=stage.generator), 0
    chosen = stage.order[stage.position : stage.position + stage.settings.batch_size]
    stage.position += len(chosen)
    return stage.rows[chosen]


def save_stage(stage: Stage, file: Path, identity: dict[str, Any]) -> Path:
    """Write the stage atomically; `identity` says what it was started with, as JSON takes it."""
    tensors = {f"modules.{name}": value for name, value in stage.modules.state_dict().items()}
    tensors |= {f"average.{name}": value for name, value in stage.average.state_dict().items()}
    for name, parameter in stage.modules.named_parameters():
        for key, value in stage.optimizer.state.get(parameter, {}).items():
            tensors[f"adam.{name}.{key}"] = value
    tensors["generator"] = stage.generator.get_state()
    tensors["order"] = stage.order
    tensors["losses"] = torch.tensor(stage.losses, dtype=torch.float64)
    description = {
        "format": FORMAT,
        "stage": stage.name,
        "settings": asdict(stage.settings),
        "position": stage.position,
        "identity": identity,
    }
    return write(file, tensors, description)


def load_stage(stage: Stage, file: Path, identity: dict[str, Any]) -> Stage:
    """Bring a stage, made by `start_stage` as it was then, to where its file left it; returns it.

    Raises:
        ValueError: not a file of this stage, or one that was started with something else.
    """
    description, tensors = read(file)
    recorded = description.get("identity")
    if not isinstance(recorded, dict) or description.get("stage") != stage.name:
        raise ValueError(f"{file} is not a state of the {stage.name}")
    for key, value in identity.items():
        if recorded.get(key) != value:
            raise ValueError(f"{key} = {value} was given, but the training of {file} has {recorded.get(key)}")
    try:
        stage.modules.load_state_dict(_under("modules.", tensors))
        stage.average.load_state_dict(_under("average.", tensors))
        stage.losses = tensors["losses"].tolist()
        for name, parameter in stage.modules.named_parameters():
            moments = {key: tensors[f"adam.{name}.{key}"] for key in _MOMENTS if f"adam.{name}.{key}" in tensors}
            if moments:
                stage.optimizer.state[parameter] = moments
        stage.generator.set_state(tensors["generator"])
        stage.order, stage.position = tensors["order"], int(description["position"])
    except (KeyError, TypeError, RuntimeError) as error:
        raise ValueError(f"{file} is not a state that can be resumed ({error!r})") from error
    return stage


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
