"""The noise levels of a model: one type that speaks t, alpha, sigma and the signal-to-noise ratio.

A level is `x_t = alpha x_0 + sigma eps` and the number t by which the network knows it. A model's levels are a path
t -> (alpha, sigma) along which `SNR = alpha^2 / sigma^2` falls, between the ends it was trained on:

    DiscreteLevels   t = 0 .. T-1, from a table           (DDPM, Stable Diffusion, DiT)
    SigmaLevels      t = sigma, alpha = 1                 (EDM, k-diffusion)
    FlowLevels       t = sigma, alpha = 1 - t             (flow matching, rectified flow)

    >>> levels = SigmaLevels(0.002, 80.0)
    >>> levels.at(snr=4.0)
    Level(t=0.5, alpha=1.0, sigma=0.5)

Asking for a level outside the ends is a ValueError: what a network says there it never learned.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from plaplace import noise

__all__ = ["DiscreteLevels", "FlowLevels", "Level", "Levels", "SigmaLevels"]

_ROUNDING = 1e-6  # relative: tables are often kept in float32


@dataclass(frozen=True)
class Level:
    """A noise level of a model.

    Attributes:
        t: what the network is told; its unit is the model's own.
        alpha: signal scale, dimensionless.
        sigma: noise scale, a length in the model's space.
    """

    t: float
    alpha: float
    sigma: float

    @property
    def snr(self) -> float:
        """Signal-to-noise ratio `alpha^2 / sigma^2`, 1/length^2; 0 where nothing but noise is left."""
        return (self.alpha / self.sigma) ** 2

    @property
    def log_snr(self) -> float:
        """`ln SNR`; minus infinity where nothing but noise is left."""
        return 2 * (math.log(self.alpha) - math.log(self.sigma)) if self.alpha > 0 else -math.inf


class Levels:
    """What the three kinds share. A kind has `t_min`, `t_max`, `level(t)` and `_time(name, value)`, its inverse."""

    t_min: float
    t_max: float

    def level(self, t: float) -> Level:
        """The level of time t, within the ends."""
        raise TypeError(f"{type(self).__name__} is the common part of DiscreteLevels, SigmaLevels and FlowLevels")

    def _time(self, name: str, value: float) -> float:
        raise TypeError(f"{type(self).__name__} is the common part of DiscreteLevels, SigmaLevels and FlowLevels")

    def at(
        self,
        t: float | None = None,
        *,
        sigma: float | None = None,
        alpha: float | None = None,
        snr: float | None = None,
    ) -> Level:
        """The level with this t, sigma, alpha or SNR: one of the four. In a table the nearest one, as the result says.

        Raises:
            ValueError: none or several given, or a value outside what the model was trained on.
        """
        given = {name: v for name, v in (("t", t), ("sigma", sigma), ("alpha", alpha), ("snr", snr)) if v is not None}
        if len(given) != 1:
            raise ValueError(f"{', '.join(given) or 'nothing'} was given; accepted is one of t, sigma, alpha and snr")
        ((name, value),) = given.items()
        ends = [value_of(name, self.level(t)) for t in (self.t_min, self.t_max)]
        low, high = min(ends), max(ends)
        # written so that a NaN fails
        if not low - _ROUNDING * abs(low) <= value <= high + _ROUNDING * abs(high):
            raise ValueError(
                f"{name} = {value} was given; the model was trained on levels with {name} from {low:.6g} to {high:.6g}"
            )
        time = value if name == "t" else self._time(name, min(max(value, low), high))
        return self.level(min(max(time, self.t_min), self.t_max))

    def check(self, level: Level | float) -> Level:
        """The level, or the one of time t for a number.

        Raises:
            ValueError: outside the ends, or a Level that this path does not have at its t.
        """
        if not isinstance(level, Level):
            return self.at(t=level)
        own = self.at(t=level.t)
        if own != level:
            raise ValueError(f"{level} was given; the model has {own}. Take levels from model.levels.at(...)")
        return level

    def spread(self, number: int) -> list[Level]:
        """At most this many levels from the least noise to the most, equidistant in ln SNR between the ends.

        An end with no signal at all is left out; in a table neighbours that fall together are given once.
        """
        if number < 1:
            raise ValueError(f"number = {number} was given; accepted are whole numbers >= 1")
        first, last = self.level(self.t_min), self._last_with_signal()
        ratios = torch.linspace(first.log_snr, last.log_snr, number, dtype=torch.float64).exp().tolist()
        chosen = [self.at(snr=min(max(ratio, last.snr), first.snr)) for ratio in ratios]
        return list(dict.fromkeys(chosen))

    def _last_with_signal(self) -> Level:
        last = self.level(self.t_max)
        return last if last.alpha > 0 else self.level(self.t_max - 1e-3 * (self.t_max - self.t_min))


def value_of(name: str, level: Level) -> float:
    """t, sigma, alpha or snr of a level, by name."""
    value: float = getattr(level, name)
    return value


@dataclass(frozen=True)
class DiscreteLevels(Levels):
    """The levels t = 0 .. T-1 of a table.

    >>> levels = DiscreteLevels(noise.linear(1000))
    >>> len(levels), levels.at(sigma=0.5).t, round(levels[10].sigma, 6)
    (1000, 164, 0.046834)
    """

    schedule: noise.Schedule
    _log_snr: Tensor = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        alphas, sigmas = self.schedule.alphas, self.schedule.sigmas
        if alphas.ndim != 1 or alphas.shape != sigmas.shape or len(alphas) == 0:
            raise ValueError(
                f"the table has alphas {tuple(alphas.shape)} and sigmas {tuple(sigmas.shape)}; both are (T,)"
            )
        log_snr = 2 * (alphas.log() - sigmas.log())
        if not bool((sigmas > 0).all() and (alphas >= 0).all() and alphas[0] > 0) or not bool(
            (log_snr.diff() < 0).all()
        ):
            raise ValueError(
                "the table is no noise path: accepted are alpha >= 0, > 0 at first, sigma > 0 and a falling SNR"
            )
        object.__setattr__(self, "_log_snr", log_snr)

    @staticmethod
    def from_alphas_cumprod(alphas_cumprod: Any) -> DiscreteLevels:
        """Variance preserving, from the table of `alpha_t^2` that DDPM codes call `alphas_cumprod`, shape (T,).

        `sigma = sqrt(1 - alpha^2)` of the numbers as they are: those of a float32 table are the ones trained on.
        """
        table = torch.as_tensor(alphas_cumprod).detach().to("cpu", torch.float64)
        if table.ndim != 1 or not bool(((table >= 0) & (table < 1)).all()):
            raise ValueError(
                "alphas_cumprod was given with values outside [0, 1); accepted is a (T,) table of alpha_t^2"
            )
        return DiscreteLevels(noise.Schedule(table.sqrt(), (1 - table).sqrt()))

    def __len__(self) -> int:
        return len(self.schedule)

    def __getitem__(self, t: int) -> Level:
        return self.level(t)

    def __iter__(self) -> Iterator[Level]:
        return (self.level(t) for t in range(len(self)))

    @property
    def t_min(self) -> float:  # type: ignore[override]
        """0, the least noise."""
        return 0

    @property
    def t_max(self) -> float:  # type: ignore[override]
        """T - 1, the most noise."""
        return len(self) - 1

    def level(self, t: float) -> Level:
        """The level of step t. Raises a ValueError for a t that is no whole number, an IndexError outside the table."""
        if t != int(t):
            raise ValueError(f"t = {t} was given; the model was trained on the whole steps 0 to {len(self) - 1}")
        return Level(int(t), *self.schedule.level(int(t)))

    def _time(self, name: str, value: float) -> float:
        if name == "snr":
            # an end without signal has ln SNR = -inf, which is nearest to nothing but itself
            target = math.log(value) if value > 0 else -math.inf
            if target == -math.inf:
                return self.t_max
            return float((self._log_snr - target).abs().argmin())
        table = self.schedule.sigmas if name == "sigma" else self.schedule.alphas
        return float((table - value).abs().argmin())

    def _last_with_signal(self) -> Level:
        return self.level(int((self.schedule.alphas > 0).sum()) - 1)


@dataclass(frozen=True)
class SigmaLevels(Levels):
    """Variance exploding: alpha = 1 and t = sigma, from `t_min` > 0 to `t_max`."""

    t_min: float = 0.002
    t_max: float = 80.0

    def __post_init__(self) -> None:
        if not 0 < self.t_min < self.t_max < math.inf:
            raise ValueError(f"sigma from {self.t_min} to {self.t_max} was given; accepted is 0 < low < high")

    def level(self, t: float) -> Level:
        """Level(t, 1, t)."""
        return Level(t, 1.0, t)

    def _time(self, name: str, value: float) -> float:
        if name == "alpha":
            raise ValueError("alpha was given; it is 1 at every level of this model, give sigma or snr")
        return value if name == "sigma" else 1 / math.sqrt(value)


@dataclass(frozen=True)
class FlowLevels(Levels):
    """Straight path: alpha = 1 - t and sigma = t, from `t_min` > 0 to `t_max` <= 1."""

    t_min: float = 1e-3
    t_max: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.t_min < self.t_max <= 1:
            raise ValueError(f"t from {self.t_min} to {self.t_max} was given; accepted is 0 < low < high <= 1")

    def level(self, t: float) -> Level:
        """Level(t, 1 - t, t)."""
        return Level(t, *noise.flow_matching(t))

    def _time(self, name: str, value: float) -> float:
        return {"sigma": value, "alpha": 1 - value, "snr": 1 / (1 + math.sqrt(value))}[name]
