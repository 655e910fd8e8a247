"""What is measured on one bed, by view: the statistics at equal calls, and some of them over calls, levels and p."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

from plaplace.compare.detecting.contenders import CALLS, DETECTOR, PROBINGS
from plaplace.compare.detecting.scoring import Scored, generator_for, pass_over, scored
from plaplace.memorization import statistics
from plaplace.memorization.detector import Profile
from plaplace.memorization.formulas.flux import flux
from plaplace.memorization.worlds import Bed
from plaplace.models import Level

__all__ = ["VIEWS", "Passes", "passes"]

Passes = dict[str, list[Scored]]
VIEWS = ("main", "calls", "level", "exponent", "onset", "control")

EXPONENTS = (1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0)
SWEPT = ("flux_1", "flux_2", "denoising_loss", "displacement")  # over calls and levels, with the detector
FLUX = ("flux_1", "flux_2")  # of a centre that is itself noised, where R n is not the noise that was added
ANY = ("flux_1", "flux_2", "denoising_loss")  # of any kind of directions
RIVALS = {"iid": (64, 16), "antithetic": (64, 16), "noised iid": (64,), "noised antithetic": (64,)}
DEAR_RIVALS = {"iid": (16,), "antithetic": (16,), "noised iid": (16,)}
ONSET = ("flux_1", "flux_2", "denoising_loss", "displacement", "sphere_norm", "score_norm", "sima")
CONTROLS = ("flux_1", "denoising_loss", "displacement")
DEAR = frozenset(  # many calls an image: run where a call is cheap
    {"normal_bundle", "least_curvature", "greatest_curvature", "volume_1.5", "volume_3"}
)
CHEAP = 64  # dimension up to which it is
LARGE = 500  # from here on the sweeps over calls, levels and p are left out
FITTED = 500  # calibration images that our detector is fitted on


def passes(bed: Bed, quick: bool, first: bool, main: bool, control: bool) -> Passes:
    """Every view of one bed.

    Args:
        first: whether it is of the first seed: sweeps are measured on that one alone, but where a call is cheap.
        main: whether it is a checkpoint at which everything is compared; else it is one on the way there.
        control: whether it is of a world with nothing to find, which is judged by its discoveries.
    """
    level, cheap = bed.level, math.prod(bed.images.shape[1:]) <= CHEAP
    found: Passes = {view: [] for view in VIEWS}
    ours = detected(bed, level, (CALLS,), null=main)  # one pass for all the views at the main level
    if control:
        found["control"] = found["main"] = tested(bed, level) + ours
        return found
    if bed.step:
        found["onset"] = scored(bed, PROBINGS["frame"], level, CALLS, ONSET) + ours
    if not main:
        return found
    found["control"] = tested(bed, level) + ours
    found["main"] = compared(bed, level, cheap, ours)
    if (first and math.prod(bed.images.shape[1:]) < LARGE) or (cheap and bed.step):
        found["calls"] = over_calls(bed, level, 16 if quick or not cheap else 64 if bed.step else 256)
        for other in bed.levels:
            found["level"] += scored(bed, PROBINGS["frame"], other, CALLS, (*SWEPT, "sphere_norm"))
            found["level"] += detected(bed, other, (CALLS,))
        found["exponent"] = over_exponents(bed, level)
    return found


def compared(bed: Bed, level: Level, cheap: bool, ours: list[Scored]) -> list[Scored]:
    """Every statistic that the bed allows on one +- frame, the rivals' own ways of probing, ours, the exact values."""
    names = [name for name, each in statistics.items() if bed.conditions is not None or not each.conditional]
    names = [name for name in names if cheap or name not in DEAR]
    found = scored(bed, PROBINGS["frame"], level, CALLS, names) + ours
    for name, (most, *fewer) in (RIVALS if cheap else DEAR_RIVALS).items():
        found += scored(bed, PROBINGS[name], level, most, FLUX if name.startswith("noised") else ANY, fewer)
    if bed.rival_level is not None:
        for name in ("noised iid at its own level", "noised antithetic at its own level"):
            found += scored(bed, PROBINGS[name], bed.rival_level, 64, ("flux_1",))
    found += [Scored(name, "exact", 0, 0, level, value.double(), 0.0) for name, value in bed.exact.items()]
    return found


def over_calls(bed: Bed, level: Level, most: int) -> list[Scored]:
    """The same statistics by frames, independent directions and pairs, at 2 to `most` calls."""
    fewer = tuple(number for number in (128, 64, 32, 16, 8, 4, 2) if number < most)
    found = scored(bed, PROBINGS["frame"], level, most, SWEPT, fewer)
    found += scored(bed, PROBINGS["antithetic"], level, most, SWEPT, fewer)
    found += scored(bed, PROBINGS["iid"], level, most, ANY, fewer)
    return found + detected(bed, level, (most, *fewer) if most > CALLS else (most, 4))


def over_exponents(bed: Bed, level: Level) -> list[Scored]:
    """The normalised flux over p, all from one pass."""
    probes, milliseconds = pass_over(bed, PROBINGS["frame"], level, CALLS)
    calls = int(probes.num_evaluations.max())
    return [Scored(f"flux_{p:g}", "frame", CALLS, calls, level, flux(p)(probes), milliseconds) for p in EXPONENTS]


def detected(bed: Bed, level: Level, numbers: Sequence[int], null: bool = False) -> list[Scored]:
    """Our detector, fitted on the first calibration images of the bed, at each number of calls; with `null` the others
    are scored too."""
    fitted, found = fitted_on(bed), []
    for number in numbers:
        generator = generator_for(bed, DETECTOR, level.t)
        first, rest = slice(0, fitted), slice(fitted, None)
        detector = Profile.fit(bed.model, bed.null[first], level, number, generator, part_of(bed, first))
        start = time.perf_counter()
        scores = detector(bed.images, bed.conditions)
        spent = 1e3 * (time.perf_counter() - start) / max(1, len(bed.images))
        other = detector(bed.null[rest], part_of(bed, rest)) if null else None
        found.append(Scored(DETECTOR, "frame", number, sum(detector.calls), level, scores, spent, other))
    return found


def fitted_on(bed: Bed) -> int:
    """How many calibration images our detector is fitted on."""
    return min(FITTED, len(bed.null) // 2)


def part_of(bed: Bed, rows: slice) -> Any:
    """Conditions of some of the calibration images."""
    return None if bed.null_conditions is None else bed.null_conditions[rows]


def tested(bed: Bed, level: Level) -> list[Scored]:
    """Scores of images and calibration images, from which p-values are made."""
    images, milliseconds = pass_over(bed, PROBINGS["frame"], level, CALLS)
    null, _ = pass_over(bed, PROBINGS["frame"], level, CALLS, null=True)
    null = null.rows(slice(fitted_on(bed), None))  # the same for all, and none that our detector was fitted on
    calls = int(images.num_evaluations.max())
    return [
        Scored(name, "frame", CALLS, calls, level, statistics[name](images), milliseconds, statistics[name](null))
        for name in CONTROLS
    ]
