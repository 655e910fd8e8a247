"""A network with everything that turns its output into a score."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from plaplace.models.conditions import Conditions, Prepared, Unconditioned
from plaplace.models.levels import Level, Levels
from plaplace.models.memory import rows_within
from plaplace.models.precision import Precision, attention_for
from plaplace.models.predictions import PREDICTIONS, check_prediction
from plaplace.models.space import LatentSpace, Space

__all__ = ["NetworkModel"]


@dataclass
class NetworkModel:
    """A `ScoreModel` around a network.

    Attributes:
        call: (x, t, **inputs of the condition) -> output, (B, *shape); t is (B,). An output with twice the channels is
            cut to its first half: the rest is a learned variance.
        shape: of one point.
        levels: what it was trained on.
        prediction: a key of `predictions.PREDICTIONS`, what the output means.
        conditions: what it can be conditioned on.
        space: how images become points; None where nobody said.
        precision: how it runs.
        dtype, device: of the network's input; None takes them from x.
        time: Level -> the number that the network is told; the level's own t when left out.
        time_dtype: of that number; None takes that of the input, but float32 for half precision, in which bfloat16
            has no whole numbers like 257 and float16 none like 2,049.
        name: for messages and reports.
    """

    call: Callable[..., Tensor]
    shape: tuple[int, ...]
    levels: Levels
    prediction: str
    conditions: Conditions = field(default_factory=Unconditioned)
    space: Space | None = None
    precision: Precision = field(default_factory=Precision)
    dtype: torch.dtype | None = None
    device: torch.device | None = None
    time: Callable[[Level], float] = field(default=lambda level: level.t)
    time_dtype: torch.dtype | None = None
    name: str = "network"
    _rows: dict[torch.dtype, int] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        self.shape = tuple(self.shape)
        check_prediction(self.prediction, self.levels)

    def score(self, x: Tensor, level: Level | float, condition: Any = None) -> Tensor:
        """Score at a level, shaped like x and of its dtype, 1/length; see `ScoreModel.score`."""
        at = self.levels.check(level)
        if not x.is_floating_point() or tuple(x.shape[1:]) != self.shape or x.ndim < 2:
            raise ValueError(
                f"x is {x.dtype} of shape {tuple(x.shape)}; accepted are floating-point points "
                f"(B, {', '.join(map(str, self.shape))})"
            )
        output = self._output(x, at, self.conditions.prepare(condition))
        return PREDICTIONS[self.prediction](output, x, at)

    def encode(self, images: Any, sample: bool = False, generator: torch.Generator | None = None) -> Tensor:
        """Images to clean points x_0, (B, *shape) float32; see `ImageSpace.encode` and `LatentSpace.encode`."""
        space = self._space()
        return space.encode(images, sample, generator) if isinstance(space, LatentSpace) else space.encode(images)

    def decode(self, x: Tensor) -> Tensor:
        """Clean points to images (B, C, H, W) float32 in [0, 1]; see `Space.decode`."""
        return self._space().decode(x)

    def _space(self) -> Space:
        if self.space is None:
            raise ValueError(f"{self.name} was given no image space; give space = models.ImageSpace(channels, size)")
        return self.space

    def _output(self, x: Tensor, level: Level, condition: Prepared) -> Tensor:
        """What the network says, in the dtype of x and on its device."""
        size = self._batch(x, level, condition)
        if len(x) <= size:
            return self._one(x, level, condition)
        condition.rows(len(x))  # raises for a wrong number of conditions, before the first part is computed
        parts = [slice(start, start + size) for start in range(0, len(x), size)]
        return torch.cat([self._one(x[part], level, condition.part(part)) for part in parts])

    def _batch(self, x: Tensor, level: Level, condition: Prepared) -> int:
        if self.precision.memory is None or len(x) < 2:
            return max(len(x), 1)
        if x.dtype not in self._rows:
            one, first = x.detach()[:1], condition.part(slice(0, 1))
            self._rows[x.dtype] = rows_within(lambda z: self._one(z, level, first), one, self.precision.memory)
        return self._rows[x.dtype]

    def _one(self, x: Tensor, level: Level, condition: Prepared) -> Tensor:
        given = x.to(device=self.device, dtype=self.dtype)
        if self.precision.channels_last and given.ndim == 4:
            given = given.contiguous(memory_format=torch.channels_last)
        half = given.dtype in (torch.bfloat16, torch.float16)
        time_dtype = self.time_dtype or (torch.float32 if half else given.dtype)
        t = torch.full((len(x),), self.time(level), dtype=time_dtype, device=given.device)
        inputs = {name: _like(value, given) for name, value in condition.rows(len(x)).items()}
        lower = self.precision.autocast
        cast = torch.autocast(given.device.type, lower) if lower is not None else contextlib.nullcontext()
        with attention_for(given), cast:
            output = self.call(given, t, **inputs)
        if output.shape[2:] == x.shape[2:] and output.ndim == x.ndim and output.shape[1] == 2 * x.shape[1]:
            output = output[:, : x.shape[1]]
        if output.shape != x.shape:
            raise ValueError(
                f"{self.name} returned {tuple(output.shape)} for points {tuple(x.shape)}; accepted is the same shape, "
                "or twice the channels (a learned variance)"
            )
        return output.to(x)


def _like(value: Tensor, x: Tensor) -> Tensor:
    """An input of the network on the device of x, of its type unless it is a whole number."""
    return value.to(x) if value.is_floating_point() else value.to(x.device)
