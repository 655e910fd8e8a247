"""The table rivals.csv: every contender of every contest, its time, and its ratio to ours within the same turns."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from plaplace.compare.rivals.cases import CASES, FORMS, problem
from plaplace.compare.rivals.contest import Contender, Contest, exact_contest
from plaplace.compare.rivals.estimators import JOBS, estimator_contest
from plaplace.compare.rivals.networks import NETWORKS
from plaplace.compare.rivals.packages import version
from plaplace.compare.rivals.sizing import sized
from plaplace.compare.rivals.table import COLUMNS, contest_rows
from plaplace.compare.timing import Turns, one_thread, turns

__all__ = ["QUICK", "SLUGS", "measure", "rows_of"]

Progress = Callable[[str, int, int], None]

SLUGS = (*CASES, *JOBS)
QUICK = ("full-2", "spherical-64", "spherical-3072-float32", "mlp-hutchinson-8", "mlp-flux-32")
REPEATS = 7
SLOW_REPEATS = 3  # of contenders whose call on a single point takes longer than _SLOW seconds
_SLOW = 5.0


def measure(
    folder: str | Path, quick: bool = False, progress: Progress | None = None, cases: Sequence[str] | None = None
) -> Path:
    """Time the contests on one thread and write `rivals.csv` into the folder; its path.

    A row is a contender in a case. `ratio` is the median over the turns of its time divided by that of ours in the
    same turn (above 1: ours is faster), `ratio_low` and `ratio_high` its 95% interval by ranks. `against` names which
    of our calls: the p-Laplacian (log-density, |s|, tr H and n'Hn together) and, in a second row, the one that gives
    what the rival gives. `target` is the largest allowed share ours/contender, `reached` whether ratio x target >= 1.
    Times of a contender on `timed_rows` of the N points are scaled to all. Empty times: not run, `note` says why.

    Args:
        folder: made if it is missing.
        quick: five small cases in their typical form, contenders on fewer points: under a minute.
        progress: called with (stage, done, of how many).
        cases: slugs; all, or those of the quick form, when not given.

    Raises:
        ValueError: an unknown slug.
        RuntimeError: a rival and ours disagree about the Laplacian or the density.
    """
    chosen = tuple(cases) if cases is not None else QUICK if quick else SLUGS
    for slug in chosen:
        if slug not in SLUGS:
            raise ValueError(f"case = {slug!r} was given; accepted are {', '.join(SLUGS)}")
    jobs = [(slug, form) for slug in chosen for form in (FORMS if slug in CASES and not quick else FORMS[:1])]
    path = Path(folder) / "rivals.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    with one_thread(), _blas_on_one_thread():
        for done, (slug, form) in enumerate(jobs):
            if progress:
                progress("rivals", done, len(jobs))
            rows += _case_rows(slug, form, quick)
            # after every case: the whole takes long, and what is measured stays
            table = pd.DataFrame(rows, columns=list(COLUMNS))
            table.to_csv(path, index=False, float_format="%.6g", lineterminator="\n")
            gc.collect()  # the parameters of the largest case take 0.5 GB
    if progress:
        progress("rivals", len(jobs), len(jobs))
    return path


def _case_rows(slug: str, form: str, quick: bool) -> list[dict[str, Any]]:
    if slug in CASES:
        return rows_of(exact_contest(problem(CASES[slug], form), quick), quick)
    if not version(NETWORKS[JOBS[slug].network].package):
        return [_absent(slug)]
    return rows_of(estimator_contest(JOBS[slug]), quick)


def rows_of(contest: Contest, quick: bool = False) -> list[dict[str, Any]]:
    """The rows of one contest."""
    budget, limit = (0.1, 1.0) if quick else (1.5, 60.0)
    x = contest.x
    works: dict[Contender, Callable[[], object]] = {}
    timed: dict[Contender, int] = {}
    fewer: dict[Contender, int] = {}
    missing: dict[Contender, str] = {}
    firsts: dict[Contender, object] = {}
    for contender in contest.contenders:
        if contender.obstacle:
            missing[contender] = contender.obstacle
            continue
        work, rows = contender.make(), len(x)
        if contender.role == "rival":
            try:
                found = sized(work, x, budget)
            except (MemoryError, RuntimeError) as error:
                if "memory" not in str(error):
                    raise
                missing[contender] = "not run: out of memory"
                continue
            rows, firsts[contender] = found.rows, found.first
            if rows == 1 and found.seconds > limit:
                missing[contender] = f"not run: one point takes {found.seconds:.0f} s"
                continue
            if rows == 1 and found.seconds > _SLOW:
                fewer[contender] = SLOW_REPEATS
        timed[contender] = rows
        works[contender] = partial(work, x[:rows])
    _check(contest, firsts)
    found_turns = turns(works, REPEATS, least_ms=5.0 if quick else 20.0, fewer=fewer)
    times = {contender: _scaled(found_turns[contender], len(x) / timed[contender]) for contender in works}
    return contest_rows(contest, times, timed, missing)


def _absent(slug: str) -> dict[str, Any]:
    network = JOBS[slug].network
    note = f"not run: {NETWORKS[network].package} is not installed"
    return {"case": slug, "form": "network", "kind": network, "note": note}


@contextmanager
def _blas_on_one_thread() -> Iterator[None]:
    """Inside, numpy's BLAS, which scikit-learn calls, uses one thread; threadpoolctl comes with scikit-learn."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        yield
        return
    with threadpool_limits(1):
        yield


def _scaled(found: Turns, factor: float) -> Turns:
    return Turns(tuple(t * factor for t in found.cpu), tuple(t * factor for t in found.wall))


def _check(contest: Contest, firsts: dict[Contender, object]) -> None:
    """Rivals that give what one of ours gives must agree with it on the first point."""
    ours = {each.quantity: each for each in contest.contenders if each.role == "ours"}
    single = contest.x.dtype == torch.float32
    for contender, value in firsts.items():
        if contender.quantity not in ours:
            continue
        want = ours[contender.quantity].make()(contest.x[:1])
        assert isinstance(want, Tensor) and isinstance(value, Tensor)
        # expanded squares and products of D = 3072 numbers cost a rival some digits, which are not in question here
        if not torch.allclose(value.to(want), want, rtol=1e-2 if single else 1e-8):
            raise RuntimeError(
                f"{contender.name} gives {value.tolist()} for the {contender.quantity} of {contest.labels['case']}, "
                f"ours is {want.tolist()}"
            )
