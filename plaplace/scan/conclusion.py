"""The end of a scan: the parts become scores.parquet, the findings and the report."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from plaplace.compare import provenance
from plaplace.models import ImageSpace, LatentSpace, ScoreModel
from plaplace.scan import store
from plaplace.scan.answer import Tally, score_of, write_scores
from plaplace.scan.calibration import Calibration
from plaplace.scan.columns import names_of
from plaplace.scan.estimate import duration
from plaplace.scan.findings import Findings, Picture
from plaplace.scan.pictures import pictures
from plaplace.scan.scan import Scan
from plaplace.scan.settings import PROFILE

__all__ = ["conclude"]

PICTURES = 24
_GRID = 400  # points of the calibration curve
_SCORE = "profile"
_OURS = (
    "even and odd part of the squared error on ± pairs, contrasted over two noise levels; in standard "
    "deviations of the reference above its mean"
)
_ALONE = "minus the logarithm of the even and odd part of the squared error on ± pairs; not calibrated"


def conclude(scan: Scan, seconds: float, images: int) -> Findings:
    """Judge the parts, write scores.parquet, and gather what the report shows.

    Args:
        seconds: that this session has measured for.
        images: that it has measured.

    Raises:
        FileNotFoundError: a part is missing or damaged.
    """
    line = scan.line()
    null, reference_failed, reference_calls = _reference(scan, line)
    calibration = Calibration(null, scan.options.fdr)
    tally = Tally(calibration, line, scan.settings.seed)
    for table in scan.parts("images"):
        tally.add(table)
    verdicts, threshold, spread, rows = write_scores(scan.folder, lambda: scan.parts("images"), tally)
    best, drawn = tally.shown()
    top = rows.loc[best].reset_index(drop=True)
    top.insert(0, "rank", np.arange(1, len(top) + 1))
    sample = rows.loc[drawn].sort_values("score", ascending=False, na_position="last", kind="stable")
    sample.insert(0, "rank", pd.NA)
    store.clean(scan.folder)
    calls = tally.calls + reference_calls
    grid = np.unique(np.linspace(0, calibration.number, _GRID).astype(int)) if calibration.number else np.array([], int)
    return Findings(
        model=scan.manifest.names["model"],
        images=scan.manifest.names["images"],
        reference=scan.manifest.names.get("reference"),
        score=line.column if line.column != PROFILE else _SCORE,
        level=scan.options.fdr,
        total=tally.total,
        verdicts=verdicts,
        failed=tally.failed,
        reasons=dict(tally.reasons.most_common(20)),
        failures=pd.DataFrame(tally.failures, columns=["key", "reason"]),
        top=top.drop(columns=["index", "reason"]),
        sample=sample.drop(columns=["index", "reason"]),
        pictures=_pictures(scan, best[:PICTURES], top),
        spread=spread,
        p_values=calibration.p[grid],
        share=calibration.share()[grid],
        num_fit=line.number,
        num_reference=calibration.number,
        num_reference_failed=reference_failed,
        threshold=threshold,
        calls=calls,
        seconds=sum(each["seconds"] for each in scan.manifest.sessions),
        rate=images / seconds if images else float("nan"),
        estimated_seconds=float("nan") if scan.estimate is None else scan.estimate.seconds,
        cost=_cost(scan),
        notes=(*scan.notes, *_cautions(scan)),
        settings=_settings(scan),
        provenance=_provenance(scan),
        command=scan.options.command(),
        statistics=_statistics(scan),
    )


def _reference(scan: Scan, line: Any) -> tuple[np.ndarray, int, int]:
    """Scores of the calibration images, how many images of the reference have none, and calls."""
    scores, failed, calls = [], 0, 0
    for stage in ("fit", "reference"):
        for table in scan.parts(stage):
            found, _ = score_of(table, line)
            failed += int(np.isnan(found).sum())
            calls += int(table["calls"].to_numpy().sum())
            if stage == "reference":
                scores.append(found)
    return np.concatenate(scores) if scores else np.array([]), failed, calls


def _pictures(scan: Scan, rows: Sequence[int], top: pd.DataFrame) -> tuple[Picture, ...]:
    source, index = scan.inputs.sources["images"], scan.inputs.indices["images"]
    seen = pictures(scan.loader(), scan.settings, source, index, rows, scan.loader.device or "cpu")
    return tuple(
        Picture(place + 1, top["key"][place], image, reconstruction, caption, top.loc[place].to_dict())
        for place, (image, reconstruction, caption) in enumerate(seen)
    )


def _cautions(scan: Scan) -> list[str]:
    """What the standard errors do not cover."""
    found, dimension = [], math.prod(scan.loader().shape)
    if scan.settings.score == PROFILE:
        for level, calls in scan.settings.probings(scan.loader()):
            if calls == 2:
                found.append(f"one pair of directions at t = {level.t:g} has no standard error: take more calls")
            elif calls == 2 * dimension:
                found.append(f"the directions at t = {level.t:g} are a whole frame, whose error counts as 0")
    if scan.settings.tolerance is not None:
        found.append("images near the threshold were given more calls, as many as their first round asked for")
    return found


def _cost(scan: Scan) -> dict[str, str]:
    found = {"Engine": scan.options.engine, "CPU threads a worker": str(scan.settings.threads)}
    if scan.estimate is not None:
        found["Workers"] = str(scan.estimate.workers)
        found["Warm-up, a batch"] = duration(scan.estimate.seconds_a_batch)
    if len(scan.manifest.sessions) > 1:
        found["Sessions that came to their end"] = str(len(scan.manifest.sessions))
    return found


def _settings(scan: Scan) -> dict[str, str]:
    settings, model = scan.settings, scan.loader()
    levels = [model.levels.check(t) for t in settings.levels]
    probings = ", ".join(f"{number} at t = {level.t:g}" for level, number in settings.probings(model))
    found = {
        "Score": settings.score,
        "Statistics": ", ".join(settings.statistics),
        "Noise levels": "; ".join(f"t = {each.t:g} (sigma / alpha = {each.sigma / each.alpha:.3g})" for each in levels),
        "Directions": probings,
        "Tolerance": "none, every image alike" if settings.tolerance is None else f"{settings.tolerance:g}",
        "Condition": settings.condition,
        "Images as the model takes them": _preparation(model),
        "Seed": str(settings.seed),
        "Images in a batch": str(settings.batch),
        "Images in a shard": str(scan.manifest.shard),
    }
    if scan.options.generate:
        found["Generated"] = f"{scan.options.generate} samples of the model itself"
    return found


def _preparation(model: ScoreModel) -> str:
    """What is done to an image before the model sees it."""
    space = getattr(model, "space", None)
    pixels = space.pixels if isinstance(space, LatentSpace) else space
    if not isinstance(pixels, ImageSpace):
        return "by the model's own encode"
    colour, (height, width) = "grey" if pixels.channels == 1 else "RGB", pixels.size
    fits = {
        "crop": "the shorter side scaled (Lanczos) and the centre cut out",
        "stretch": "both sides scaled (Lanczos)",
        "refuse": "other sizes refused",
    }
    return f"{height} x {width}, {colour}; {fits[pixels.fit]}; transparency on white"


def _provenance(scan: Scan) -> dict[str, str]:
    kept = {"plaplace": "plaplace", "commit": "commit", "python": "Python", "torch": "torch", "numpy": "numpy",
            "system": "System", "cpu": "CPU", "date": "Date"}  # fmt: skip
    collected = provenance.collect()
    found = {title: str(collected[key]) for key, title in kept.items() if collected.get(key) not in (None, "")}
    found["Scan"] = scan.manifest.digest
    found["Model, SHA-256"] = scan.manifest.scan["model"] or "an object in memory, not hashed"
    return found


def _statistics(scan: Scan) -> dict[str, tuple[str, str]]:
    found = {"score": (_SCORE, _OURS if scan.settings.reference else _ALONE)} if scan.settings.score == PROFILE else {}
    for column, statistic, place in names_of(scan.settings):
        text = (statistic.value.__doc__ or statistic.source).strip().split("\n")[0]
        level = "" if place == 0 else f", t = {scan.settings.levels[place]:g}"
        found[column] = (f"{statistic.title}{level}", text)
    return found
