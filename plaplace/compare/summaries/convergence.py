"""Error against the number of score evaluations: the slope of every estimator, and who is on the Pareto front."""

from __future__ import annotations

from typing import Any

import pandas as pd

from plaplace.compare.names import look, with_contender
from plaplace.compare.reading import Tables
from plaplace.compare.summaries.errors import DIGITS, at_radius, regular, relative_rms, show, split, widths
from plaplace.compare.summaries.findings import Finding
from plaplace.compare.summaries.intervals import Interval, of_mean, slope
from plaplace.compare.words import between, exponent, sig

__all__ = ["curves", "pareto", "sampling_errors", "slopes", "summarise"]

SHOWN = (1.0, 2.0)
BUDGET = 64
OURS, PAPERS = "flux, ± frames (ours)", "flux, iid (the paper's)"


def summarise(tables: Tables) -> dict[str, Any]:
    """Curves for the figure, slopes and fronts for the tables, and a finding."""
    rows = split(tables["estimates"])
    exact = rows[(rows["score"] == "exact") & rows["p"].isin(SHOWN)]
    width = widths(tables.tables.get("coverage"))
    chosen = at_radius(exact, {name: 0.1 * each for name, each in width.items()})
    good = regular(rows)
    judged = chosen.merge(good[["problem", "point", "p", "score"]].drop_duplicates())
    points = chosen[["problem", "point", "p"]].drop_duplicates()
    kept = judged[["problem", "point", "p"]].drop_duplicates()
    drawn = curves(judged)
    front = pareto(drawn)
    sampled = sampling_errors(judged, tables.tables.get("coverage"))
    return {
        "curves": drawn,
        "front": front,
        "front_rows": [
            [row["problem"], exponent(row["p"]), int(row["num_evaluations"]), row["names"], show(row["total"])]
            for row in _ends(front).to_dict("records")
        ],
        "slope_rows": [[line["contender"], *(_show(line[exponent(p)]) for p in SHOWN)] for line in slopes(sampled)],
        "left_out": len(points) - len(kept),
        "all_points": len(points),
        "findings": _findings(drawn, front),
    }


def curves(rows: pd.DataFrame) -> pd.DataFrame:
    """problem, p, contender, num_evaluations, total: relative root mean square error, median over points.

    Errors below the digits of the tables stand as those.
    """
    by = ["problem", "p", "contender", "num_evaluations"]
    table = relative_rms(rows, "total", by).dropna(subset=["total"])
    return table.assign(total=table["total"].clip(lower=DIGITS))


def pareto(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of `curves` that no other row of the same problem and p beats at as many evaluations or fewer.

    Contenders that reach the last digit at the same cost stand together in one row, `names` joins them.
    """
    parts = []
    for _, group in table.groupby(["problem", "p"], sort=False):
        ordered = group.sort_values(["num_evaluations", "total"])
        best = ordered[ordered["total"] < ordered["total"].cummin().shift(fill_value=float("inf"))]
        names = []
        for row in best.to_dict("records"):
            ties = group[(group["num_evaluations"] == row["num_evaluations"]) & (group["total"] <= row["total"])]
            names.append("; ".join(sorted(ties["contender"], key=lambda title: look(title).order)))
        parts.append(best.assign(names=names))
    return pd.concat(parts) if parts else table.head(0).assign(names="")


def _ends(front: pd.DataFrame) -> pd.DataFrame:
    """Of each front the dearest row within the budget and the last one; the figure has them all."""
    keys = ["problem", "p"]
    within = front[front["num_evaluations"] <= BUDGET].groupby(keys).tail(1).index
    return front[front.index.isin(within.union(front.groupby(keys).tail(1).index))]


def sampling_errors(rows: pd.DataFrame, coverage: pd.DataFrame | None) -> pd.DataFrame:
    """problem, point, p, contender, num_evaluations, size (relative to the estimator's mean), repeats behind it.

    From the seeds of `rows` (see `errors.split`), and at the same points from coverage.csv, R = 0.1 width.
    """
    keys = ["problem", "point", "p", "contender", "num_evaluations"]
    squares = rows.assign(size=(rows["sampling"] / rows["target"]).astype(float).pow(2))
    few = squares.groupby(keys)["size"].agg(["mean", "size"]).reset_index()
    few = few.rename(columns={"mean": "square", "size": "repeats"}).assign(size=lambda t: t["square"].pow(0.5))
    parts = [few[[*keys, "size", "repeats"]]]
    if coverage is not None:
        many = with_contender(coverage)
        many = many[many["radius_over_width"].isna() | ((many["radius_over_width"] - 0.1).abs() < 1e-6)]
        many = many.merge(few[["problem", "point", "p", "contender"]].drop_duplicates())
        parts.append(many.assign(size=many["sd"] / many["truth"].abs())[[*keys, "size", "repeats"]])
    table = pd.concat(parts, ignore_index=True)
    return table[table["size"] > 10 * DIGITS]


def slopes(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Log-log slope of `sampling_errors` per contender, p = 1 and 2: mean over points, then over problems."""
    found = []
    for title, group in table.groupby("contender"):
        line: dict[str, Any] = {"contender": str(title)}
        for p in SHOWN:
            line[exponent(p)] = _slope(group[group["p"] == p])
        if any(line[exponent(p)].value == line[exponent(p)].value for p in SHOWN):
            found.append(line)
    return sorted(found, key=lambda line: look(line["contender"]).order)


def _slope(table: pd.DataFrame) -> Interval:
    """Over problems: the points of one share their directions, so that only problems are independent."""
    found = []
    for _, problem in table.groupby("problem"):
        lines = [(g["num_evaluations"], g["size"], g["repeats"]) for _, g in problem.groupby("point")]
        found.append(slope(lines).value)
    return of_mean(found)


def _findings(curves: pd.DataFrame, front: pd.DataFrame) -> list[Finding]:
    """What at most 64 evaluations buy: the best, ours, the paper's."""
    found = []
    cheap, cheap_front = (each[each["num_evaluations"] <= BUDGET] for each in (curves, front))
    for problem, group in cheap.groupby("problem", sort=False):
        texts = []
        for p, rows in group.groupby("p"):
            best = cheap_front[(cheap_front["problem"] == problem) & (cheap_front["p"] == p)].tail(1)
            if not len(best):
                continue
            rest = [
                f"{title.removeprefix('flux, ')} {show(rows.loc[rows['contender'] == title, 'total'].iloc[-1])}"
                for title in (OURS, PAPERS)
                if (rows["contender"] == title).any()
            ]
            names = str(best["names"].iloc[0]).split("; ")
            who = names[0] if len(names) < 3 else f"{len(names)} estimators"
            texts.append(f"p = {exponent(float(p))}: best {show(best['total'].iloc[0])} ({who}), " + ", ".join(rest))
        if texts:
            found.append(
                Finding(f"Relative error of at most {BUDGET} score evaluations on {problem}: " + "; ".join(texts) + ".")
            )
    return found


def _show(interval: Interval) -> str:
    """A slope with its interval, or a dash."""
    return f"{sig(interval.value)} {between(interval.low, interval.high)}".strip()
