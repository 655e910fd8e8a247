"""The detection part of a comparison: worlds x seeds x statistics in, its tables out."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from plaplace.compare.detecting import judging
from plaplace.compare.detecting.contenders import DETECTOR
from plaplace.compare.detecting.controls import control_row
from plaplace.compare.detecting.gallery import gallery_rows
from plaplace.compare.detecting.judging import Judged
from plaplace.compare.detecting.passes import VIEWS, Passes, passes
from plaplace.compare.detecting.scoring import Scored
from plaplace.compare.detecting.tables import Rows
from plaplace.memorization.worlds import WORLDS, Bed, World

__all__ = ["QUICK", "check", "measure", "measure_world"]

QUICK = ("memorizer", "membership", "digits")  # of a quick comparison: seconds each
Note = Callable[[str, float, str], None]  # (world, seconds, why it was skipped or "")


def check(worlds: Sequence[str]) -> None:
    """Raise a ValueError for an unknown world."""
    unknown = [name for name in worlds if name not in WORLDS]
    if unknown:
        raise ValueError(f"world = {unknown[0]!r} was given; accepted are {', '.join(map(repr, WORLDS))}")


def measure(
    folder: Path,
    quick: bool,
    worlds: Sequence[str],
    run_id: str,
    progress: Callable[[str, int, int], None],
    note: Note,
    required: bool = True,
    jobs: int = 1,
) -> None:
    """Build the worlds named, probe, judge, and write the tables into the folder after each of them.

    Args:
        worlds: keys of `WORLDS`.
        progress: called with (stage, done, of how many).
        note: called after each world.
        required: whether a world that lacks a package or its data is an error; else it is skipped and noted.
        jobs: worlds at a time, each in a process of its own with one thread. The rows are the same but for times.

    Raises:
        FileNotFoundError, ImportError: a required world lacks its data or a package.
    """
    Rows(run_id, quick).write(folder)  # in place of an earlier run's
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for name, rows, seconds, skipped in _each(worlds, quick, run_id, progress, required, jobs):
        found[name] = rows
        collected = Rows(run_id, quick)
        for each in worlds:  # in their own order, whichever came first
            collected.extend(found.get(each, {}))
        collected.write(folder)
        note(name, seconds, skipped)


Answer = tuple[str, dict[str, list[dict[str, Any]]], float, str]


def _each(
    worlds: Sequence[str],
    quick: bool,
    run_id: str,
    progress: Callable[[str, int, int], None],
    required: bool,
    jobs: int,
) -> Iterator[Answer]:
    if jobs == 1:
        for name in worlds:
            yield _one(name, quick, run_id, required, _stage(progress, name))
            progress(f"world {name}", 1, 1)
        return
    with ProcessPoolExecutor(
        jobs, mp_context=get_context("spawn"), initializer=torch.set_num_threads, initargs=(1,)
    ) as pool:
        waiting = [pool.submit(_one, name, quick, run_id, required) for name in worlds]
        for number, each in enumerate(as_completed(waiting)):
            progress("worlds", number + 1, len(waiting) + 1)
            yield each.result()
        progress("worlds", 1, 1)


def _stage(progress: Callable[[str, int, int], None], name: str) -> Callable[[int, int], None]:
    return lambda done, total: progress(f"world {name}", done, total)


def _silent(done: int, total: int) -> None:
    """A progress that nobody sees."""


def _one(name: str, quick: bool, run_id: str, required: bool, report: Callable[[int, int], None] = _silent) -> Answer:
    """Rows of one world and the seconds it took, or why it was skipped."""
    collected, start = Rows(run_id, quick), time.perf_counter()
    try:
        measure_world(WORLDS[name], collected, report)
    except (FileNotFoundError, ImportError) as error:
        if required:
            raise
        return name, {}, time.perf_counter() - start, str(error)
    return name, collected.rows, time.perf_counter() - start, ""


def measure_world(world: World, collected: Rows, report: Callable[[int, int], None]) -> None:
    """One world: all its seeds, then what they say together, checkpoint by checkpoint (their steps may differ)."""
    seeds = world.quick_seeds if collected.quick else world.seeds
    found: dict[int, list[tuple[Bed, Passes]]] = {}

    def over(number: int) -> Callable[[int, int], None]:
        return lambda done, total: report(number * total + done, total * len(seeds))

    for number, seed in enumerate(seeds):
        began = time.perf_counter()
        for checkpoint, bed in enumerate(world.build(seed, collected.quick, over(number))):
            trained = time.perf_counter() - began
            collected.add("worlds.csv", [world_row(bed, trained, collected.run_id)])
            main = collected.quick or not world.main_steps or bed.step in world.main_steps
            found.setdefault(checkpoint, []).append(
                (bed, passes(bed, collected.quick, number == 0, main, world.control))
            )
            began = time.perf_counter()
    for beds in found.values():
        judge([bed for bed, _ in beds], [each for _, each in beds], world.control, collected)


def world_row(bed: Bed, seconds: float, run_id: str) -> dict[str, Any]:
    """A row of worlds.csv."""
    counts = Counter(bed.groups)
    return {
        "world": bed.world,
        "title": bed.title,
        "seed": bed.seed,
        "step": bed.step,
        "images": len(bed.images),
        "groups": ", ".join(f"{name}: {number}" for name, number in counts.items()),
        "null": len(bed.null),
        "dimension": bed.images[0].numel(),
        "t": bed.level.t,
        "sigma": bed.level.sigma,
        "copied": bed.copied,
        "seconds": round(seconds, 2),
        "run_id": run_id,
    }


def judge(beds: list[Bed], found: list[Passes], nothing: bool, collected: Rows) -> None:
    """Rows of one checkpoint: every view, task and contender over all seeds, ours against each, curves, pictures."""
    quick, run_id = collected.quick, collected.run_id
    tasks = [task for task in beds[0].tasks if all(task in bed.tasks for bed in beds)]
    main_task = tasks[0]
    judged = {view: contenders(view, beds, [each[view] for each in found]) for view in VIEWS}
    for view, each in judged.items():
        for one in each:
            for task in tasks if view == "main" else tasks[:1] if view != "control" else ():
                collected.add("detection.csv", [judging.detection_row(one, task, quick, run_id)])
    main = judged["main"]
    ours = [each for each in main if each.first.statistic == DETECTOR]
    for one in main:
        collected.add("roc.csv.gz", judging.roc_rows(one, main_task, run_id))
        for task in tasks:
            for mine in ours:
                if mine is not one:
                    collected.add("paired.csv", judging.paired_rows(mine, one, task, quick, run_id))
    for exact, flux in exact_pairs(main):
        collected.add("paired.csv", judging.paired_rows(exact, flux, main_task, quick, run_id))
    if ours:
        collected.add("gallery.csv", gallery_rows(beds[0], ours[0].scores[0].scores, DETECTOR, run_id))
    for control in judged["control"]:
        for bed, scored in zip(control.beds, control.scores, strict=True):
            collected.add("controls.csv", [control_row(bed, scored, main_task, nothing, run_id)])


def exact_pairs(main: list[Judged]) -> list[tuple[Judged, Judged]]:
    """The exact operator against its own estimates around the clean centre: whether these reach it."""
    exact = {each.first.statistic.removeprefix("exact_"): each for each in main if each.first.probing == "exact"}
    return [
        (exact[p], each)
        for each in main
        if each.first.probing in ("frame", "iid") and (p := each.first.statistic.removeprefix("flux_")) in exact
    ]


def contenders(view: str, beds: list[Bed], found: list[list[Scored]]) -> list[Judged]:
    """The scores of every seed, contender by contender; a view that was measured on some seeds alone has those."""
    kept = [(bed, scores) for bed, scores in zip(beds, found, strict=True) if scores]
    if not kept:
        return []
    lists = zip(*(scores for _, scores in kept), strict=True)
    return [Judged(view, [bed for bed, _ in kept], list(scores)) for scores in lists]
