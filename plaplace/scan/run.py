"""`plaplace.scan.run`: the scan as one call."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from plaplace.scan.answer import SCORES
from plaplace.scan.conclusion import conclude
from plaplace.scan.drawing import TOGETHER
from plaplace.scan.estimate import Estimate
from plaplace.scan.findings import Findings
from plaplace.scan.manifest import write_manifest
from plaplace.scan.options import Options, Progress
from plaplace.scan.ranks import Ranks
from plaplace.scan.report import write
from plaplace.scan.scan import Scan
from plaplace.scan.settings import PROFILE
from plaplace.scan.setup import alone, prepare
from plaplace.scan.store import written_atomically

__all__ = ["Finished", "estimated", "run", "scan"]

REPORT = "report.html"


@dataclass(frozen=True)
class Finished:
    """A scan at its end.

    Attributes:
        findings: what was found.
        scores, report: the files.
    """

    findings: Findings
    scores: Path
    report: Path


def run(
    model: Any,
    images: str | Path | None = None,
    out: str | Path = "scan",
    *,
    reference: str | Path | None = None,
    captions: str | Path | None = None,
    reference_captions: str | Path | None = None,
    generate: int = 0,
    prompts: str | Path | None = None,
    statistics: Sequence[str] | None = None,
    score: str = PROFILE,
    levels: Sequence[float] | None = None,
    calls: int = 16,
    tolerance: float | None = None,
    fdr: float = 0.05,
    seed: int = 0,
    unconditional: bool = False,
    engine: str = "local",
    workers: int | None = None,
    address: str | None = None,
    device: str = "cpu",
    dtype: str | None = None,
    threads: int = 1,
    batch_size: int | None = None,
    resume: bool = False,
    trust_pickle: bool = False,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Scan images for those that a model has memorized.

    Args:
        model: a path or object that `models.load` takes.
        images: a folder of PNG, JPEG or WebP files, a parquet or arrow data set, WebDataset tar files, an .npy or .npz
            array. None with `generate`.
        out: folder for scores.parquet, report.html, and the parts from which a killed scan goes on.
        reference: images of the same kind that the model has not seen, 20 or more; a quarter (256 at most) fits the
            score, the others give p-values. Without it images are ranked and nothing is decided.
        captions, reference_captions: CSV or JSON files; None looks beside the images.
        generate: scan that many samples of the model itself.
        prompts: text file with a prompt a line, for generated samples of a model that takes prompts.
        statistics: names in `memorization.statistics`; None for flux (p = 1, 2), denoising loss and displacement.
        score: what ranks: "profile", our detector, or a statistic.
        levels: t of the noise levels, the main one first; None for the one with sigma / alpha = 0.2.
        calls: directions an image, even.
        tolerance: standard error that the score is to have near the threshold, in the reference's standard deviations;
            images there get up to 8 times the calls.
        fdr: false discovery rate of the verdicts.
        seed: of everything drawn; an image's numbers come from it and the image's key.
        unconditional: leave captions and labels aside.
        engine: "local", this process, or "ray". Under torchrun the processes share a local scan.
        workers, address: of Ray; as many as there is room for, on this machine.
        device, dtype: where and in what the network runs.
        threads: CPU threads of a worker; part of the configuration, for rounding depends on it.
        batch_size: images that the network sees together; None fits them to the cache.
        resume: go on with the scan in `out`, of the same configuration alone; one that is not there begins.
        trust_pickle: read weights that are pickles, which can run code.
        progress: called with (stage, images done, images in all, failures).

    Returns:
        One row an image, the highest score first: key, score and its standard error, p_value, q_value, verdict
        ("memorized", "not", "cannot tell"), calls, statistics NAME and NAME_se, and a reason where there is no score.
        In a process of torchrun other than the first: no rows.

    Raises:
        ValueError, FileNotFoundError, ImportError: what was given cannot be used; the text says what is accepted.
        OSError: of the disk; finished parts are kept.
    """
    options = Options(
        model, images, Path(out), reference, captions, reference_captions, generate, prompts, statistics, score, levels,
        calls, tolerance, fdr, seed, unconditional, engine, workers, address, device, dtype, threads, batch_size,
        resume, trust_pickle,
    )  # fmt: skip
    finished = scan(options, progress)
    if finished is None:
        return pd.DataFrame()
    table = pd.read_parquet(finished.scores)
    return table.sort_values("score", ascending=False, kind="stable", na_position="last", ignore_index=True)


def scan(options: Options, progress: Progress | None = None, tell: Any = None) -> Finished | None:
    """`run` with its options in one object; None in a process that leaves the answer to another.

    Args:
        tell: called with the estimate before the work begins.
    """
    show = progress or (lambda stage, done, total, failed: None)
    with alone(options.out, Ranks.of_environment()):
        prepared = prepare(options, show)
        for text in (prepared.estimate, *_warnings(prepared)):
            if tell is not None and text is not None:
                tell(text)
        seconds, images = prepared.measure(show)
        if not prepared.ranks.first:
            return None
        session = {"seconds": round(seconds, 2), "images": images, "engine": options.engine}
        manifest = replace(prepared.manifest, sessions=[*prepared.manifest.sessions, session])
        write_manifest(manifest, options.out)
        findings = conclude(replace(prepared, manifest=manifest), seconds, images)
        report = options.out / REPORT
        with written_atomically(report) as partial:
            write(findings, partial)
        return Finished(findings, options.out / SCORES, report)


def _warnings(prepared: Scan) -> list[str]:
    """What is better known before the work than after it."""
    found, number = list(prepared.notes), prepared.manifest.counts.get("reference", 0)
    least, level = 1 / (1 + number), prepared.options.fdr
    if number and least > level:
        found.append(
            f"{number} reference images give p-values of {least:.3g} at least: nothing can be found at {level:g}"
        )
    return found


def estimated(options: Options) -> Estimate | None:
    """What a scan would cost, from its first batch; nothing is left behind. None but in the first process."""
    if not Ranks.of_environment().first:
        return None
    few, ends = min(options.generate, 2 * TOGETHER), [time.monotonic()]

    def show(stage: str, done: int, total: int, failed: int) -> None:
        ends.append(time.monotonic())

    with tempfile.TemporaryDirectory() as folder:
        found = prepare(replace(options, out=Path(folder), resume=False, generate=few), show).estimate
    assert found is not None  # of a scan that begins
    if few:  # the last of the shards that were drawn tells how long one takes
        drawing = (ends[-1] - ends[-2]) * options.generate / (few % TOGETHER or TOGETHER)
        return replace(found, images=found.images + options.generate - few, drawing=drawing)
    return found
