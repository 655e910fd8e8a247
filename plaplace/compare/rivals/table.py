"""Rows of rivals.csv from the times of one contest: ratios to ours turn by turn, targets, whether they were reached."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from plaplace.compare.rivals.cases import Target
from plaplace.compare.rivals.contest import Contender, Contest
from plaplace.compare.timing import Turns, median_interval

__all__ = ["COLUMNS", "contest_rows"]

COLUMNS = (
    *("case", "form", "kind", "D", "K", "N", "dtype"),
    *("contender", "role", "quantity", "against"),
    *("cpu_ms", "cpu_low", "cpu_high", "wall_ms", "repeats"),
    *("ratio", "ratio_low", "ratio_high"),
    *("target", "target_of", "reached"),
    *("timed_rows", "version", "note"),
)
_BEST = 1 / 3  # of the time of the best rival

Row = dict[str, Any]


def contest_rows(
    contest: Contest, times: Mapping[Contender, Turns], timed: Mapping[Contender, int], missing: Mapping[Contender, str]
) -> list[Row]:
    """The rows of one contest.

    Args:
        times: of every contender that ran, for all points, turn by turn.
        timed: on how many of the points it was timed.
        missing: contender -> why it did not run.
    """
    base = contest.base
    ours = contest.ours
    rows: list[Row] = []
    for contender in contest.contenders:
        row = contest.labels | {
            "contender": contender.name,
            "role": contender.role,
            "quantity": contender.quantity,
            "against": base.quantity,
            "version": contender.version,
            "note": missing.get(contender, contender.note),
        }
        rows.append(row)
        if contender not in times:
            continue
        row["timed_rows"] = timed[contender]
        if timed[contender] < len(contest.x):
            _note(row, f"scaled from {timed[contender]} of {len(contest.x)} points")
        row |= _columns(times[contender], times[base])
        like = ours.get(contender.quantity, base)
        if contender.role == "rival" and like is not base:
            rows.append(row | {"against": like.quantity} | _columns(times[contender], times[like]))
    for target in contest.targets:
        _judge(rows, contest, target, times)
    best = _best(contest, times)
    if best:
        row = _row(rows, best.name, base.quantity)
        _note(row, "best rival here")
        if "target" not in row:
            _set(row, _BEST, "at least 3 x faster than the best rival")
    return rows


def _columns(mine: Turns, ours: Turns) -> Row:
    timing = mine.timing
    # a slow contender sat out the last turns
    ratio, low, high = median_interval([a / b for a, b in zip(mine.cpu, ours.cpu, strict=False)])
    return {
        "cpu_ms": timing.cpu_ms,
        "cpu_low": timing.cpu_low,
        "cpu_high": timing.cpu_high,
        "wall_ms": timing.wall_ms,
        "repeats": timing.repeats,
        "ratio": ratio,
        "ratio_low": low,
        "ratio_high": high,
    }


def _judge(rows: list[Row], contest: Contest, target: Target, times: Mapping[Contender, Turns]) -> None:
    """Set the target on the row it is about; a sum of floors gets a row of its own."""
    base = contest.base
    names = [name for name, _ in target.of]
    if target.contender == names[0]:
        _set(_row(rows, names[0], base.quantity), target.most, target.words)
        return
    found = {each.name: each for each in times if each.name in names}
    row = contest.labels | {"contender": target.contender, "role": "floor", "against": base.quantity}
    rows.append(row)
    if len(found) == len(names):
        total = _sum([(times[found[name]], often) for name, often in target.of])
        row |= _columns(total, times[base])
        row |= {"timed_rows": len(contest.x), "version": found[names[0]].version}
    _set(row, target.most, target.words)


def _sum(parts: list[tuple[Turns, float]]) -> Turns:
    def total(columns: list[tuple[float, ...]]) -> tuple[float, ...]:
        return tuple(
            math.fsum(t * often for t, (_, often) in zip(turn, parts, strict=True))
            for turn in zip(*columns, strict=True)
        )

    return Turns(total([part.cpu for part, _ in parts]), total([part.wall for part, _ in parts]))


def _best(contest: Contest, times: Mapping[Contender, Turns]) -> Contender | None:
    """The fastest rival that gives the quantity the contest is about."""
    able = [each for each in times if each.role == "rival" and each.quantity == contest.best_of]
    return min(able, key=lambda each: times[each].timing.cpu_ms, default=None)


def _row(rows: list[Row], name: str, against: str) -> Row:
    return next(row for row in rows if row["contender"] == name and row["against"] == against)


def _note(row: Row, words: str) -> None:
    row["note"] = "; ".join(filter(None, (str(row["note"]), words)))


def _set(row: Row, most: float, words: str) -> None:
    row |= {"target": most, "target_of": words}
    if "ratio" in row:
        row["reached"] = "true" if row["ratio"] * most >= 1 else "false"
