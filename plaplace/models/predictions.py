"""What a network's output means, and the score that follows from it.

    epsilon    eps_hat                          s = -eps_hat / sigma
    v          v = alpha eps - sigma x_0        s = -(alpha v + sigma x) / sigma        (variance preserving)
    sample     x0_hat, also a denoiser D        s = (alpha x0_hat - x) / sigma^2
    velocity   v = eps - x_0                    s = -(x + (1-t) v) / t                  (flow matching)
    score      s

Sources: see `plaplace.noise`, whose formulas these are.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from plaplace import noise
from plaplace.models.levels import DiscreteLevels, FlowLevels, Level, Levels

__all__ = ["PREDICTIONS", "check_prediction"]

PREDICTIONS: dict[str, Callable[[Tensor, Tensor, Level], Tensor]] = {
    "epsilon": lambda output, x, level: noise.score_from_epsilon(output, level.sigma),
    "v": lambda output, x, level: noise.score_from_v(output, x, level.alpha, level.sigma),
    "sample": lambda output, x, level: noise.score_from_sample(output, x, level.alpha, level.sigma),
    "velocity": lambda output, x, level: noise.score_from_velocity(output, x, level.sigma),
    "score": lambda output, x, level: output,
}


def check_prediction(prediction: str, levels: Levels) -> None:
    """Raise a ValueError for an unknown prediction, or one that these levels do not define.

    >>> from plaplace.models.levels import SigmaLevels
    >>> check_prediction("velocity", SigmaLevels())
    Traceback (most recent call last):
    ValueError: prediction = 'velocity' was given with SigmaLevels; it is defined on FlowLevels
    """
    if prediction not in PREDICTIONS:
        raise ValueError(f"prediction = {prediction!r} was given; accepted are {', '.join(map(repr, PREDICTIONS))}")
    kind = {"velocity": FlowLevels, "v": DiscreteLevels}.get(prediction, Levels)
    if not isinstance(levels, kind):
        raise ValueError(
            f"prediction = {prediction!r} was given with {type(levels).__name__}; it is defined on {kind.__name__}"
        )
    if prediction == "v" and isinstance(levels, DiscreteLevels):
        total = levels.schedule.alphas.square() + levels.schedule.sigmas.square()
        if not bool(((total - 1).abs() < 1e-6).all()):
            raise ValueError("prediction = 'v' was given; it is defined where alpha^2 + sigma^2 = 1 at every level")
