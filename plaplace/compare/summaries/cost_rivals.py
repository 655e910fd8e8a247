"""Ours beside rivals and floors, case by case: ratios, what was to be reached, and what could not be run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from plaplace.compare.reading import Tables
from plaplace.compare.summaries.findings import Finding
from plaplace.compare.words import between, count, sig

__all__ = ["MAIN", "Contest", "summarise"]

MAIN = "p_laplacian"  # the call of ours that ratios and targets are about
_COMPILED = "plaplace, compiled"  # a contender that is ours, on request
FASTER = 3.0  # times the best rival, as promised
_TEXT = ("contender", "role", "quantity", "against", "target_of", "note", "form", "case", "version")


@dataclass(frozen=True)
class Contest:
    """One case in one form: the rows of those that ran, ratios against our main call, without the floors' sums."""

    title: str
    ours: float
    rivals: pd.DataFrame
    floors: pd.DataFrame

    @property
    def best(self) -> pd.Series | None:
        """The fastest rival that gives the Laplacian or the trace; None where none ran."""
        able = self.rivals[self.rivals["quantity"] != "log_prob"]
        return able.loc[able["ratio"].idxmin()] if len(able) else None


def summarise(tables: Tables) -> dict[str, Any]:
    """The contests, lines of targets and of best rivals, and who was absent."""
    table = tables["rivals"].copy()
    for name in _TEXT:
        table[name] = table[name].astype(object).where(table[name].notna(), "").astype(str)
    main = table[table["against"] == MAIN]
    ran = main[main["ratio"].notna()]
    contests = [
        _contest(str(case), str(form), group) for (case, form), group in ran.groupby(["case", "form"], sort=False)
    ]
    targets = main[main["target"].notna()]
    judged = targets[targets["ratio"].notna()]
    like = table[(table["against"] != MAIN) & table["ratio"].notna()]
    return {
        "contests": [contest for contest in contests if len(contest.rivals) or len(contest.floors)],
        "targets": [_target(row) for row in judged.to_dict("records")],
        "best": [_best(contest, like) for contest in contests if contest.best is not None],
        "compiled": _compiled(ran, {contest.title: contest for contest in contests}),
        "absent": _absent(table),
        "unjudged": len(targets) - len(judged),
        "findings": [*_target_findings(judged), *_rival_findings(contests)],
    }


def _contest(case: str, form: str, group: pd.DataFrame) -> Contest:
    ours = group[(group["role"] == "ours") & (group["quantity"] == MAIN) & (group["contender"] != _COMPILED)]["cpu_ms"]
    return Contest(
        _title(case, form),
        float(ours.iloc[0]) if len(ours) else float("nan"),
        group[group["role"] == "rival"],
        group[group["role"] == "floor"],
    )


def _title(case: str, form: str) -> str:
    return case if form in ("", "network") else f"{case}, {form}"


def _reached(row: dict[Any, Any]) -> bool:
    return bool(row["ratio"] * row["target"] >= 1)


def _target(row: dict[Any, Any]) -> list[object]:
    ours = row["cpu_ms"] / row["ratio"]
    return [
        _title(row["case"], row["form"]),
        row["target_of"].replace("the best rival", f"the best rival, {row['contender']}"),
        float(ours),
        float(row["cpu_ms"]),
        _measured(row),
        "yes" if _reached(row) else "**no**",
    ]


def _measured(row: dict[Any, Any]) -> str:
    """The ratio the way round in which the target states it."""
    ratio, low, high = row["ratio"], row["ratio_low"], row["ratio_high"]
    if row["target_of"].startswith("at least"):
        return f"{sig(ratio)} {between(low, high)} faster"
    return f"{sig(1 / ratio)} {between(1 / high, 1 / low)} x"


def _best(contest: Contest, like: pd.DataFrame) -> list[object]:
    row = contest.best
    assert row is not None
    same = like[(like["case"] == row["case"]) & (like["form"] == row["form"]) & (like["contender"] == row["contender"])]
    return [
        contest.title,
        contest.ours,
        row["contender"],
        f"{sig(row['ratio'])} {between(row['ratio_low'], row['ratio_high'])}",
        "–" if same.empty else f"{sig(same['ratio'].iloc[0])} (our {same['against'].iloc[0]})",
        len(contest.rivals),
    ]


def _compiled(ran: pd.DataFrame, contests: dict[str, Contest]) -> list[list[object]]:
    """Lines of ours compiled: its time, over ours as it is, and the best rival's over it."""
    lines: list[list[object]] = []
    for row in ran[ran["contender"] == _COMPILED].to_dict("records"):
        best = contests[_title(row["case"], row["form"])].best
        beside = "–" if best is None else f"{sig(best['cpu_ms'] / row['cpu_ms'])} ({best['contender']})"
        ratio = f"{sig(row['ratio'])} {between(row['ratio_low'], row['ratio_high'])}"
        lines.append(
            [_title(row["case"], row["form"]), row["quantity"].replace("_", "-"), float(row["cpu_ms"]), ratio, beside]
        )
    return lines


def _absent(table: pd.DataFrame) -> list[tuple[str, str]]:
    """(why, of whom where), one line a reason."""
    rows = table[table["cpu_ms"].isna() & (table["note"] != "")]
    reasons: dict[str, list[str]] = {}
    for row in rows.to_dict("records"):
        who = row["contender"] or "all"
        name = f"{who} ({_title(row['case'], row['form'])})"
        named = reasons.setdefault(row["note"].removeprefix("not run: "), [])
        if name not in named:
            named.append(name)
    return [(reason, ", ".join(names)) for reason, names in reasons.items()]


def _target_findings(judged: pd.DataFrame) -> list[Finding]:
    rows = judged.to_dict("records")
    if not rows:
        return []
    missed = [row for row in rows if not _reached(row)]
    text = f"Speed beside rivals and floors: {len(rows) - len(missed)} of {count(len(rows), 'target')} are reached."
    if missed:
        parts = [
            f"{_title(row['case'], row['form'])}: {sig(1 / row['ratio'])} times {row['contender']}, "
            f"at most {sig(row['target'])}"
            for row in missed
        ]
        text += " Not reached: " + "; ".join(parts) + "."
    return [Finding(text, met=not missed)]


def _rival_findings(contests: list[Contest]) -> list[Finding]:
    found = [(contest, contest.best) for contest in contests if contest.best is not None]
    if not found:
        return []
    ratios = [float(best["ratio"]) for _, best in found]
    enough = sum(ratio >= FASTER for ratio in ratios)
    slower = sum(ratio < 1 for ratio in ratios)
    least, most = min(range(len(found)), key=ratios.__getitem__), max(range(len(found)), key=ratios.__getitem__)
    text = (
        f"Against the best rival that runs here, which gives the Laplacian or the trace alone, the p-Laplacian is at "
        f"least {FASTER:g} times faster in {enough} of {count(len(found), 'contest')} and slower in {slower}: least in "
        f"{found[least][0].title} ({found[least][1]['contender']}, {sig(ratios[least])}), most in "
        f"{found[most][0].title} ({found[most][1]['contender']}, {sig(ratios[most])})."
    )
    return [Finding(text)]
