"""What decides the rows of a scan, and nothing else: two scans of the same settings give the same rows."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from plaplace.memorization import statistics as registry
from plaplace.memorization.detector import Profile
from plaplace.models import Level, ScoreModel

__all__ = ["DEFAULT_STATISTICS", "PROFILE", "RATIO", "Settings", "describe", "differences", "digest", "level_near"]

PROFILE = "profile"
DEFAULT_STATISTICS = ("flux_1", "flux_2", "denoising_loss", "displacement")  # of the probes that the detector needs
RATIO = 0.2  # sigma / alpha of the default level: between the 0.1 and 0.4 that the development seeds chose for images
_NUMBERS = {"cpu": 2**16, "elsewhere": 2**22}  # in one call of the network; larger ones leave a CPU's cache
LEAST_CALLS = 12  # of a detector with two levels and a standard error
MOST_ROUNDS = 8  # of an image near the threshold


@dataclass(frozen=True)
class Settings:
    """Settings of a scan.

    Attributes:
        statistics: names in `memorization.statistics`.
        score: what ranks and is calibrated: "profile", our detector, or one of the statistics.
        levels: t of each noise level, the main one first; the statistics are taken at every one.
        calls: directions an image, at the main level with the detector's second one, and at each further level.
        tolerance: of the score's standard error for images near the threshold, in the reference's standard deviations;
            None asks every image alike.
        reference: whether there is one.
        condition: what the model is conditioned on, "none", "caption" or "label".
        seed: of everything drawn.
        batch: images that the network sees together.
        threads: of a worker on the CPU.
        device: kind of device, "cpu" or "cuda".
    """

    statistics: tuple[str, ...]
    score: str
    levels: tuple[float, ...]
    calls: int
    tolerance: float | None
    reference: bool
    condition: str
    seed: int
    batch: int
    threads: int
    device: str

    def __post_init__(self) -> None:
        unknown = [name for name in (*self.statistics, self.score) if name not in registry and name != PROFILE]
        if unknown:
            raise ValueError(f"statistics = {unknown[0]!r} was given; accepted are {PROFILE}, {', '.join(registry)}")
        training = [name for name in self.statistics if any(part.training for part in registry[name].ingredients)]
        if training:
            raise ValueError(f"statistics = {training[0]!r} was given; it needs the training data, a scan has none")
        conditional = [name for name in self.statistics if registry[name].conditional]
        if conditional and self.condition == "none":
            raise ValueError(
                f"statistics = {conditional[0]!r} was given; it needs captions or labels, and a model that takes them"
            )
        if self.calls < 2 or self.calls % 2:
            raise ValueError(
                f"calls = {self.calls} was given; directions come in pairs, accepted are even numbers >= 2"
            )
        if self.tolerance is not None and not (math.isfinite(self.tolerance) and self.tolerance > 0):
            raise ValueError(f"tolerance = {self.tolerance} was given; it is finite and > 0")
        alike = [f"{t:g}" for t in self.levels]
        if len(set(alike)) < len(alike):
            raise ValueError(f"levels = {', '.join(map(repr, self.levels))} were given; accepted are different ones")
        if self.tolerance is not None and (self.score != PROFILE or not self.reference):
            raise ValueError(f"tolerance was given; it needs a reference and the score {PROFILE!r}")
        if self.tolerance is not None and self.calls < LEAST_CALLS:
            raise ValueError(
                f"tolerance was given with calls = {self.calls}; accepted are {LEAST_CALLS} or more: of one "
                "pair there is no standard error"
            )
        if self.batch < 1 or self.threads < 1:
            raise ValueError(f"batch = {self.batch}, threads = {self.threads} were given; both are at least 1")

    @staticmethod
    def make(
        model: ScoreModel,
        device: str,
        *,
        statistics: Sequence[str] | None,
        score: str,
        levels: Sequence[float] | None,
        calls: int,
        tolerance: float | None,
        reference: bool,
        condition: str,
        seed: int,
        batch: int | None,
        threads: int,
    ) -> Settings:
        """With what was left out filled in from the model; errors as the class, and levels that the model lacks."""
        asked = [statistics] if isinstance(statistics, str) else statistics
        chosen = list(dict.fromkeys(DEFAULT_STATISTICS if asked is None else asked))
        if score != PROFILE and score not in chosen:
            chosen.append(score)
        times = (level_near(model, RATIO).t,) if levels is None else tuple(model.levels.check(t).t for t in levels)
        if not times:
            raise ValueError("no levels were given; accepted are one or more")
        fitting = _NUMBERS.get(device, _NUMBERS["elsewhere"]) // (math.prod(model.shape) * max(calls, 1))
        return Settings(tuple(chosen), score, times, calls, tolerance, reference, condition, seed,
                        max(1, fitting) if batch is None else batch, threads, device)  # fmt: skip

    def probings(self, model: ScoreModel) -> list[tuple[Level, int]]:
        """(level, directions) of the detector, the main level first: two with a reference, else one."""
        main = model.levels.check(self.levels[0])
        if self.score != PROFILE or not self.reference:
            return [(main, self.calls)]
        return list(zip(*Profile.plan(model, main, self.calls), strict=True))


def level_near(model: ScoreModel, ratio: float) -> Level:
    """The level with this sigma / alpha, or the nearest that the model has and that still has signal."""
    ends = model.levels.spread(2)
    return model.levels.at(snr=min(max(ratio**-2, ends[-1].snr), ends[0].snr))


def digest(described: Mapping[str, Any]) -> str:
    """SHA-256 of a description, as canonical JSON.

    >>> digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    True
    """
    return hashlib.sha256(json.dumps(described, sort_keys=True, allow_nan=False).encode()).hexdigest()


def describe(settings: Settings) -> dict[str, Any]:
    """Settings as JSON has them."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(settings).items()}


def differences(before: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> list[str]:
    """What differs between two descriptions, a sentence each.

    >>> differences({"seed": 0, "model": {"sha256": "a"}}, {"seed": 1, "model": {"sha256": "a"}})
    ['seed was 0 and is 1']
    """
    found = []
    for key in dict.fromkeys((*before, *now)):
        old, new, name = before.get(key), now.get(key), f"{prefix}{key}"
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            found += differences(old, new, f"{name}.")
        elif old != new:
            found.append(f"{name} was {_short(old)} and is {_short(new)}")
    return found


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
