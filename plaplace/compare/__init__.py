"""Estimators of the p-Laplacian and detectors of memorization compared where the truth is known: tables and report.

problems  what is compared on          methods  who competes        grid  what is run
truth     what they are judged by      runs, coverage, published, maps, learning  the measuring, one table each
measure   all of it, into the folder   tables   the columns         report  a pure function of the tables
detecting  the same for detectors: worlds x seeds x statistics
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

__all__ = ["run"]


def run(
    out: str | Path,
    quick: bool = False,
    problems: Sequence[str] | None = None,
    progress: Callable[[str, int, int], None] | None = None,
    worlds: Sequence[str] | None = None,
    jobs: int = 1,
) -> Path:
    """Measure, write the tables, write the report; the path of `report.html`.

    On one thread a process: the numbers then do not depend on how many cores there are, and times can be compared.

    Args:
        out: folder for everything; made if it is missing, files of an earlier run are replaced.
        quick: a small grid, short trainings and three worlds: under 3 minutes instead of under an hour.
        problems: keys of `problems.PROBLEMS`, on which estimators are compared.
        progress: called with (stage, done, of how many).
        worlds: keys of `memorization.worlds.WORLDS`, on which detectors are compared. When neither is given, all
            problems and all worlds are run, but worlds whose package or data are missing, which the report names; when
            one is given, those named alone.
        jobs: worlds measured at a time.

    Raises:
        ValueError: an unknown problem or world, jobs < 1.
        ImportError, FileNotFoundError: what was asked for lacks a package or its data; says what to install.
    """
    from plaplace.compare import accuracy, cost, report
    from plaplace.compare.detecting import stage
    from plaplace.compare.measure import measure
    from plaplace.compare.problems import PROBLEMS
    from plaplace.compare.provenance import add, add_seconds
    from plaplace.compare.rivals import measure as rivals
    from plaplace.compare.timing import one_thread
    from plaplace.memorization.worlds import WORLDS

    if jobs < 1:
        raise ValueError(f"jobs = {jobs} was given; it must be at least 1")
    everything = problems is None and worlds is None
    chosen = tuple(PROBLEMS if everything else problems or ())
    beds = tuple((stage.QUICK if quick else WORLDS) if everything else worlds or ())
    stage.check(beds)
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    show = progress or (lambda stage, done, total: None)

    def note(name: str, seconds: float, skipped: str) -> None:
        add_seconds(folder, f"world {name}", seconds)
        if skipped:
            add(folder, "skipped", f"world {name}", skipped)

    with one_thread():
        provenance = measure(folder, quick, chosen, show, worlds=list(beds))
        stages: dict[str, Callable[..., object]] = {
            "accuracy": accuracy.measure,
            "cost": cost.measure,
            # the small cases: the largest take gigabytes and most of an hour (`python -m plaplace.compare.rivals`)
            "rivals": partial(rivals.measure, cases=rivals.QUICK),
        }
        for name, measure_stage in stages.items() if chosen else ():
            start = time.perf_counter()
            measure_stage(folder, quick, show)
            add_seconds(folder, name, time.perf_counter() - start)
        stage.measure(folder, quick, beds, provenance["run_id"], show, note, not everything, jobs)
    return report.write(folder)
