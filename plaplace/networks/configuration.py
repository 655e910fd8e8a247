"""What a network is built from, as plain data that survives a trip through JSON.

A configuration together with the tensors of a checkpoint is the whole network. `from_json` trusts nothing: an unknown
name, a wrong type or a value out of range is a ValueError, never an object half built.
"""

from __future__ import annotations

import math
import typing
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeVar

__all__ = ["DenoiserConfig", "EpsilonConfig", "UNetConfig", "check_shape", "from_json", "to_json"]

Config = TypeVar("Config")
_LARGEST = 1_000_000  # of one width, a file can not make us allocate more than it holds, but loops should end


def _check_range(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name} = {value} was given; accepted are values from {low} to {high}")


def check_shape(shape: tuple[int, ...]) -> None:
    """Raise a ValueError unless `shape` has at least one axis and only positive ones."""
    if not shape or any(axis < 1 for axis in shape) or math.prod(shape) > _LARGEST:
        raise ValueError(
            f"shape = {tuple(shape)} was given; accepted are one or more positive axes, at most {_LARGEST} numbers"
        )


@dataclass(frozen=True)
class DenoiserConfig:
    """A residual MLP denoiser with EDM preconditioning (`Denoiser`).

    Attributes:
        shape: of one point, without the batch axis.
        sigma_data: standard deviation of the data about its centre, over all coordinates; > 0, a length.
        width: of the hidden layers.
        depth: number of residual blocks, two linear layers each.
        noise_features: length of the sinusoidal embedding of the noise level; even.
        num_classes: labels 0 .. num_classes - 1, and the null class num_classes; 0 for an unconditional network.
    """

    shape: tuple[int, ...] = (2,)
    sigma_data: float = 1.0
    width: int = 128
    depth: int = 3
    noise_features: int = 32
    num_classes: int = 0

    def __post_init__(self) -> None:
        check_shape(self.shape)
        if not (math.isfinite(self.sigma_data) and self.sigma_data > 0):
            raise ValueError(f"sigma_data = {self.sigma_data} was given; the scale of the data is finite and > 0")
        _check_range("width", self.width, 1, _LARGEST)
        _check_range("depth", self.depth, 0, 1000)
        _check_even("noise_features", self.noise_features)
        _check_range("num_classes", self.num_classes, 0, _LARGEST)


@dataclass(frozen=True)
class EpsilonConfig:
    """An MLP that predicts the noise on a discrete variance-preserving schedule (`EpsilonNetwork`).

    Attributes:
        shape: of one point, without the batch axis.
        width: of the hidden layers.
        depth: number of residual blocks after the first hidden layer; 0 is the plain MLP with one hidden layer.
        time_features: length of the sinusoidal features of t, put beside x; even.
        activation: "relu" or "silu".
        num_levels: T, steps of the schedule `noise.linear(T, beta_start, beta_end)`.
        beta_start, beta_end: first and last beta, in (0, 1).
    """

    shape: tuple[int, ...] = (2,)
    width: int = 128
    depth: int = 0
    time_features: int = 16
    activation: str = "relu"
    num_levels: int = 100
    beta_start: float = 1e-4
    beta_end: float = 0.02

    def __post_init__(self) -> None:
        check_shape(self.shape)
        _check_range("width", self.width, 1, _LARGEST)
        _check_range("depth", self.depth, 0, 1000)
        _check_even("time_features", self.time_features)
        if self.activation not in ("relu", "silu"):
            raise ValueError(f"activation = {self.activation!r} was given; accepted are 'relu' and 'silu'")
        _check_range("num_levels", self.num_levels, 1, _LARGEST)
        _check_betas(self.beta_start, self.beta_end)


@dataclass(frozen=True)
class UNetConfig:
    """A convolutional network that predicts the noise on a discrete variance-preserving schedule (`UNet`).

    Attributes:
        shape: of one image, (C, H, W); H and W multiples of `2^(levels of resolution - 1)`.
        channels: at each resolution, from the finest, each half of the one before; multiples of 8.
        num_classes: labels 0 .. num_classes - 1, and the null class num_classes; 0 for an unconditional network.
        num_levels: T, steps of the schedule.
        curve: "linear" or "cosine", the schedule of that name in `noise`.
        beta_start, beta_end: first and last beta of the linear one, in (0, 1).
    """

    shape: tuple[int, ...] = (1, 28, 28)
    channels: tuple[int, ...] = (16, 32, 64)
    num_classes: int = 0
    num_levels: int = 1000
    curve: str = "linear"
    beta_start: float = 1e-4
    beta_end: float = 0.02

    def __post_init__(self) -> None:
        check_shape(self.shape)
        if not 1 <= len(self.channels) <= 8 or any(each % 8 or not 8 <= each <= 4096 for each in self.channels):
            raise ValueError(f"channels = {self.channels} was given; accepted are one to 8 multiples of 8 up to 4096")
        multiple = 2 ** (len(self.channels) - 1)
        if len(self.shape) != 3 or any(side % multiple for side in self.shape[1:]):
            raise ValueError(
                f"shape = {self.shape} was given with {len(self.channels)} resolutions; "
                f"accepted is (C, H, W) with H and W multiples of {multiple}"
            )
        _check_range("num_classes", self.num_classes, 0, _LARGEST)
        _check_range("num_levels", self.num_levels, 1, _LARGEST)
        if self.curve not in ("linear", "cosine"):
            raise ValueError(f"curve = {self.curve!r} was given; accepted are 'linear' and 'cosine'")
        _check_betas(self.beta_start, self.beta_end)


def _check_betas(beta_start: float, beta_end: float) -> None:
    if not 0 < beta_start <= beta_end < 1:
        raise ValueError(
            f"beta_start = {beta_start}, beta_end = {beta_end} were given; accepted is 0 < beta_start <= beta_end < 1"
        )


def _check_even(name: str, value: int) -> None:
    if value < 2 or value % 2 or value > _LARGEST:
        raise ValueError(f"{name} = {value} was given; accepted are even numbers from 2 to {_LARGEST}")


def to_json(config: Any) -> dict[str, Any]:
    """The fields of a configuration as a dict that `json.dumps` takes.

    >>> to_json(DenoiserConfig(shape=(8,)))["shape"]
    [8]
    """
    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(config).items()}


def from_json(kind: type[Config], data: object) -> Config:
    """A configuration from parsed JSON; the inverse of `to_json`.

    Raises:
        ValueError: not a JSON object, a field missing, unknown, of the wrong type or out of range.

    >>> from_json(DenoiserConfig, to_json(DenoiserConfig(width=7))).width
    7
    """
    if not isinstance(data, dict):
        raise ValueError(f"the configuration is {data!r}; accepted is a JSON object with the fields of {kind.__name__}")
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    if set(data) != set(names):
        raise ValueError(
            f"the configuration has the fields {sorted(map(str, data))}; {kind.__name__} takes {sorted(names)}"
        )
    hints = typing.get_type_hints(kind)
    return kind(**{name: _convert(name, data[name], hints[name]) for name in names})


def _convert(name: str, value: object, hint: Any) -> object:
    plain_int = isinstance(value, int) and not isinstance(value, bool)  # JSON's true is a Python int
    if hint is float and (plain_int or isinstance(value, float)):
        return float(typing.cast(float, value))
    if hint is int and plain_int:
        return value
    if hint is str and isinstance(value, str):
        return value
    if hint == tuple[int, ...] and isinstance(value, list):
        return tuple(_convert(name, each, int) for each in value)
    expected = "a list of integers" if hint == tuple[int, ...] else hint.__name__
    raise ValueError(f"{name} = {value!r} was given in the configuration; accepted is {expected}")
