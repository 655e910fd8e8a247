"""What was promised of detection, judged by the tables: the membership task, the exact memorizer, the controls."""

from __future__ import annotations

import pandas as pd

from plaplace.compare.reading import Tables
from plaplace.compare.statistic_names import OURS, spoken
from plaplace.compare.summaries.detection import fixed
from plaplace.compare.summaries.findings import Finding
from plaplace.compare.summaries.places import of_ours, operating_step
from plaplace.compare.words import between

__all__ = ["CALLS", "SEEDS", "promises"]

CALLS, SEEDS = 16, 5
RIVALS = (("flux_1", "noised iid", 64), ("flux_1", "noised antithetic", 64), ("denoising_loss", "iid", 16))
REACHED = (0.996, 0.95)  # AUC and TPR at 1% FPR at the step that is shown
EARLIER = (0.976, 0.70)  # at the checkpoint before


def promises(tables: Tables) -> list[Finding]:
    """All that the tables can judge."""
    if "detection" not in tables:
        return []
    table = tables["detection"]
    main = table[table["view"] == "main"]
    return [
        *_membership(main[main["world"] == "membership"], of_ours(tables["paired"])),
        *_memorizer(main, tables["paired"]),
    ]


def _membership(main: pd.DataFrame, paired: pd.DataFrame) -> list[Finding]:
    ours = main[(main["statistic"] == OURS)]
    if not len(ours):
        return []
    step = operating_step(main)
    found = _beaten(paired[(paired["world"] == "membership") & (paired["step"] == step)], step)
    steps = sorted({int(each) for each in ours["step"]})
    for where, auc, tpr in ((step, *REACHED), *([(steps[-2], *EARLIER)] if len(steps) > 1 else [])):
        rows = ours[ours["step"] == where]
        if len(rows):
            found.append(_reached(rows.iloc[0].to_dict(), auc, tpr))
    return [*found, *_own_level(main, ours)]


def _own_level(main: pd.DataFrame, ours: pd.DataFrame) -> list[Finding]:
    """The same demand where the published estimator, at the level that suits it best, has about 0.92."""
    rival = main[(main["statistic"] == "flux_1") & (main["probing"] == "noised iid at its own level")]
    if not len(rival):
        return []
    row = rival.loc[(rival["auc"] - 0.92).abs().idxmin()]
    mine = ours[ours["step"] == row["step"]].iloc[0]
    values = float(mine["auc"]), float(mine["tpr_1"])
    return [
        Finding(
            f"Membership, step {int(row['step']):,}, where the published estimator at the level that suits it best "
            f"(t = {int(row['t'])}, 64 calls) has an AUC of {fixed(row['auc'])}: ours has {fixed(values[0])} and a TPR "
            f"of {fixed(values[1])} at 1% FPR with {int(mine['calls'])} calls, against {REACHED[0]} and {REACHED[1]} "
            "asked.",
            values[0] >= REACHED[0] and values[1] >= REACHED[1],
        )
    ]


def _beaten(paired: pd.DataFrame, step: int) -> list[Finding]:
    """One sentence for the three rivals: both intervals above zero, at no more than 16 calls, over five seeds."""
    names = paired["rival"].str.rsplit(", ", n=2, expand=True)
    texts, met = [], True
    for statistic, probing, calls in RIVALS:
        rows = paired[(names[0] == statistic) & (names[1] == probing)] if len(paired) else paired
        rows = rows.assign(off=(rows["rival"].str.rsplit(", ", n=1).str[-1].astype(float) - calls).abs())
        rows = rows[rows["off"] == rows["off"].min()]
        if set(rows["measure"]) != {"auc", "tpr_1"}:
            return []
        by = {str(each["measure"]): each for each in rows.to_dict("records")}
        differences = ", ".join(
            f"{name} {fixed(by[key]['difference'])} {between(by[key]['low'], by[key]['high'], fixed)}"
            for key, name in (("auc", "AUC"), ("tpr_1", "TPR"))
        )
        texts.append(f"{spoken(str(by['auc']['rival']))} (AUC {fixed(by['auc']['rival_value'])}): {differences}")
        used = int(str(by["auc"]["ours"]).rsplit(", ", 1)[-1])
        seeds = int(by["auc"]["seeds"])
        met = met and used <= CALLS and seeds >= SEEDS and all(each["low"] > 0 for each in by.values())
    start = (
        f"Membership, step {step:,}: over at least {SEEDS} training seeds (here {seeds}) ours with at most {CALLS} "
        f"calls (here {used}; in so few dimensions it is the denoising loss on one ± frame) surely beats three rivals; "
        "difference to "
    )
    return [Finding(start + "; to ".join(texts) + ".", met)]


def _reached(row: dict[object, object], auc: float, tpr: float) -> Finding:
    values = float(str(row["auc"])), float(str(row["tpr_1"]))
    return Finding(
        f"Membership, step {int(str(row['step'])):,}: ours reaches an AUC of {auc} and a TPR of {tpr} at 1% FPR with "
        f"at most {CALLS} calls; it has {fixed(values[0])} and {fixed(values[1])} with {row['calls']}.",
        values[0] >= auc and values[1] >= tpr and int(str(row["calls"])) <= CALLS,
    )


def _memorizer(main: pd.DataFrame, paired: pd.DataFrame) -> list[Finding]:
    """Frames have the exact operator's AUC within their interval; independent directions with more calls surely not."""
    found = []
    rows = paired[paired["ours"].str.startswith("exact_") & (paired["measure"] == "auc")]
    for (world, exact), group in rows.groupby(["world", "ours"], sort=False):
        p = str(exact).split(", ")[0].removeprefix("exact_")
        by = {str(each["rival"]): each for each in group.to_dict("records")}
        frame, iid = by.get(f"flux_{p}, frame, {CALLS}"), by.get(f"flux_{p}, iid, 64")
        own = main[(main["world"] == world) & (main["statistic"] == f"flux_{p}") & (main["probing"] == "frame")]
        if p not in ("1", "2") or frame is None or iid is None or not len(own):
            continue
        low, high = float(own.iloc[0]["auc_low"]), float(own.iloc[0]["auc_high"])
        texts = [
            f"less by {fixed(each['difference'], 4)} {between(each['low'], each['high'], lambda x: fixed(x, 4))}"
            for each in (frame, iid)
        ]
        found.append(
            Finding(
                f"{world}, flux, p = {p}: ± frames with {CALLS} calls have an AUC of {fixed(frame['rival_value'])} "
                f"{between(low, high, fixed)}, which holds the exact operator's {fixed(frame['ours_value'])} "
                f"({texts[0]}, the ball's radius); independent directions with 64 have {fixed(iid['rival_value'])}, "
                f"{texts[1]}.",
                bool(low <= frame["ours_value"] <= high and iid["low"] > 0),
            )
        )
    return found
