"""An estimator on trial: what it is held to, and what it answered everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from plaplace.verify.arrays import Backend, Native
from plaplace.verify.estimator.binding import Bound
from plaplace.verify.estimator.runs import Runs, repeat
from plaplace.verify.estimator.scenes import Scene, scenes
from plaplace.verify.estimator.witness import Witness

__all__ = ["TARGETS", "Measured", "Trial", "describe"]

TARGETS = {"ball_mean": "the mean over the ball of the given radius", "pointwise": "the value at the point"}
_STEP = 1e-3  # in widths, of an estimator with a step
_SMALL_RADIUS = 0.05  # in widths, of an estimator with a radius whose target is the point


@dataclass(frozen=True)
class Trial:
    """What is tried and what it is held to.

    Attributes:
        bound: the estimator.
        target: a key of `TARGETS`.
        exponents: the p that are asked.
        seeds: how many, for means, spreads and coverage.
        bias: systematic error allowed, relative to the size of the terms.
        false_alarm: probability that a correct estimator fails by its values.
    """

    bound: Bound
    target: str
    exponents: tuple[float, ...]
    seeds: int
    bias: float
    false_alarm: float

    @property
    def backend(self) -> Backend:
        return self.bound.backend

    def lengths(self, scene: Scene) -> list[float | None]:
        """The radii or steps to ask for in a scene; None where the estimator has neither."""
        if self.bound.fixed_length is not None:
            return [self.bound.fixed_length]
        if self.target == "ball_mean":
            return [*scene.radii]
        if "radius" in self.bound.names:
            return [_SMALL_RADIUS * scene.width]
        return [_STEP * scene.width] if "step" in self.bound.names else [None]

    def truth(self, scene: Scene, length: float | None) -> Tensor:
        """Exact values, (B, P), NaN where none is known."""
        if self.target == "pointwise" or length is None:
            return scene.pointwise(self.exponents)
        return scene.ball_mean(self.exponents, length)

    def score(self, scene: Scene) -> Native:
        """The exact score of a scene, in the estimator's arrays."""
        return self.backend.score(scene.mixture, scene.shape)

    def witness(self, scene: Scene) -> Witness:
        """The exact score of a scene, watched."""
        return Witness(scene, self.backend)

    def everywhere(self) -> Iterator[Measured]:
        """Answers with all seeds, scene by scene and length by length; an exception is kept in place of answers."""
        for scene in scenes():
            for length in self.lengths(scene):
                score, runs, error = self.score(scene), None, ""
                try:
                    runs = repeat(self.bound, score, scene.x, self.exponents, length, self.seeds)
                except Exception as raised:  # whatever somebody else's function raises is a finding
                    error = describe(raised)
                size = scene.size(self.exponents)
                what = "R =" if "radius" in self.bound.names else "step"
                yield Measured(scene, length, self.truth(scene, length), size, runs, error, what)


@dataclass(frozen=True)
class Measured:
    """Answers in one scene, beside the truth.

    Attributes:
        length: radius or step, None where the estimator has neither.
        truth: (B, P), NaN where it is not known.
        size: of the terms, (B, P).
        runs: None where the estimator raised `error`.
        what: the length is, for people.
    """

    scene: Scene
    length: float | None
    truth: Tensor
    size: Tensor
    runs: Runs | None
    error: str
    what: str = "R ="

    @property
    def name(self) -> str:
        """For people: the scene, with the length in widths."""
        if self.length is None:
            return self.scene.name
        return f"{self.scene.name}, {self.what} {self.length / self.scene.width:.3g} widths"


def describe(raised: BaseException) -> str:
    """An exception in one line, with what it usually means."""
    text = " ".join(str(raised).split())[:200]
    hint = ""
    if "does not require grad" in text or "does not have a grad_fn" in text:
        hint = ": the graph is detached (no_grad, detach or a numpy round trip between score and derivative)"
    return f"{type(raised).__name__}: {text}{hint}"
