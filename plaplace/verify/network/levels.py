"""The noise levels at which a score network is judged, and the ways in which people tell a network its level."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from plaplace import noise
from plaplace.mixture import GaussianMixture
from plaplace.models import DiscreteLevels, FlowLevels, Level, SigmaLevels

__all__ = ["ENCODINGS", "PARAMETERS", "Path", "between", "path_of", "told"]

Path = DiscreteLevels | SigmaLevels | FlowLevels

# what a parameter of that name is told
PARAMETERS = {
    "level": ("level", "lvl"),
    "sigma": ("sigma", "sigmas", "noise", "noise_level", "noise_std", "std"),
    "t": ("t", "time", "times", "timestep", "timesteps", "step"),
}

# what else a network may take for its level: words -> the number it is then told, and the paths on which that differs
ENCODINGS: dict[str, Callable[[Level, Path], float]] = {
    "": lambda level, path: level.t,
    "log sigma": lambda level, path: math.log(level.sigma),
    "(log sigma)/4": lambda level, path: math.log(level.sigma) / 4,
    "sigma^2": lambda level, path: level.sigma**2,
    "sigma": lambda level, path: level.sigma,
    "sigma/alpha": lambda level, path: level.sigma / level.alpha,
    "log SNR": lambda level, path: level.log_snr,
    "t/T, a number in [0, 1]": lambda level, path: level.t / _steps(path),
    "1000 t": lambda level, path: 1000 * level.t,
    "t counted from 1": lambda level, path: level.t + 1,
    "t - 1": lambda level, path: level.t - 1,
    "t counted from the other end": lambda level, path: path.t_max - level.t,
}


def told(parameter: str) -> str:
    """What a parameter of that name is told: "level", "sigma" or "t" (also where the name says nothing)."""
    return next((what for what, names in PARAMETERS.items() if parameter.lower() in names), "t")


def path_of(schedule: str) -> Path:
    """The levels of a schedule by its name.

    Args:
        schedule: "sigma" (alpha = 1), "flow" (alpha = 1 - t), "linear-T" or "cosine-T" with T steps.

    Raises:
        ValueError: another name.
    """
    name, _, steps = schedule.partition("-")
    if schedule == "sigma":
        return SigmaLevels(1e-4, 1e4)
    if schedule == "flow":
        return FlowLevels(1e-4, 1 - 1e-4)
    if name in ("linear", "cosine") and steps.isdigit() and int(steps) > 1:
        return DiscreteLevels((noise.linear if name == "linear" else noise.cosine)(int(steps)))
    raise ValueError(
        f"schedule = {schedule!r} was given; accepted are 'sigma', 'flow', and 'linear-T', 'cosine-T' with T steps"
    )


def between(mixture: GaussianMixture, path: Path, number: int = 4) -> list[Level]:
    """Levels from where noise is a third of the components' width, or a tenth of the data's spread if that is more, to
    twice the spread, equidistant in the logarithm of sigma/alpha. Width and spread are root mean squares over the axes.

    Below, a network has little to learn a score from; above, the score is that of one Gaussian.
    """
    x = mixture.sample(4096, torch.Generator().manual_seed(0)).double()
    means = mixture.responsibilities(x).double() @ mixture.means.double()
    spread, width = (float((x - centre).square().mean().sqrt()) for centre in (x.mean(0), means))
    low, high = math.log(max(width / 3, spread / 10)), math.log(2 * spread)
    ratios = [math.exp(low + (high - low) * i / (number - 1)) for i in range(number)]
    ends = [path.level(t).snr for t in (path.t_min, path.t_max)]
    chosen = [path.at(snr=min(max(1 / ratio**2, min(ends)), max(ends))) for ratio in ratios]
    return list(dict.fromkeys(chosen))


def _steps(path: Path) -> float:
    return float(len(path)) if isinstance(path, DiscreteLevels) else path.t_max
