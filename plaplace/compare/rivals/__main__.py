"""python -m plaplace.compare.rivals: time rivals and floors, write rivals.csv, print it with ratios."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from plaplace.compare.rivals.measure import QUICK, SLUGS, measure

__all__ = ["main", "printed"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit status: 0 done, 1 refused."""
    parser = argparse.ArgumentParser(prog="python -m plaplace.compare.rivals", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for rivals.csv")
    parser.add_argument("--quick", action="store_true", help=f"five small cases: {', '.join(QUICK)}")
    parser.add_argument("--case", action="append", metavar="SLUG", help=f"may be repeated: {', '.join(SLUGS)}")
    options = parser.parse_args(arguments)

    def show(stage: str, done: int, total: int) -> None:
        print(f"{stage}: {done} of {total}", file=sys.stderr, flush=True)

    try:
        path = measure(options.out, options.quick, show, options.case)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(printed(pd.read_csv(path, keep_default_na=False, na_values={"cpu_ms": "", "ratio": "", "target": ""})))
    return 0


def printed(table: pd.DataFrame) -> str:
    """The table as text, a block a case: milliseconds, how many times ours it takes with its interval, the target."""
    lines = []
    for (case, form), rows in table.groupby(["case", "form"], sort=False):
        lines.append(f"\n{case}, {form}: milliseconds; ratio to ours (95% interval)")
        for row in rows.to_dict("records"):
            name = f"{row['contender']} {row['quantity']}".strip()
            if row["against"] != rows["against"].iloc[0]:
                name += f" against our {row['against']}"
            line = f"  {row['role']:6} {name:52}"
            if math.isnan(row["cpu_ms"]):
                lines.append(f"{line} {row['note']}")
                continue
            interval = f"({float(row['ratio_low']):.3g} .. {float(row['ratio_high']):.3g})"
            line += f" {row['cpu_ms']:10.4g}  {row['ratio']:9.3g} {interval:24}"
            if row["target_of"]:
                line += f" {row['target_of']}: {'reached' if row['reached'] == 'true' else 'missed'}"
            lines.append(f"{line} {row['note']}".rstrip())
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
