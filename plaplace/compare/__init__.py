"""Estimators of the p-Laplacian compared on problems whose truth is known: measure, tables, report.

problems  what is compared on          methods  who competes        grid  what is run
truth     what they are judged by      runs, coverage, published, maps, learning  the measuring, one table each
measure   all of it, into the folder   tables   the columns         report  a pure function of the tables
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

__all__ = ["run"]


def run(
    out: str | Path,
    quick: bool = False,
    problems: Sequence[str] | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Path:
    """Measure, write the tables, write the report; the path of `report.html`.

    On one thread: the numbers then do not depend on how many cores there are, and times can be compared.

    Args:
        out: folder for everything; made if it is missing, files of an earlier run are replaced.
        quick: a small grid and short trainings: under 3 minutes instead of under 30.
        problems: keys of `problems.PROBLEMS`; None means all.
        progress: called with (stage, done, of how many).

    Raises:
        ValueError: an unknown problem.
        ImportError: scikit-learn is missing and "digits" was asked for; says what to install.
    """
    from plaplace.compare import accuracy, cost, report
    from plaplace.compare.measure import measure
    from plaplace.compare.problems import PROBLEMS
    from plaplace.compare.provenance import add_seconds
    from plaplace.compare.timing import one_thread

    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    show = progress or (lambda stage, done, total: None)
    with one_thread():
        measure(folder, quick, tuple(PROBLEMS) if problems is None else tuple(problems), show)
        for stage, measure_stage in (("accuracy", accuracy.measure), ("cost", cost.measure)):
            start = time.perf_counter()
            measure_stage(folder, quick, show)
            add_seconds(folder, stage, time.perf_counter() - start)
    return report.write(folder)
