"""Where the exact core spends its time, case by case: matrix products, exponentials, the rest, and how many calls.

    python benchmarks/profile_core.py [--out FILE.csv]

One thread, torch's profiler, 20 calls of `p_laplacian(x, 1.0)` on the cases of `plaplace.compare.rivals`. The profiler
itself costs about a microsecond a call, which is in the rest.
"""

import argparse

import pandas as pd
import torch
from torch.profiler import ProfilerActivity, profile

from plaplace.compare.rivals.cases import CASES, FORMS, problem

PRODUCTS = ("aten::mm", "aten::addmm", "aten::addmm_", "aten::bmm", "aten::baddbmm_")
REPEATS = 20


def shares(slug, form):
    """One row: milliseconds a call of each group, and operator calls."""
    posed = problem(CASES[slug], form)
    repeats = REPEATS if "784" not in slug else 3

    def call():
        return posed.mixture.p_laplacian(posed.x, 1.0)

    call()
    with profile(activities=[ProfilerActivity.CPU]) as found:
        for _ in range(repeats):
            call()
    events = [(e.key, e.self_cpu_time_total / 1e3 / repeats, e.count / repeats) for e in found.key_averages()]
    products = sum(ms for key, ms, _ in events if key in PRODUCTS)
    exponentials = sum(ms for key, ms, _ in events if key in ("aten::exp_", "aten::exp"))
    total = sum(ms for _, ms, _ in events)
    return {
        "case": slug,
        "form": form,
        "total_ms": total,
        "products": products / total,
        "exponentials": exponentials / total,
        "rest": 1 - (products + exponentials) / total,
        "calls": sum(count for key, _, count in events if key.startswith("aten::")),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--out")
    options = parser.parse_args()
    torch.set_num_threads(1)
    table = pd.DataFrame([shares(slug, form) for slug in CASES if slug != "full-784" for form in FORMS])
    print(table.to_string(index=False, float_format="%.3g"))
    if options.out:
        table.to_csv(options.out, index=False, float_format="%.4g", lineterminator="\n")
